"""How results side by side show themselves: tables, plots, notebooks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from m4graph.evaluation import drawing
from m4graph.evaluation.samples import TAIL, Sample, by_size
from m4graph.evaluation.tables import markdown, rich_table
from m4graph.metrics import ErrorSummary

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.table import Table


class Showing(ABC):
    """What a comparison with a truth and one without have in common."""

    @property
    @abstractmethod
    def name(self) -> str:
        """What the results are about."""

    @property
    @abstractmethod
    def samples(self) -> Sequence[Sample]:
        """The slowdowns of each result."""

    @property
    @abstractmethod
    def errors(self) -> dict[str, ErrorSummary]:
        """Of each result but the truth."""

    @abstractmethod
    def cells(self) -> pd.DataFrame:
        """What :meth:`table` shows, as text."""

    def by_size(self, quantile: float = TAIL) -> pd.DataFrame:
        """A quantile of the slowdowns by flow size.

        A row for each range of sizes of at least 30 flows (on average over the results), with the
        columns ``smallest_bytes``, ``largest_bytes`` and one for each result; NaN where it has no
        such flow.

        Args:
            quantile (float): Above 0, up to 1. (default: ``0.99``)

        Raises:
            KeyProblem: If it is not.
        """
        return by_size(self.samples, quantile)

    def plot(
        self, path: str | Path | None = None, kind: str = "slowdown_cdf", **options: Any
    ) -> Figure:
        """Draws one plot; gives the figure.

        Args:
            path (str or Path, optional): A file to write, too; its ending chooses the format, as
                in ``.png``. (default: none)
            kind (str, optional): ``"slowdown_cdf"``, ``"slowdown_by_size"`` or, with a truth,
                ``"true_vs_predicted"``. (default: ``"slowdown_cdf"``)
            **options: ``ax``, matplotlib's axes to draw into; ``quantile`` of
                ``"slowdown_by_size"``, as in ``0.99``.

        Raises:
            InputError: If the kind, an option or the ending is not valid, or nothing can be
                written there.
        """
        return drawing.plot([self], path, kind, **options)

    def report(self, path: str | Path) -> None:
        """Writes one HTML file to open in a browser; see :func:`m4graph.report.write_report`.

        Raises:
            InputError: If nothing can be written there.
        """
        # A room above this one, found when it is asked for.
        import_module("m4graph.report").write_report(self, path)

    def table(self) -> Table:
        """A table for the terminal."""
        return rich_table(self.cells())

    def markdown(self) -> str:
        """The same table in Markdown."""
        return markdown(self.cells())

    def __rich__(self) -> Table:
        return self.table()

    def _repr_html_(self) -> str:
        return self.cells().to_html(index=False, border=0)
