"""What the ranks of a job compute and send, over time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from m4graph.core.schema import KeyProblem
from m4graph.evaluation.plots.figure import LINE_COLOURS, legend, panels
from m4graph.jobs import JobResult

MAX_RANKS = 16
"""More lines are too thin to see."""

_COMPUTE = "#B0B7C3"
_NS_PER_MS = 1e6


def draw(result: JobResult, ranks: Sequence[int] | None = None) -> Figure:
    """A line for each rank: what it computes, and below it what it communicates.

    Args:
        result (JobResult): The job.
        ranks (list of int, optional): Of all tenants, one after the other. (default: 16 at most,
            evenly spread)

    Raises:
        KeyProblem: If there is no such rank.
    """
    num_ranks = len(result.state.ranks)
    if ranks is None:
        ranks = np.unique(np.linspace(0, num_ranks - 1, MAX_RANKS).astype(int)).tolist()
    for rank in ranks:
        if not 0 <= rank < num_ranks:
            raise KeyProblem("ranks", f"expected ranks in 0 .. {num_ranks - 1} (got {rank})")
    title = f"{result.job.name}, {result.simulator}: {result.iteration_ns / _NS_PER_MS:.1f} ms"
    figure, axes = panels(title, 1, 1, (9.0, 1.2 + 0.4 * len(ranks)))
    (axis,) = axes.flat
    dimension_of = result.state.groups["dimension"][result.state.operations["group"]]
    used: set[int] = set()
    for line, rank in enumerate(ranks):
        _bars(axis, result.computations(rank), line - 0.4, _COMPUTE)
        operations = result.operations_of(rank)
        own = dimension_of[operations[:, 3]]
        for number in np.unique(own).tolist():
            used.add(number)
            _bars(axis, operations[own == number], line, _colour(number))
    axis.set_yticks(range(len(ranks)), [f"rank {rank}" for rank in ranks])
    axis.invert_yaxis()
    axis.set_xlabel("time, ms", fontsize=10)
    axis.set_xlim(0, max(result.iteration_ns, 1) / _NS_PER_MS)
    names = [(_COMPUTE, "compute")]
    names += [(_colour(n), result.layout.dimensions[n]) for n in sorted(used)]
    handles = [Patch(color=colour, label=label) for colour, label in names]
    legend(figure, handles)
    return figure


def _colour(dimension: int) -> str:
    return LINE_COLOURS[dimension % len(LINE_COLOURS)]


def _bars(axis: Axes, rows: NDArray[np.int64], bottom: float, colour: str) -> None:
    spans = np.stack((rows[:, 0], rows[:, 1] - rows[:, 0]), axis=1) / _NS_PER_MS
    axis.broken_barh(spans.tolist(), (bottom, 0.4), color=colour, linewidth=0)
