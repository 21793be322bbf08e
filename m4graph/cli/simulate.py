"""``m4graph simulate``: one scenario, one simulator."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from m4graph.cli.arguments import DeviceName, EngineName, ModelName, ScenarioPath, Settings
from m4graph.core.errors import ConfigError

if TYPE_CHECKING:
    from m4graph.results import SimulationResult
    from m4graph.simulators.packet import Recording


def simulate(
    scenario: ScenarioPath,
    simulator: Annotated[
        str, typer.Option("--simulator", help="packet, fluid or learned.")
    ] = "packet",
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
            help="Of packet, with --out: what to record into OUT/recording (links, flows, taps).",
        ),
    ] = None,
    settings: Settings = None,
) -> None:
    """Simulate a scenario and report the completion time of every flow."""
    from m4graph.cli import output
    from m4graph.cli.progress import flow_progress
    from m4graph.core.yaml_file import Override
    from m4graph.scenario.files import load_scenario
    from m4graph.simulators import build_simulator

    overrides = [Override.parse(setting) for setting in settings or []]
    given = {"model": model, "engine": engine, "device": device}
    options: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if record is not None:
        options["recording"] = _read_recording(record, out)
    runner = build_simulator(simulator, **options)
    loaded = load_scenario(scenario, overrides)
    if out is not None:
        output.check(out, scenario)
    with flow_progress(runner.name) as progress:
        result = runner.run(loaded, progress)
    if out is not None:
        output.write(result, out)
    _print_table(result)


def _read_recording(record: Path, out: Path | None) -> Recording:
    from m4graph.core.schema import KeyProblem
    from m4graph.core.yaml_file import locate, read_yaml
    from m4graph.simulators.packet import Recording

    if out is None:
        raise ConfigError(
            "--record: expected --out, the folder to write recording/ into (got none)"
        )
    data = read_yaml(record)
    try:
        return Recording.parse(data, "")
    except KeyProblem as problem:
        raise locate(problem, str(record), []) from None


def _print_table(result: SimulationResult) -> None:
    from rich.console import Console
    from rich.table import Table

    summary = result.summary()
    table = Table(title=summary["name"], show_header=False)
    for key in _SHOWN:
        table.add_row(key, _cell(summary[key]))
    Console().print(table)


_SHOWN = (
    "simulator",
    "num_flows",
    "num_finished",
    "num_events",
    "packet_hops",
    "mean_slowdown",
    "p50_slowdown",
    "p99_slowdown",
    "completion_time_ns",
    "wall_s",
    "compile_s",
)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
