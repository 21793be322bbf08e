"""The files and the table of an evaluated suite."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from m4graph.core.calls import plain_call
from m4graph.core.files import whole_folder
from m4graph.core.provenance import provenance
from m4graph.core.yaml_file import write_yaml
from m4graph.evaluation.suites.measure import Record
from m4graph.evaluation.suites.results import SuiteResults
from m4graph.evaluation.suites.tables import summary, terminal_table

if TYPE_CHECKING:
    from rich.table import Table


@plain_call
class SuiteReport(SuiteResults):
    """What came out of a suite, as a table and as files.

    Args:
        suite (str): Its name.
        records (Sequence[Record]): One for each scenario.
        configuration (Mapping): What was run, for ``evaluation.yaml``.
    """

    def __init__(
        self, suite: str, records: Sequence[Record], configuration: Mapping[str, Any]
    ) -> None:
        super().__init__(suite, records)
        self.configuration = dict(configuration)

    def table(self) -> Table:
        """The means as a table for the terminal."""
        return terminal_table(self)

    def save(self, folder: Path) -> None:
        """Writes all tables and plots; where there is a ``metrics.json``, all of them are there.

        ``metrics.json``, ``scenarios.csv``, ``by_size.csv``, ``summary.md``, ``evaluation.yaml``,
        ``coverage.csv`` where quantiles are predicted, and those of :data:`.PLOTS` that have
        something to show.

        Args:
            folder (Path): A new folder in one that exists, or one that is there already.

        Raises:
            InputError: If nothing can be written there.
        """
        from m4graph.evaluation.suites.plots import PLOTS, draw

        with whole_folder(folder, mark="metrics.json") as scratch:
            self.scenarios.to_csv(scratch / "scenarios.csv", index=False, lineterminator="\n")
            self.by_size.to_csv(scratch / "by_size.csv", index=False, lineterminator="\n")
            if len(self.coverage):
                self.coverage.to_csv(scratch / "coverage.csv", index=False, lineterminator="\n")
            text = json.dumps(self.metrics(), indent=2, allow_nan=False)
            (scratch / "metrics.json").write_text(text + "\n", encoding="utf-8")
            drawn = [name for name in PLOTS if draw(name, self, scratch / f"{name}.png")]
            (scratch / "summary.md").write_text(summary(self, drawn), encoding="utf-8")
            write_yaml(scratch / "evaluation.yaml", {**self.configuration, **provenance()})
