"""Plots of what was recorded of a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from m4graph.core.calls import plain_call
from m4graph.evaluation.plots import bottlenecks, time_line, time_series
from m4graph.evaluation.plots.bottlenecks import LinkShares
from m4graph.evaluation.plots.figure import save_figure
from m4graph.evaluation.plots.time_series import Recorded
from m4graph.jobs import JobResult


@plain_call
def plot_records(records: Recorded, folder: Path) -> None:
    """Draws the time series that were recorded into ``links.png`` and ``flows.png``.

    Series without a sample are not drawn.
    """
    if len(records.links):
        plot_links(records, folder / "links.png")
    if len(records.flows):
        plot_flows(records, folder / "flows.png")


@plain_call
def plot_links(
    records: Recorded, path: str | Path, links: Sequence[tuple[int, int]] | None = None
) -> None:
    """Draws throughput and queue of links over time, and the times of their faults.

    Args:
        records (Recorded): Of a run whose links were recorded.
        path (str or Path): The file; its ending chooses the format.
        links (list of pairs, optional): Directions ``(a, b)`` to draw. (default: the six that
            had the longest queues, then those that sent most)

    Raises:
        InputError: If a link was not recorded, or nothing can be written there.
    """
    save_figure(time_series.draw_links(records, links), Path(path))


@plain_call
def plot_flows(records: Recorded, path: str | Path, flows: Sequence[int] | None = None) -> None:
    """Draws rate and remaining bytes of flows over time.

    Args:
        records (Recorded): Of a run whose flows were recorded.
        path (str or Path): The file; its ending chooses the format.
        flows (list of int, optional): Ids of flows to draw. (default: the six that had most to
            send)

    Raises:
        InputError: If a flow was not recorded, or nothing can be written there.
    """
    save_figure(time_series.draw_flows(records, flows), Path(path))


@plain_call
def plot_bottlenecks(links: LinkShares, path: str | Path) -> None:
    """Draws a network, its links coloured by the share of the slowest flows that they hold up.

    Args:
        links (LinkShares): Of a run of a simulator that knows where flows are held up, as it
            leaves them in ``extra["links"]``.
        path (str or Path): The file; its ending chooses the format.

    Raises:
        InputError: If nothing can be written there.
    """
    save_figure(bottlenecks.draw(links), Path(path))


@plain_call
def plot_job(result: JobResult, path: str | Path, ranks: Sequence[int] | None = None) -> None:
    """Draws what the ranks of a job compute and send, over time.

    Args:
        result (JobResult): The job.
        path (str or Path): The file; its ending chooses the format.
        ranks (list of int, optional): Which ranks. (default: 16 at most, evenly spread)

    Raises:
        InputError: If there is no such rank, or nothing can be written there.
    """
    save_figure(time_line.draw(result, ranks), Path(path))
