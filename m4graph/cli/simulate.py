"""``m4graph simulate``: one scenario, one simulator."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from m4graph.cli.arguments import (
    DeviceName,
    EngineName,
    ModelName,
    Options,
    ScenarioPath,
    Settings,
)
from m4graph.core.errors import ConfigError

if TYPE_CHECKING:
    from m4graph.simulators import Runner


def simulate(
    scenario: ScenarioPath,
    simulator: Annotated[
        str | None, typer.Option("--simulator", help="Which to run. (default: packet)")
    ] = None,
    model: ModelName = None,
    engine: EngineName = None,
    device: DeviceName = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write fct.csv, summary.json and the scenario.")
    ] = None,
    record: Annotated[
        Path | None,
        typer.Option(
            "--record",
            metavar="RECORDING.yaml",
            help="Of packet, with --out: what to record into OUT/recording (links, taps, rtt).",
        ),
    ] = None,
    options: Options = None,
    settings: Settings = None,
) -> None:
    """Simulate a scenario and report the completion time of every flow."""
    from rich.console import Console

    from m4graph.cli import output
    from m4graph.core.progress import count_progress
    from m4graph.core.yaml_file import Override, read_yaml
    from m4graph.scenario.files import load_scenario
    from m4graph.simulators import TRUTH, make_runners, read_options

    overrides = [Override.parse(setting) for setting in settings or []]
    if record is not None and out is None:
        raise ConfigError(
            "--record: expected --out, the folder to write recording/ into (got none)"
        )
    shared: dict[str, Any] = {"engine": engine, "device": device}
    if record is not None:
        shared["recording"] = read_yaml(record)
    name = TRUTH if simulator is None else simulator
    own = read_options(options or [], [name])
    (runner,) = make_runners([name], [] if model is None else [model], shared, own)
    _check_options(runner, record)
    loaded = load_scenario(scenario, overrides)
    if out is not None:
        output.check(out, scenario)
    with count_progress(f"{runner.label} {runner.counted}") as progress:
        result = runner.run(loaded, progress)
    if out is not None:
        output.write(result, out, runner.options)
    Console().print(result)


def _check_options(runner: Runner, record: Path | None) -> None:
    """Makes the simulator, to hear what is bad about its options before anything has run."""
    from m4graph.core.schema import KeyProblem

    try:
        runner.build()
    except KeyProblem as problem:
        if record is None:
            raise
        # Only a recording, of all options, is a block of keys.
        raise ConfigError(f"{record}: {str(problem).removeprefix('recording.')}") from None
