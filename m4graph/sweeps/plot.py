"""A column of a sweep's table over one of its keys."""

from __future__ import annotations

from itertools import cycle
from typing import Any, NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from m4graph.evaluation.plots.figure import (
    ALONE_INCHES,
    literal,
    log_axis,
    panels,
    simulator_colours,
)

_WIDE = 5
"""Values whose largest is that many times the smallest are drawn on a logarithmic axis."""

_FEW = 8
"""So many values of a key have a tick each."""

_STYLES: tuple[tuple[str, Any], ...] = tuple(
    zip("os^Dv<>P", ("-", "--", ":", "-.") * 2, strict=True)
)


class Plotted(NamedTuple):
    """What is drawn.

    Fields:
        - name (str): the title
        - frame (DataFrame): as of :meth:`.Sweep.to_frame`
        - keys (tuple): the swept ones
        - column (str): of numbers
    """

    name: str
    frame: pd.DataFrame
    keys: tuple[str, ...]
    column: str


def draw(plotted: Plotted, axes: Axes | None = None) -> Figure:
    """Draws a line for each simulator and each combination of values of the other keys.

    Of several seeds it is the mean.
    """
    frame, column = plotted.frame, plotted.column
    if axes is None:
        axes = panels(literal(plotted.name), 1, 1, ALONE_INCHES)[1][0, 0]
    keys = [key for key in plotted.keys if not _is_seed(key)] or list(plotted.keys)
    along = _along(frame, keys)
    others = [key for key in keys if key != along and frame[key].nunique() > 1]
    places = _places(frame[along])
    labels = frame[others].apply(_label, axis=1) if others else pd.Series("", frame.index)
    simulators = frame["simulator"]
    if simulators.nunique() > 1:
        colours = simulator_colours(simulators)
    else:
        colours = simulator_colours(labels)
    styles = dict(zip(labels.unique(), cycle(_STYLES), strict=False))
    for group, own in frame.groupby([simulators, labels], sort=False):
        simulator, label = map(str, group)
        means = own.assign(x=own[along].map(places)).groupby("x")[column].mean()
        marker, dashes = styles[label]
        axes.plot(
            means.index,
            means,
            color=colours.get(simulator) or colours[label],
            marker=marker,
            linestyle=dashes if _is_numeric(frame[along]) else "none",
            markersize=5,
            linewidth=1.7,
        )
    _label_axes(axes, plotted, along, places)
    _legend(axes, simulators.unique().tolist(), colours, styles)
    found = axes.get_figure(root=True)
    assert isinstance(found, Figure)
    return found


def _along(frame: pd.DataFrame, keys: list[str]) -> str:
    """The key to draw over: of those with numbers that which has most, or the first."""
    numeric = [key for key in keys if _is_numeric(frame[key])]
    return max(numeric or keys[:1], key=lambda key: frame[key].nunique())


def _is_seed(key: str) -> bool:
    return key.rpartition(".")[2] == "seed"


def _places(values: pd.Series[Any]) -> dict[Any, float]:
    """Where values stand: at themselves, or one after the other if they are no numbers."""
    if _is_numeric(values):
        return {value: float(value) for value in values}
    return {value: float(place) for place, value in enumerate(values.unique())}


def _label(values: pd.Series[Any]) -> str:
    return ", ".join(
        str(value) if isinstance(value, str) else f"{str(key).rpartition('.')[2]} {value}"
        for key, value in values.items()
    )


def _label_axes(axes: Axes, plotted: Plotted, along: str, places: dict[Any, float]) -> None:
    values, column = plotted.frame[plotted.column], plotted.column
    axes.set_xlabel(along, fontsize=10)
    seeds = [key for key in plotted.keys if _is_seed(key) and key != along]
    over = ", mean over seeds" if seeds else ""
    axes.set_ylabel(column.replace("_", " ") + over, fontsize=10)
    if not _is_numeric(plotted.frame[along]):
        axes.set_xticks(list(places.values()), [literal(str(value)) for value in places])
    elif len(places) <= _FEW:
        axes.set_xticks(sorted(places.values()))
    if column.endswith("_error"):
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        axes.set_ylim(bottom=0)
    elif 0 < values.min() * _WIDE < values.max():
        log_axis(axes.yaxis, values.min() / 1.1, values.max() * 1.1, lambda each: f"{each:,.10g}")


def _legend(
    axes: Axes,
    simulators: list[str],
    colours: dict[str, str],
    styles: dict[str, tuple[str, Any]],
) -> None:
    several = len(simulators) > 1
    handles = [
        Line2D([], [], color=colours[name], lw=2.5, label=literal(name))
        for name in simulators
        if several
    ]
    handles += [
        Line2D([], [], color="#555555" if several else colours[label], marker=marker,
               linestyle=dashes, label=literal(label))
        for label, (marker, dashes) in styles.items()
        if len(styles) > 1
    ]  # fmt: skip
    if handles:
        axes.legend(handles=handles, frameon=False, fontsize=9)


def _is_numeric(values: pd.Series[Any]) -> bool:
    return bool(is_numeric_dtype(values) and not is_bool_dtype(values))
