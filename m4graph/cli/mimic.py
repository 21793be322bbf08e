"""``m4graph mimic``: models of pods for the mimic simulator."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from m4graph.cli.arguments import ScenarioPath, Settings

app = typer.Typer(
    name="mimic",
    help="Fit and train models of pods, for the mimic simulator.",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _root() -> None:
    """Fit and train models of pods, for the mimic simulator."""


@app.command("fit")
def fit(
    scenario: ScenarioPath,
    out: Annotated[Path, typer.Option("--out", help="Folder for the mimic.")],
    kind: Annotated[
        str, typer.Option("--kind", help="Which model, as lindley or constant.")
    ] = "lindley",
    seed: Annotated[
        int, typer.Option("--seed", help="Of the flows that it learns from, and of the fit.")
    ] = 0,
    options: Annotated[
        list[str] | None,
        typer.Option("--option", metavar="KEY=VALUE", help="Set an option of the model."),
    ] = None,
    settings: Settings = None,
) -> None:
    """Simulate two pods of a scenario by packet, and learn what one of them does to packets.

    The mimic then stands for all pods but one: m4graph simulate --simulator mimic --model OUT.
    """
    from m4graph.core.files import check_output_folder
    from m4graph.core.progress import count_progress
    from m4graph.core.yaml_file import Override, apply_overrides
    from m4graph.mimic.fitting import fit as fit_mimic

    overrides = [Override.parse(setting) for setting in settings or []]
    own = apply_overrides({}, [Override.parse(option, "--option") for option in options or []])
    check_output_folder(out)
    with count_progress("packet flows") as progress:
        mimic = fit_mimic(scenario, kind, seed, overrides, progress, **own)
    mimic.save(out)
    typer.echo(f"{kind} of {mimic.training['num_packets']} packets in {out}")


@app.command("train")
def train(
    config: Annotated[
        Path,
        typer.Argument(metavar="CONFIG.yaml", help="Scenarios, how they are cut, the training."),
    ],
    out: Annotated[
        Path, typer.Option("--out", help="Folder for the mimic; one to be completed may exist.")
    ],
    settings: Settings = None,
) -> None:
    """Simulate small runs of many configurations, and train one mimic for all of them.

    Interrupt or kill it, and call it again: runs that are done are kept.
    """
    from m4graph.core.progress import count_progress
    from m4graph.core.yaml_file import Override
    from m4graph.mimic.many.config import load_many_config
    from m4graph.mimic.many.making import make

    loaded = load_many_config(config, [Override.parse(setting) for setting in settings or []])
    with count_progress(f"{loaded.name} runs") as progress:
        mimic = make(loaded, out, progress)
    typer.echo(f"graph of {mimic.training['num_scenarios']} runs in {out}")
