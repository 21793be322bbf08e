"""How much flows of each size are slowed down."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
from m4graph.evaluation.samples import SideBySide, quantile_of, size_bins

_TITLE = "Slowdown by flow size"
_USUAL = {0.5: "median", 0.9: "90th percentile"}
_STYLES: tuple[tuple[Literal["-", "--"], str], ...] = (("-", "o"), ("--", "^"))


def draw(
    comparisons: Sequence[SideBySide], ax: Axes | None = None, quantile: float | None = None
) -> Figure:
    """Median and 90th percentile of the slowdowns by flow size, or another quantile; a panel for
    each scenario.
    """
    levels = _USUAL if quantile is None else {quantile: f"{100 * quantile:g}th percentile"}
    figure, panels = scenario_panels(_TITLE, comparisons, ax)
    drawn = [values for axes, simulators in panels for values in _panel(axes, simulators, levels)]
    limits = slowdown_limits(drawn)
    for axes, _ in panels:
        slowdown_axis(axes.yaxis, limits)
    kinds = [
        Line2D([], [], color="#777777", linestyle=style, marker=marker, markersize=5, label=label)
        for label, (style, marker) in zip(levels.values(), _STYLES, strict=False)
    ]
    legend(figure, [*simulator_handles(comparisons), *kinds], ax)
    return figure


def _panel(
    axes: Axes, simulators: list[Series], levels: Iterable[float]
) -> list[NDArray[np.float64]]:
    """Draws a scenario; gives the slowdowns that it has drawn."""
    bins = size_bins([each.size_bytes for each in simulators])
    centres = np.array([_centre(simulators, positions) for positions in bins])
    drawn = []
    for each, of_bins in zip(simulators, zip(*bins, strict=True), strict=True):
        for level, (style, marker) in zip(levels, _STYLES, strict=False):
            values = np.array([quantile_of(each.slowdown[flows], level) for flows in of_bins])
            drawn.append(values[np.isfinite(values)])
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


def _centre(simulators: list[Series], positions: list[NDArray[np.int64]]) -> float:
    pairs = zip(simulators, positions, strict=True)
    sizes = np.concatenate([each.size_bytes[flows] for each, flows in pairs])
    return float(np.exp(np.log(sizes).mean()))


def spell_bytes(value: float) -> str:
    """A size as in ``"20 KB"``, with decimal units."""
    for scale, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "KB")):
        if value >= scale * 0.999:
            return f"{value / scale:.4g} {unit}"
    return f"{value:.4g} B"
