"""The table of a sweep."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from m4graph.core.calls import plain_call
from m4graph.core.errors import one_of
from m4graph.core.schema import KeyProblem
from m4graph.sweeps.measure import PointRows, quantile_column
from m4graph.sweeps.points import Point

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from rich.table import Table

    from m4graph.sweeps.plot import Plotted


@plain_call
class Sweep:
    """What came of a sweep; made by :func:`m4graph.sweep`.

    Args:
        name (str): Of the scenario.
        points (Sequence[Point]): The points.
        rows (Sequence[PointRows]): What came of each, in their order.
        quantiles (Sequence[float]): Of the slowdowns.
    """

    def __init__(
        self,
        name: str,
        points: Sequence[Point],
        rows: Sequence[PointRows],
        quantiles: Sequence[float],
    ) -> None:
        self.name = name
        self.keys = tuple(points[0].values)
        self.quantiles = tuple(quantiles)
        self._frame = pd.DataFrame(
            {**points[each.number].cells, **row} for each in rows for row in each.rows
        )

    def to_frame(self) -> pd.DataFrame:
        """One row for each point and simulator, the content of ``sweep.csv``.

        Columns: the swept keys; ``simulator``, ``num_flows``, ``num_finished``; of the flows that
        finished ``mean_slowdown``, its quantiles (``p99_slowdown``) and ``mean_fct_ns``; ``cpu_s``,
        CPU seconds of the simulation alone in the process that ran it; and against ``packet``
        ``mean_error``, ``p90_error``, ``p99_tail_error``, as :mod:`m4graph.metrics` defines them,
        missing for ``packet`` itself and where it did not run.
        """
        return self._frame.copy()

    def plot(
        self, path: str | Path | None = None, y: str | None = None, ax: Axes | None = None
    ) -> Figure:
        """Draws a column over a swept key: that of numbers which has most of them.

        Simulators have colours, the values of other keys markers and dashes.

        Args:
            path (str or Path, optional): A file; its ending chooses the format.
                (default: ``None``)
            y (str, optional): The column. (default: that of the largest quantile)
            ax (Axes, optional): Where to draw. (default: a figure of its own)

        Raises:
            InputError: If there is no such column of numbers, the ending is unknown, or nothing can
                be written there.
        """
        from m4graph.evaluation.plots.figure import save_figure
        from m4graph.sweeps.plot import draw

        figure = draw(self._plotted(y), ax)
        if path is not None:
            save_figure(figure, Path(path))
        return figure

    def table(self) -> Table:
        """The frame as a table for the terminal, without what has no room there."""
        from rich import box
        from rich.table import Table
        from rich.text import Text

        shown = self._frame.dropna(axis="columns", how="all")
        shown = shown.drop(columns=["mean_fct_ns", "p90_error"], errors="ignore")
        if (shown["num_finished"] == shown["num_flows"]).all():
            shown = shown.drop(columns=["num_flows", "num_finished"])
        table = Table(title=Text(self.name), box=box.SIMPLE_HEAD, padding=0, show_edge=False)
        for name in shown.columns:
            is_text = name in self.keys or name == "simulator"
            header = name.replace(".", ".\n", 1) if is_text else _header(name)
            table.add_column(header, justify="left" if is_text else "right")
        for row in shown.to_dict("records"):
            table.add_row(*(Text(_cell(str(name), value)) for name, value in row.items()))
        return table

    def _plotted(self, y: str | None) -> Plotted:
        from m4graph.sweeps.plot import Plotted

        frame = self._frame
        quantile = max(self.quantiles, default=None)
        usual = "mean_slowdown" if quantile is None else quantile_column(quantile)
        column = usual if y is None else y
        numbers = [
            name for name in frame.columns[len(self.keys) + 1 :] if frame[name].notna().any()
        ]
        if column not in numbers:
            raise KeyProblem("y", f"expected {one_of(numbers)} (got {column!r})")
        return Plotted(self.name, frame, self.keys, column)

    def __len__(self) -> int:
        return len(self._frame)

    def __repr__(self) -> str:
        return f"Sweep({self.name!r}, keys={list(self.keys)}, num_rows={len(self)})"

    def __rich__(self) -> Table:
        return self.table()

    def _repr_html_(self) -> str:
        return str(self._frame.to_html(index=False))


def _header(name: str) -> str:
    """Before the last word of a column begins a new line."""
    return "\n".join(name.rsplit("_", 1)).replace("_", "-")


def _cell(name: str, value: Any) -> str:
    if isinstance(value, float) and pd.isna(value):
        return "-"
    if name.endswith("_error"):
        return f"{100 * value:.1f} %"
    if isinstance(value, float) and name.endswith(("_slowdown", "_s")):
        return f"{value:.3f}"
    return str(value)
