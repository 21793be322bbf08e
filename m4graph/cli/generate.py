"""``m4graph generate``: labelled runs from a distribution of scenarios."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from m4graph.datasets.making.manifest import RunFailure, RunRecord


def generate(
    config: Annotated[
        Path, typer.Argument(metavar="CONFIG.yaml", help="A distribution of scenarios.")
    ],
    out: Annotated[
        Path, typer.Option("--out", help="Folder for the runs; one to be completed may exist.")
    ],
    jobs: Annotated[
        int | None, typer.Option("--jobs", help="Processes. [default: one for each core]")
    ] = None,
    backend: Annotated[
        str,
        typer.Option(
            "--backend",
            help="loky (this machine), dask or ray: started here, or those of "
            "$DASK_SCHEDULER_ADDRESS and $RAY_ADDRESS.",
        ),
    ] = "loky",
    shard: Annotated[
        str, typer.Option("--shard", metavar="I/N", help="Only the I-th of N parts, I from 1.")
    ] = "1/1",
    max_hours: Annotated[
        float | None,
        typer.Option(
            "--max-hours",
            help="Refuse a scenario that would take the packet simulator longer. [default: 24]",
        ),
    ] = None,
    max_total_hours: Annotated[
        float | None,
        typer.Option(
            "--max-total-hours",
            help="Refuse scenarios that would take one core longer, all together. [default: 10000]",
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Set a key, as in num_scenarios=10."),
    ] = None,
) -> None:
    """Simulate scenarios drawn from a distribution, with labels to train on.

    Interrupt or kill it, and call it again: what is there is kept. Shards may write to one folder;
    called once more without --shard, it checks their runs and writes one manifest.
    """
    from m4graph.core.progress import count_progress
    from m4graph.core.yaml_file import Override
    from m4graph.datasets.making.config import load_config
    from m4graph.datasets.making.forecast import MAX_TOTAL_HOURS
    from m4graph.datasets.making.generation import GenerationError, label
    from m4graph.datasets.making.generation import generate as generate_runs
    from m4graph.datasets.making.manifest import Shard

    def report_failure(failure: RunFailure) -> None:
        typer.echo(f"failed: {label(str(config), failure.scenario)}: {failure.error}", err=True)

    overrides = [Override.parse(setting) for setting in settings or []]
    part = Shard.parse(shard)
    loaded = load_config(config, overrides)
    try:
        with count_progress(f"{loaded.name} runs") as progress:
            records = generate_runs(
                loaded,
                out,
                jobs,
                backend,
                part,
                progress,
                report_failure,
                str(config),
                {} if max_hours is None else {"max_hours": max_hours},
                MAX_TOTAL_HOURS if max_total_hours is None else max_total_hours,
            )
    except GenerationError as error:
        _report(error.records, out)
        raise
    except KeyboardInterrupt:
        typer.echo(f"{out} keeps the runs that are done; the same command goes on", err=True)
        raise
    _report(records, out)


def _report(records: Sequence[RunRecord], out: Path) -> None:
    flows = sum(record.num_flows for record in records)
    events = sum(record.num_events for record in records)
    typer.echo(f"{len(records)} runs, {flows} flows, {events} events in {out}")
