"""``m4graph sweep``: one scenario, some of its keys with several values each."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from m4graph.cli.arguments import (
    DeviceName,
    EngineName,
    ModelName,
    Options,
    ScenarioPath,
    split_names,
)
from m4graph.core.errors import ConfigError


def sweep(
    scenario: ScenarioPath,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE,VALUE,...",
            help="Values of a key, as in workload.load=0.3,0.5; of several keys all combinations.",
        ),
    ] = None,
    simulators: Annotated[
        list[str] | None,
        typer.Option(
            "--simulators",
            "--simulator",
            metavar="NAME,NAME,...",
            help="Which to run. Errors are against packet, if it is among them. (default: packet)",
        ),
    ] = None,
    quantiles: Annotated[
        str, typer.Option("--quantiles", help="Of the slowdowns.")
    ] = "0.5,0.9,0.99",
    model: ModelName = None,
    engine: EngineName = None,
    device: DeviceName = None,
    options: Options = None,
    jobs: Annotated[
        int, typer.Option("--jobs", help="Processes side by side, of one thread each.")
    ] = 1,
    backend: Annotated[
        str,
        typer.Option("--backend", help="loky (this machine), dask or ray, as of generate."),
    ] = "loky",
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Write results, table and plot; one to go on with may exist."),
    ] = None,
) -> None:
    """Simulate a scenario with all combinations of values of some of its keys.

    Interrupt or kill it, and call it again: with --out, what is there is kept.
    """
    from rich.console import Console

    from m4graph.cli import output
    from m4graph.core.progress import count_progress
    from m4graph.simulators import TRUTH, make_runners, read_options
    from m4graph.sweeps.points import make_points, read_values
    from m4graph.sweeps.run import run_sweep

    points = make_points(read_values(settings or []), "--set")
    names = [name for given in simulators or [TRUTH] for name in split_names("--simulators", given)]
    own = read_options(options or [], names)
    models = [] if model is None else [model]
    runners = make_runners(names, models, {"engine": engine, "device": device}, own)
    if out is not None:
        output.check(out, scenario)
    try:
        with count_progress("points") as progress:
            swept = run_sweep(
                scenario, points, runners, _numbers(quantiles), out, jobs, backend, progress
            )
    except KeyboardInterrupt:
        if out is not None:
            typer.echo(f"{out} keeps the results so far; the same command goes on", err=True)
        raise
    Console().print(swept.table())


def _numbers(given: str) -> list[float]:
    try:
        return [float(each) for each in given.split(",")]
    except ValueError:
        raise ConfigError(
            f"--quantiles: expected numbers with commas between them (got {given!r})"
        ) from None
