"""Each flow's predicted slowdown against its true one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from m4graph.core.errors import ConfigError
from m4graph.evaluation.plots.figure import (
    Series,
    colours,
    given_axes,
    legend,
    literal,
    panels,
    series,
    slowdown_axis,
    slowdown_limits,
    wrapped,
)
from m4graph.evaluation.samples import SideBySide
from m4graph.evaluation.tables import percent
from m4graph.metrics import ErrorSummary

_CELLS = 40
_INCHES = (3.4, 3.7)
_TITLE = "Predicted and true slowdown (below the line: too fast)"


def draw(comparisons: Sequence[SideBySide], ax: Axes | None = None) -> Figure:
    """Predicted against true slowdowns: a panel for each scenario and simulator.

    Scenarios stand side by side, simulators below each other; those of one scenario side by side.

    Raises:
        ConfigError: If a comparison has no truth.
    """
    palette = colours(comparisons)
    simulators = [series(comparison, palette) for comparison in comparisons]
    for comparison, (first, *_) in zip(comparisons, simulators, strict=True):
        if not first.is_truth:
            raise ConfigError(
                "plot true_vs_predicted: expected a comparison with a truth, as of "
                f"m4.compare(..., truth=...) (got none for {comparison.name})"
            )
    figure, axes = _grid(len(palette), len(comparisons), ax)
    limits = slowdown_limits(each.slowdown for group in simulators for each in group)
    for row, comparison, (truth, *guesses) in zip(axes, comparisons, simulators, strict=True):
        found = {guess.name: guess for guess in guesses}
        for each, name in zip(row, palette, strict=True):
            if name in found:
                _panel(each, truth, found[name], limits)
                heading = _heading(name, comparison.errors[name])
                each.set_title(f"{wrapped(comparison.name, 36)}\n{heading}", fontsize=10)
            else:
                each.set_visible(False)
    legend(figure, _HANDLES, ax)
    return figure


def _grid(num_simulators: int, num_scenarios: int, ax: Axes | None) -> tuple[Figure, NDArray[Any]]:
    """A figure and its axes ``[num_scenarios, num_simulators]``."""
    if ax is not None:
        return given_axes(ax, num_simulators * num_scenarios)
    if num_scenarios == 1:
        return panels(_TITLE, 1, num_simulators, _INCHES)
    figure, axes = panels(_TITLE, num_simulators, num_scenarios, _INCHES)
    return figure, axes.T


_HANDLES = (
    Line2D([], [], color="#222222", linestyle="--", label="perfect prediction"),
    Line2D(
        [],
        [],
        color="#777777",
        marker="h",
        linestyle="",
        markersize=8,
        label="flows (the darker, the more)",
    ),
)


def _panel(axes: Axes, truth: Series, guess: Series, limits: tuple[float, float]) -> None:
    axes.hexbin(
        truth.slowdown,
        guess.slowdown,
        xscale="log",
        yscale="log",
        gridsize=_CELLS,
        bins="log",
        mincnt=1,
        linewidths=0.2,
        extent=(*np.log10(limits), *np.log10(limits)),
        cmap=_shades(guess.colour),
    )
    axes.plot(limits, limits, color="#222222", linestyle="--", linewidth=1.2)
    slowdown_axis(axes.xaxis, limits)
    slowdown_axis(axes.yaxis, limits)
    axes.set_aspect("equal")
    axes.set_xlabel(f"true slowdown ({literal(truth.name)})", fontsize=10)
    axes.set_ylabel(f"slowdown by {literal(guess.name)}", fontsize=10)


def _heading(name: str, errors: ErrorSummary) -> str:
    return (
        f"{literal(name)}: mean error {percent(errors.mean_error)}, p90 {percent(errors.p90_error)}"
    )


def _shades(colour: str) -> LinearSegmentedColormap:
    """From a light tint of a colour to a dark shade of it."""
    rgb = np.array([int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)])
    tint, shade = 1 - 0.3 * (1 - rgb), 0.45 * rgb
    return LinearSegmentedColormap.from_list(colour, [tint, rgb, shade])
