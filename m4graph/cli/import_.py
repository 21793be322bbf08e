"""``m4graph import``: runs of ns-3 as a data set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from m4graph.datasets.making.manifest import RunFailure, RunRecord


def import_(
    sources: Annotated[
        list[Path],
        typer.Argument(metavar="SRC...", help="Folders of a run, or folders of such folders."),
    ],
    format_name: Annotated[
        str,
        typer.Option("--from", metavar="hpcc|m4|scenario", help="What the folders hold."),
    ],
    out: Annotated[
        Path, typer.Option("--out", help="Folder for the runs; one to be completed may exist.")
    ],
) -> None:
    """Make a data set of runs of ns-3, or of scenario folders with an expected.csv.

    Their recorded times become the truth that `m4graph train` trains on.
    """
    from m4graph.core.progress import count_progress
    from m4graph.datasets.importers.runs import import_runs
    from m4graph.datasets.making.generation import GenerationError

    def report_note(source: Path, note: str) -> None:
        typer.echo(f"note: {source}: {note}", err=True)

    def report_failure(failure: RunFailure) -> None:
        typer.echo(f"failed: {failure.error}", err=True)

    try:
        with count_progress("runs imported") as progress:
            records = import_runs(sources, out, format_name, progress, report_note, report_failure)
    except GenerationError as error:
        _report(error.records, out)
        raise
    _report(records, out)


def _report(records: Sequence[RunRecord], out: Path) -> None:
    flows = sum(record.num_flows for record in records)
    unfinished = flows - sum(record.num_finished for record in records)
    typer.echo(f"{len(records)} runs, {flows} flows, {unfinished} unfinished in {out}")
