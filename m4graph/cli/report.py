"""``m4graph report``: a run, a comparison, a suite, a sweep or a job as one HTML file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from m4graph.cli.arguments import (
    DeviceName,
    EngineName,
    ModelName,
    Options,
    Settings,
    SimulatorNames,
    split_names,
)
from m4graph.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from m4graph.report.page import Page
    from m4graph.simulators import Runner


def report(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="DIR|SCENARIO",
            help="What simulate, compare, evaluate, sweep or job wrote, or a scenario to simulate.",
        ),
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="The HTML file.")] = Path("report.html"),
    simulators: SimulatorNames = None,
    model: ModelName = None,
    engine: EngineName = None,
    device: DeviceName = None,
    options: Options = None,
    settings: Settings = None,
) -> None:
    """Write one HTML file, to be opened in a browser, that shows what came out.

    A scenario is simulated first, by packet with a recording of all links, by fluid and learned.
    """
    from m4graph.core.files import check_output_folder
    from m4graph.report.folders import is_output, page_of_folder

    given = (simulators, model, engine, device, options, settings)
    check_output_folder(out.parent)
    if out.is_dir():
        raise ConfigError(f"--out {out}: expected a file (got a folder)")
    if source.is_dir() and is_output(source):
        if any(each is not None and each != [] for each in given):
            raise ConfigError(
                f"{source}: expected no option but --out, as nothing is simulated (got others)"
            )
        page = page_of_folder(source)
    else:
        page = _simulated(source, *given)
    page.write(out)
    typer.echo(f"wrote {out}")


def _simulated(
    path: Path,
    simulators: str | None,
    model: str | None,
    engine: str | None,
    device: str | None,
    options: list[str] | None,
    settings: list[str] | None,
) -> Page:
    """Simulates a scenario, with a recording where ``packet`` is among the simulators."""
    from m4graph.cli.compare import run_all
    from m4graph.core.yaml_file import Override
    from m4graph.evaluation.scenario_results import check_truth
    from m4graph.report.recording import recording_of
    from m4graph.report.scenario_page import RECORDING, comparison_page
    from m4graph.scenario.files import load_scenario
    from m4graph.simulators import COMPARED, TRUTH, make_runners, read_options

    names = list(COMPARED) if simulators is None else split_names("--simulators", simulators)
    own = read_options(options or [], names)
    scenario = load_scenario(path, [Override.parse(setting) for setting in settings or []])
    if TRUTH in names:
        own[TRUTH] = {RECORDING: recording_of(scenario)} | own.get(TRUTH, {})
    models = [] if model is None else [model]
    runners: Sequence[Runner] = make_runners(
        names, models, {"engine": engine, "device": device}, own
    )
    check_truth("--simulators", [each.label for each in runners], scenario.expected is not None)
    for runner in runners:
        runner.build()
    return comparison_page(run_all(runners, scenario))
