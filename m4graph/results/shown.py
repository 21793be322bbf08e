"""How a result shows itself: as a table, in a notebook, as a plot."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from m4graph.core.lazy import load

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.table import Table

_SIDE_BY_SIDE = "m4graph.evaluation.distributions:Distributions"
_SHOWN = (
    "simulator",
    "num_flows",
    "num_finished",
    "num_events",
    "packet_hops",
    "mean_slowdown",
    "p50_slowdown",
    "p99_slowdown",
    "completion_time_ns",
    "wall_s",
    "compile_s",
)


class Shown(ABC):
    """What shows the numbers of a summary, and the slowdowns of one simulator."""

    simulator: str

    @abstractmethod
    def summary(self) -> dict[str, Any]:
        """The numbers, by name."""

    def plot(
        self, path: str | Path | None = None, kind: str = "slowdown_cdf", **options: Any
    ) -> Figure:
        """Draws the slowdowns of the flows that finished; gives the figure.

        Args:
            path (str or Path, optional): A file to write, too. (default: none)
            kind (str, optional): ``"slowdown_cdf"`` or ``"slowdown_by_size"``.
                (default: ``"slowdown_cdf"``)
            **options: ``ax`` and ``quantile``, as in :meth:`m4graph.evaluation.Comparison.plot`.

        Raises:
            InputError: If the kind, an option or the ending is not valid, no flow finished, or
                nothing can be written there.
        """
        figure: Figure = load(_SIDE_BY_SIDE)({self.simulator: self}).plot(path, kind, **options)
        return figure

    def __rich__(self) -> Table:
        from rich.table import Table
        from rich.text import Text

        summary = self.summary()
        table = Table(title=Text(summary["name"]), show_header=False)
        for key in _SHOWN:
            table.add_row(key, Text(_cell(summary[key])))
        return table

    def _repr_html_(self) -> str:
        import pandas as pd

        summary = self.summary()
        cells = {summary["name"]: {key: _cell(summary[key]) for key in _SHOWN}}
        return pd.DataFrame(cells).to_html(border=0)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
