"""``m4graph job``: one iteration of a training job."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from m4graph.cli.arguments import DeviceName, EngineName, ModelName, Options, Settings
from m4graph.core.errors import ConfigError

if TYPE_CHECKING:
    from m4graph.jobs import JobResult


def job(
    path: Annotated[Path, typer.Argument(metavar="JOB.yaml", help="The job.")],
    simulator: Annotated[
        str, typer.Option("--simulator", help="fluid, learned, packet, or another with sessions.")
    ] = "fluid",
    model: ModelName = None,
    engine: EngineName = None,
    device: DeviceName = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Write tables, summary.json, trace.json and a plot."),
    ] = None,
    flows: Annotated[
        bool,
        typer.Option(
            "--flows", help="With --out: also fct.csv; needs memo: false and nvlink: simulate."
        ),
    ] = False,
    options: Options = None,
    settings: Settings = None,
) -> None:
    """Simulate one iteration of a training job: its time, and the communication that shows."""
    from m4graph.core.files import check_output_folder
    from m4graph.core.progress import count_progress
    from m4graph.core.yaml_file import Override
    from m4graph.jobs import load_job, simulate_job
    from m4graph.simulators import make_runners, read_options
    from m4graph.simulators.base import check_sessions

    shared: dict[str, Any] = {"engine": engine, "device": device}
    own = read_options(options or [], [simulator])
    check_sessions(simulator)
    (runner,) = make_runners([simulator], [] if model is None else [model], shared, own)
    if flows and out is None:
        raise ConfigError("--flows: expected --out, the folder for fct.csv (got none)")
    if out is not None:
        check_output_folder(out)
    loaded = load_job(path, [Override.parse(setting) for setting in settings or []])
    with count_progress(f"{runner.label} nodes") as progress:
        result = simulate_job(loaded, runner.build(), progress=progress, keep_flows=flows)
    if out is not None:
        _write(result, out)
    _print_table(result)


def _write(result: JobResult, out: Path) -> None:
    from m4graph.core.files import whole_folder
    from m4graph.evaluation import plot_job
    from m4graph.jobs.layers import layer_table
    from m4graph.jobs.trace import write_trace

    with whole_folder(out, mark="summary.json") as scratch:
        result.write_tables(scratch)
        write_trace(result, scratch / "trace.json")
        plot_job(result, scratch / "timeline.png")
        table = layer_table(result)
        if len(table) > 1:
            table.to_csv(scratch / "EndToEnd.csv", index=False)


def _print_table(result: JobResult) -> None:
    from rich.console import Console
    from rich.table import Table

    summary = result.summary()
    table = Table(title=summary["name"], show_header=False)
    exposed = {f"exposed {name}": ns for name, ns in result.exposed_communication_ns.items() if ns}
    times = {"iteration": result.iteration_ns, "compute": result.compute_ns, **exposed}
    for name, time_ns in times.items():
        table.add_row(name, f"{time_ns / 1e6:.3f} ms")
    for key in ("simulator", "num_ranks", "num_operations", "num_flows", "num_simulated"):
        table.add_row(key, str(summary[key]))
    table.add_row("nvlink", f"{summary['nvlink']}, memo: {str(summary['memo']).lower()}")
    table.add_row("wall_s", f"{summary['wall_s']:.3g}")
    Console().print(table)
