"""``m4graph generate``: labelled runs from a distribution of scenarios."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from m4graph.yaml_file import Override


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
        str, typer.Option("--backend", help="loky (this machine), dask or ray.")
    ] = "loky",
    shard: Annotated[
        str, typer.Option("--shard", metavar="I/N", help="Only the I-th of N parts, I from 1.")
    ] = "1/1",
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Set a key, as in num_scenarios=10."),
    ] = None,
) -> None:
    """Simulate scenarios drawn from a distribution, with labels to train on."""
    from m4graph.cli.progress import count_progress
    from m4graph.datasets.config import load_config
    from m4graph.datasets.generation import Shard, generate

    overrides = [Override.parse(setting) for setting in settings or []]
    part = Shard.parse(shard)
    loaded = load_config(config, overrides)
    with count_progress(f"{loaded.name} runs") as progress:
        records = generate(loaded, out, jobs, backend, part, progress=progress, source=str(config))
    flows = sum(record.num_flows for record in records)
    events = sum(record.num_events for record in records)
    typer.echo(f"{len(records)} runs, {flows} flows, {events} events in {out}")
