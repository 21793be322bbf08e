"""What all plots share: colours, axes, legends, files. No global state of matplotlib is touched."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator
from numpy.typing import NDArray

from m4graph.core.errors import InputError
from m4graph.core.schema import KeyProblem
from m4graph.evaluation.samples import Sample, SideBySide
from m4graph.simulators import SIMULATORS

PANEL_INCHES = (4.6, 3.4)
ALONE_INCHES = (6.6, 4.4)
DPI = 130
_TITLE_LETTERS = 9
"""That many fit in an inch."""

_LEGEND_LETTERS = 12
"""That many fit in an inch."""

TRUTH_COLOUR = "#222222"
_TRUTH_BESIDE_IT = "#7F7F7F"

# Some of Okabe and Ito's palette, which colour-blind readers can tell apart; simulators have the
# others as their own.
SPARE_COLOURS = ("#56B4E9", "#009E73", "#8C6D1F", "#7A5195", "#6B7280")
LINE_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6D1F")
"""Of links, flows and whatever else is no simulator."""


@dataclass(frozen=True)
class Series(Sample):
    """One result of a comparison, as it is drawn."""

    colour: str


class Drawing(Figure):
    """A figure that notebooks show, whether pyplot was imported or not."""

    def _repr_png_(self) -> bytes:
        buffer = BytesIO()
        self.savefig(buffer, format="png", dpi=DPI)
        return buffer.getvalue()


def colours(comparisons: Iterable[SideBySide]) -> dict[str, str]:
    """A colour for each result but the truth, the same in every plot of the comparisons."""
    samples = [sample for comparison in comparisons for sample in comparison.samples]
    return simulator_colours(sample.name for sample in samples if not sample.is_truth)


def truth_colour(palette: Mapping[str, str]) -> str:
    """Black; grey where times were recorded and ``packet``, black itself, is beside them."""
    return _TRUTH_BESIDE_IT if TRUTH_COLOUR in palette.values() else TRUTH_COLOUR


def simulator_colours(simulators: Iterable[str]) -> dict[str, str]:
    """A colour for each simulator, its own where it has one, in the order of their first place."""
    names = list(dict.fromkeys(simulators))
    own = {name: SIMULATORS.resolve(name).colour for name in names if name in SIMULATORS}
    spare = cycle(SPARE_COLOURS)
    return {name: own.get(name) or next(spare) for name in names}


def series(comparison: SideBySide, palette: dict[str, str]) -> list[Series]:
    """The results of a comparison, the truth first, in their colours."""
    truth = truth_colour(palette)
    return [
        Series(**vars(each), colour=truth if each.is_truth else palette[each.name])
        for each in comparison.samples
    ]


def panels(
    title: str, num_rows: int, num_columns: int, inches: tuple[float, float] = PANEL_INCHES
) -> tuple[Figure, NDArray[Any]]:
    """A figure with a title and a grid of axes ``[num_rows, num_columns]``."""
    width, height = inches[0] * num_columns + 0.3, inches[1] * num_rows + 1.0
    figure = Drawing(figsize=(width, height))
    figure.set_layout_engine("constrained", w_pad=0.09, h_pad=0.07)
    figure.suptitle("\n".join(textwrap.wrap(title, int(width * _TITLE_LETTERS))), fontsize=13)
    axes = figure.subplots(num_rows, num_columns, squeeze=False)
    for each in axes.flat:
        _dress(each)
    return figure, axes


def _dress(axes: Axes) -> None:
    axes.grid(True, color="#dddddd", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=9)


def given_axes(ax: Axes, num_panels: int) -> tuple[Figure, NDArray[Any]]:
    """Axes of somebody else's figure in place of :func:`panels`, for a plot of one panel.

    Raises:
        KeyProblem: If they are none, or the plot has more panels.
    """
    if not isinstance(ax, Axes):
        raise KeyProblem("ax", f"expected axes of matplotlib (got {type(ax).__name__})")
    if num_panels > 1:
        raise KeyProblem("ax", f"expected a plot of one panel (got {num_panels})")
    _dress(ax)
    figure: Any = ax.get_figure(root=True)
    return figure, np.array([[ax]])


def scenario_panels(
    title: str, comparisons: Sequence[SideBySide], ax: Axes | None = None
) -> tuple[Figure, list[tuple[Axes, list[Series]]]]:
    """A figure with one panel for each scenario, at most two in a row, and what to draw there."""
    num_columns = min(2, len(comparisons))
    inches = PANEL_INCHES if num_columns > 1 else ALONE_INCHES
    if ax is None:
        has_truth = any(each.is_truth for each in comparisons[0].samples)
        title = f"{title} (a good simulator lies on the truth)" if has_truth else title
        figure, axes = panels(title, -(-len(comparisons) // num_columns), num_columns, inches)
    else:
        figure, axes = given_axes(ax, len(comparisons))
    palette = colours(comparisons)
    for each, comparison in zip(axes.flat, comparisons, strict=False):
        each.set_title(wrapped(comparison.name), fontsize=11)
    for each in axes.flat[len(comparisons) :]:
        each.set_visible(False)
    drawn = [series(comparison, palette) for comparison in comparisons]
    return figure, list(zip(axes.flat, drawn, strict=False))


def legend(figure: Figure, handles: Sequence[Artist], ax: Axes | None = None) -> None:
    """One legend for all panels, below them; inside them, where they are somebody else's."""
    if ax is not None:
        ax.legend(handles=list(handles), fontsize=8)
        return
    figure.legend(
        handles=list(handles),
        loc="outside lower center",
        ncols=_columns([str(each.get_label()) for each in handles], figure.get_figwidth()),
        frameon=False,
        fontsize=10,
    )


