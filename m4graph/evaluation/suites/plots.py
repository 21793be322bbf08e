"""The plots of a suite: errors over scenarios, by flow size, by kind of scenario."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter

from m4graph.evaluation.plots.figure import legend, literal, panels, save_figure, simulator_colours
from m4graph.evaluation.suites.results import SuiteResults
from m4graph.evaluation.suites.tables import label_groups, size_means
from m4graph.evaluation.tables import ERROR_COLUMNS

_TITLES = {
    "mean_error": "mean error of a scenario",
    "p90_error": "90th percentile of its errors",
    "p99_tail_error": "error of its 99th percentile",
    "completion_time_error": "error of its completion time",
}
_BAR_ROOM = 0.8
_PANELS_A_ROW = 3
_PERCENT = FuncFormatter(lambda value, _: f"{100 * value:.4g} %")


def draw(name: str, report: SuiteResults, path: Path) -> bool:
    """Draws one of :data:`PLOTS` into a file; gives whether there was anything to draw.

    Raises:
        InputError: If nothing can be written there.
    """
    figure = PLOTS[name](report)
    if figure is None:
        return False
    save_figure(figure, path)
    return True


def error_cdf(report: SuiteResults) -> Figure | None:
    """In which part of the scenarios a simulator's error is at most so large."""
    guesses = report.scenarios[~report.scenarios["is_truth"]]
    if guesses["scenario"].nunique() < 2:
        return None
    columns = [*ERROR_COLUMNS, *(["completion_time_error"] if report.closed_loop else [])]
    columns = [column for column in columns if guesses[column].notna().any()]
    if not columns:
        return None
    title = f"Suite {report.suite}: errors over scenarios (further left is better)"
    figure, axes = panels(title, 1, len(columns))
    colours = simulator_colours(guesses["simulator"])
    for each, column in zip(axes[0], columns, strict=True):
        largest = 0.0
        for name, colour in colours.items():
            values = np.sort(guesses.loc[guesses["simulator"] == name, column].dropna())
            if not len(values):
                continue
            share = np.arange(len(values) + 1) / len(values)
            each.step(
                [0.0, *values], share, where="post", color=colour, linewidth=1.9, clip_on=False
            )
            largest = max(largest, float(values[-1]))
        each.set_xlim(0, largest * 1.05 or 1.0)
        each.set_ylim(0, 1.01)
        each.xaxis.set_major_formatter(_PERCENT)
        each.yaxis.set_major_formatter(_PERCENT)
        each.set_xlabel(_TITLES[column], fontsize=10)
    axes[0, 0].set_ylabel("scenarios with at most this error", fontsize=10)
    legend(figure, [_line(name, colour) for name, colour in colours.items()])
    return figure


def error_by_size(report: SuiteResults) -> Figure | None:
    """Mean errors of small and large flows."""
    if not len(report.by_size):
        return None
    title = f"Suite {report.suite}: mean error by flow size"
    return _bars(title, {"flows that fit into": size_means(report)}, 1)


def error_by_kind(report: SuiteResults) -> Figure | None:
    """Mean errors by algorithm, sizes and whatever else tells scenarios apart."""
    groups = label_groups(report)
    if not groups:
        return None
    title = f"Suite {report.suite}: mean error by kind of scenario"
    return _bars(title, groups, min(_PANELS_A_ROW, len(groups)))


def completion_by_kind(report: SuiteResults) -> Figure | None:
    """The same for the completion times of closed loops."""
    groups = label_groups(report, "completion_time_error") if report.closed_loop else {}
    if not groups:
        return None
    title = f"Suite {report.suite}: error of the completion time by kind of scenario"
    return _bars(title, groups, min(_PANELS_A_ROW, len(groups)), "mean of the errors")


PLOTS = {
    "error_cdf": error_cdf,
    "error_by_size": error_by_size,
    "error_by_kind": error_by_kind,
    "completion_by_kind": completion_by_kind,
}
"""Plots by the name of their file; each gives no figure where it has nothing to show."""


def _bars(
    title: str, frames: dict[str, pd.DataFrame], num_columns: int, what: str = "mean error"
) -> Figure:
    num_rows = -(-len(frames) // num_columns)
    inches = (4.6, 3.2) if num_columns > 1 else (6.6, 3.8)
    figure, axes = panels(title, num_rows, num_columns, inches)
    names = list(dict.fromkeys(name for frame in frames.values() for name in frame.columns))
    colours = simulator_colours(names)
    for each, (label, frame) in zip(axes.flat, frames.items(), strict=False):
        _grouped_bars(each, frame, colours)
        each.set_xlabel(label, fontsize=10)
    for each in axes.flat[len(frames) :]:
        each.set_visible(False)
    for row in axes:
        row[0].set_ylabel(what, fontsize=10)
    handles = [Patch(color=colour, label=literal(name)) for name, colour in colours.items()]
    legend(figure, handles)
    return figure


def _grouped_bars(axes: Axes, frame: pd.DataFrame, colours: dict[str, str]) -> None:
    width = _BAR_ROOM / len(frame.columns)
    places = np.arange(len(frame))
    for index, name in enumerate(frame.columns):
        shift = (index - (len(frame.columns) - 1) / 2) * width
        axes.bar(places + shift, frame[name], width * 0.92, color=colours[str(name)])
    axes.set_xticks(places, [_tick(str(value), len(frame)) for value in frame.index])
    axes.yaxis.set_major_formatter(_PERCENT)
    axes.grid(False, axis="x")
    axes.set_ylim(bottom=0)


def _tick(text: str, count: int) -> str:
    """Breaks a long name of one of many bars."""
    return text.replace("_", "_\n", 1) if count > 2 and len(text) > 48 // count else text


def _line(name: str, colour: str) -> Line2D:
    return Line2D([], [], color=colour, lw=2.5, label=literal(name))
