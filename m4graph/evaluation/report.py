"""Several comparisons side by side: one table, one figure of each kind, one folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from m4graph.core.calls import plain_call
from m4graph.core.errors import ConfigError
from m4graph.core.files import check_output_folder, whole_folder
from m4graph.evaluation import drawing
from m4graph.evaluation.drawing import PLOTS
from m4graph.evaluation.refusals import Refusals
from m4graph.evaluation.scenario_results import ScenarioResults
from m4graph.evaluation.tables import (
    ERROR_COLUMNS,
    error_cells,
    made_by,
    markdown,
    ratio,
    ratio_cells,
    rich_table,
)
from m4graph.simulators import BASELINE
from m4graph.workload import ClosedLoopWorkload

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.table import Table


@plain_call
class Report:
    """Comparisons of several scenarios.

    Args:
        comparisons (Sequence[Comparison]): One for each scenario, of different names.

    Raises:
        ConfigError: If there is none, or two scenarios have the same name.
    """

    def __init__(self, comparisons: Sequence[ScenarioResults]) -> None:
        names = [comparison.name for comparison in comparisons]
        if not names:
            raise ConfigError("report: expected at least one comparison (got none)")
        for name in names:
            if names.count(name) > 1:
                raise ConfigError(f"report: expected scenarios of different names (got two {name})")
        self.comparisons = tuple(comparisons)

    @property
    def refusals(self) -> Refusals:
        """Which simulators cannot do which scenarios; they have no row there."""
        return Refusals({each.name: each.refusals for each in self.comparisons})

    def to_frame(self) -> pd.DataFrame:
        """One row for each scenario and simulator, the truth first; the content of ``errors.csv``.

        Columns: ``scenario``, ``simulator``, ``is_truth``, ``mean_error``, ``p90_error``,
        ``p99_tail_error`` (missing for the truth), ``num_compared`` and ``num_left_out`` flows,
        ``completion_time_error``, ``num_events``, ``packet_hops``, ``wall_s``, ``compile_s``.
        """
        rows = [row for comparison in self.comparisons for row in comparison.rows()]
        frame = pd.DataFrame(rows)
        return frame.astype({"packet_hops": "Int64"})

    def relative_errors(self, baseline: str = BASELINE) -> pd.DataFrame:
        """The errors of the other simulators divided by those of one of them.

        Columns: ``scenario``, ``simulator``, ``mean_error``, ``p90_error``, ``p99_tail_error``,
        each a ratio; below 1 is better than the baseline. Scenarios in which the baseline is the
        truth, or did not run, have no rows.
        """
        rows = [
            {"scenario": comparison.name, "simulator": name}
            | {
                column: ratio(getattr(errors, column), getattr(base, column))
                for column in ERROR_COLUMNS
            }
            for comparison in self.comparisons
            if (base := comparison.errors.get(baseline)) is not None
            for name, errors in comparison.errors.items()
            if name != baseline
        ]
        return pd.DataFrame(rows, columns=["scenario", "simulator", *ERROR_COLUMNS])

    def cells(self) -> pd.DataFrame:
        """Errors, seconds and speeds as text: what :meth:`table` shows."""
        return error_cells(self.to_frame(), self._closed_loop)

    def table(self) -> Table:
        """Errors, seconds and speeds as a table for the terminal."""
        return rich_table(self.cells())

    def relative_table(self, baseline: str = BASELINE) -> Table:
        """:meth:`relative_errors` as a table for the terminal."""
        return rich_table(ratio_cells(self.relative_errors(baseline), baseline))

    def markdown(self) -> str:
        """:meth:`table` in Markdown."""
        return markdown(self.cells())

    def plot(
        self, path: str | Path | None = None, kind: str = "slowdown_cdf", **options: Any
    ) -> Figure:
        """Draws one plot, with a panel for each scenario; see :meth:`Comparison.plot`."""
        return drawing.plot(self.comparisons, path, kind, **options)

    def save(self, folder: str | Path) -> None:
        """Writes ``errors.csv``, ``summary.md`` and every plot as ``<kind>.png``.

        Args:
            folder (str or Path): A new folder in one that exists, or one that is there already.

        Raises:
            InputError: If nothing can be written there.
        """
        folder = Path(folder)
        check_output_folder(folder)
        with whole_folder(folder, mark="summary.md") as scratch:
            self.write_files(scratch)

    def write_files(self, folder: Path) -> None:
        """Writes the files of :meth:`save` into a folder that exists."""
        self.to_frame().to_csv(folder / "errors.csv", index=False, lineterminator="\n")
        for kind in PLOTS.names():
            self.plot(folder / f"{kind}.png", kind)
        (folder / "summary.md").write_text(self._summary(), encoding="utf-8")

    def __repr__(self) -> str:
        return f"Report({[comparison.name for comparison in self.comparisons]})"

    @property
    def _closed_loop(self) -> bool:
        workloads = [each.truth.scenario.workload for each in self.comparisons]
        return any(isinstance(workload, ClosedLoopWorkload) for workload in workloads)

    def _summary(self) -> str:
        relative = self.relative_errors()
        ratios = [] if relative.empty else [markdown(ratio_cells(relative, BASELINE))]
        plots = [f"![{kind.replace('_', ' ')}]({kind}.png)" for kind in PLOTS.names()]
        notes = [_NOTE, _CLOSED_LOOP_NOTE] if self._closed_loop else [_NOTE]
        refused = self.refusals.lines()
        parts = ["# Comparison", self.markdown(), *ratios, *refused, *notes, *plots, made_by()]
        return "\n\n".join(parts) + "\n"


_NOTE = (
    "The error of a flow is |predicted - true| / true, of its slowdown (completion time over the "
    "time alone on its route). Mean and p90 are over the flows of a scenario; the p99-tail error "
    "compares the 99th percentiles of the slowdowns. Flows that the truth did not finish are left "
    "out and counted. Seconds are those of the simulation alone, after compilation and loading."
)

_CLOSED_LOOP_NOTE = (
    "In a closed loop a flow starts when others have completed, so an error of one moves others. "
    "The completion time is that from the first start to the last finish."
)
