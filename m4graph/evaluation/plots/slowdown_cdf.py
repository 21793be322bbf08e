"""Which part of the flows is slowed down by how much."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from m4graph.evaluation.plots.figure import (
    Series,
    legend,
    scenario_panels,
    simulator_handles,
    slowdown_axis,
    slowdown_limits,
)
from m4graph.evaluation.samples import SideBySide

_TITLE = "Slowdown of the flows"


def draw(comparisons: Sequence[SideBySide], ax: Axes | None = None) -> Figure:
    """The distribution function of the slowdowns, a panel for each scenario."""
    figure, panels = scenario_panels(_TITLE, comparisons, ax)
    limits = slowdown_limits(each.slowdown for _, simulators in panels for each in simulators)
    for axes, simulators in panels:
        _panel(axes, simulators)
        slowdown_axis(axes.xaxis, limits)
    legend(figure, simulator_handles(comparisons), ax)
    return figure


def _panel(axes: Axes, simulators: list[Series]) -> None:
    # The truth lies below, thick: a thin line on it is right.
    for each in simulators:
        values = np.sort(each.slowdown)
        share = np.arange(1, len(values) + 1) / len(values)
        width = 3.4 if each.is_truth else 1.7
        axes.step(values, share, where="post", color=each.colour, linewidth=width)
    axes.set_ylim(0, 1.01)
    axes.set_yticks(np.linspace(0, 1, 6))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_xlabel("slowdown (completion time / time alone in the network)", fontsize=10)
    axes.set_ylabel("flows with at most this slowdown", fontsize=10)
