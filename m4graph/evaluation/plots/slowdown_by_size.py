"""How much flows of each size are slowed down."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from m4graph.evaluation.plots.figure import (
    Series,
    legend,
    log_axis,
    scenario_panels,
    simulator_handles,
    slowdown_axis,
    slowdown_limits,
)
from m4graph.evaluation.scenario_results import ScenarioResults

BINS_A_DECADE = 3
FEWEST_FLOWS = 30
"""A bin of fewer flows is joined with the next larger sizes: its percentiles mean nothing."""

_LINES: tuple[tuple[int, Literal["-", "--"], str, str], ...] = (
    (50, "-", "o", "median"),
    (90, "--", "^", "90th percentile"),
)


_TITLE = "Slowdown by flow size (a good simulator lies on the truth)"


def draw(comparisons: Sequence[ScenarioResults]) -> Figure:
    """Median and 90th percentile of the slowdowns by flow size, a panel for each scenario."""
    figure, panels = scenario_panels(_TITLE, comparisons)
    drawn = [values for axes, simulators in panels for values in _panel(axes, simulators)]
    limits = slowdown_limits(drawn)
    for axes, _ in panels:
        slowdown_axis(axes.yaxis, limits)
    kinds = [
        Line2D([], [], color="#777777", linestyle=style, marker=marker, markersize=5, label=label)
        for _, style, marker, label in _LINES
    ]
    legend(figure, [*simulator_handles(comparisons), *kinds])
    return figure


def size_bins(size_bytes: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Flows of similar sizes, from small to large: positions in the array.

    Bins are :data:`BINS_A_DECADE` to a decade; one of too few flows is joined with the next, and
    the last with the one before it.
    """
    steps = np.floor(np.log10(size_bytes) * BINS_A_DECADE).astype(np.int64)
    bins: list[NDArray[np.int64]] = []
    waiting = np.empty(0, dtype=np.int64)
    for step in np.unique(steps):
        waiting = np.concatenate([waiting, np.flatnonzero(steps == step)])
        if len(waiting) >= FEWEST_FLOWS:
            bins.append(waiting)
            waiting = np.empty(0, dtype=np.int64)
    if len(waiting) and bins:
        bins[-1] = np.concatenate([bins[-1], waiting])
    elif len(waiting):
        bins.append(waiting)
    return bins


def _panel(axes: Axes, simulators: list[Series]) -> list[NDArray[np.float64]]:
    """Draws a scenario; gives the slowdowns that it has drawn."""
    size_bytes = simulators[0].size_bytes
    bins = size_bins(size_bytes)
    centres = np.array([np.exp(np.log(size_bytes[flows]).mean()) for flows in bins])
    drawn = []
    for each in simulators:
        for level, style, marker, _ in _LINES:
            values = np.array([np.percentile(each.slowdown[flows], level) for flows in bins])
            drawn.append(values)
            axes.plot(
                centres,
                values,
                color=each.colour,
                linestyle=style,
                marker=marker,
                markersize=6 if each.is_truth else 4,
                linewidth=3.2 if each.is_truth else 1.7,
            )
    log_axis(axes.xaxis, centres[0] / 1.5, centres[-1] * 1.5, spell_bytes)
    axes.set_xlabel("flow size", fontsize=10)
    axes.set_ylabel("slowdown", fontsize=10)
    return drawn


def spell_bytes(value: float) -> str:
    """A size as in ``"20 KB"``, with decimal units."""
    for scale, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "KB")):
        if value >= scale * 0.999:
            return f"{value / scale:.4g} {unit}"
    return f"{value:.4g} B"