def _columns(labels: Sequence[str], width_inches: float) -> int:
    """Legend entries in a row: all, if they have room, or as many as have room in columns."""
    letters = [len(label) + 5 for label in labels]
    room = width_inches * _LEGEND_LETTERS
    return len(labels) if sum(letters) <= room else max(1, int(room / max(letters)))


def simulator_handles(comparisons: Sequence[SideBySide]) -> list[Line2D]:
    """Legend entries: the truth and each simulator in its colour."""
    samples = (sample for comparison in comparisons for sample in comparison.samples)
    truths = dict.fromkeys(sample.name for sample in samples if sample.is_truth)
    palette = colours(comparisons)
    names = {f"{name} (truth)": truth_colour(palette) for name in truths} | palette
    return [
        Line2D([], [], color=colour, lw=2.5, label=literal(name)) for name, colour in names.items()
    ]


def slowdown_limits(values: Iterable[NDArray[np.float64]]) -> tuple[float, float]:
    """The limits of a logarithmic axis on which all these slowdowns have room."""
    together = np.concatenate(list(values))
    return float(together.min()) / 1.05, max(float(together.max()) * 1.1, 2.0)


def slowdown_axis(axis: Axis, limits: tuple[float, float]) -> None:
    """Makes an axis logarithmic, with plain numbers."""
    log_axis(axis, *limits, lambda value: f"{value:,.10g}")


def log_axis(axis: Axis, low: float, high: float, spell: Callable[[float], str]) -> None:
    """Makes an axis logarithmic, with at most eight ticks that a reader can read."""
    axes = axis.axes
    name = "x" if axis is axes.xaxis else "y"
    getattr(axes, f"set_{name}lim")(low, high)
    getattr(axes, f"set_{name}scale")("log")
    axis.set_major_locator(FixedLocator(ticks(low, high)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: spell(value)))
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())


def ticks(low: float, high: float) -> list[float]:
    """Round numbers between two limits: several in a decade, or one in several of a wide range."""
    exponents = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    for steps in ((1, 1.2, 1.5, 2, 3, 4, 5, 7), (1, 1.5, 2, 3, 5, 7), (1, 2, 5), (1,)):
        found = [
            step * 10.0**exponent
            for exponent in exponents
            for step in steps
            if low <= step * 10.0**exponent <= high
        ]
        if len(found) <= 8:
            return found
    return found[:: -(-len(found) // 8)]


def wrapped(text: str, width: int = 44) -> str:
    """A name that fits above a panel: in two lines at most, cut where it is longer."""
    lines = textwrap.wrap(text, width, max_lines=2, placeholder=" ...")
    return literal("\n".join(lines))


def literal(text: str) -> str:
    """Text that matplotlib shows as it is: a dollar sign starts no formula."""
    return text.replace("$", r"\$")


def save_figure(figure: Figure, path: Path) -> None:
    """Writes a figure; the file's ending chooses the format.

    Raises:
        InputError: If the ending is unknown, or nothing can be written there.
    """
    endings = figure.canvas.get_supported_filetypes()
    if path.suffix[1:].lower() not in endings:
        raise InputError(
            f"{path}: expected a file ending in {', '.join(sorted(endings))} (got {path.suffix!r})"
        )
    try:
        figure.savefig(path, dpi=DPI)
    except OSError as error:
        raise InputError(
            f"{path}: expected a file to write (got {error.strerror or error})"
        ) from None
