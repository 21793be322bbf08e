"""The tables of an evaluated suite, and its folder."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from m4graph.core.files import whole_folder
from m4graph.core.provenance import provenance
from m4graph.core.yaml_file import write_yaml
from m4graph.evaluation.report import BASELINE
from m4graph.evaluation.suites.measure import Record
from m4graph.evaluation.tables import ERROR_COLUMNS

if TYPE_CHECKING:
    from rich.table import Table

CLOSED_LOOP_COLUMNS = ("completion_time_error", "throughput_error")


class SuiteReport:
    """What came out of a suite.

    Args:
        suite (str): Its name.
        records (Sequence[Record]): One for each scenario.
        configuration (Mapping): What was run, for ``evaluation.yaml``.
    """

    def __init__(
        self, suite: str, records: Sequence[Record], configuration: Mapping[str, Any]
    ) -> None:
        self.suite = suite
        self.configuration = dict(configuration)
        rows = [row for record in records for row in record.rows]
        self.scenarios = pd.DataFrame(rows).astype({"packet_hops": "Int64"})
        columns = ["scenario", "simulator", "size", "num_flows", "mean_error", "p90_error"]
        sizes = [row for record in records for row in record.sizes]
        self.by_size = pd.DataFrame(sizes, columns=columns)
        self.warnings = tuple(dict.fromkeys(text for each in records for text in each.warnings))

    @property
    def closed_loop(self) -> bool:
        """Whether scenarios have a limit of flows under way."""
        return "limit" in self.scenarios

    @cached_property
    def means(self) -> pd.DataFrame:
        """One row for each simulator, the truth first.

        Columns: ``simulator``, ``is_truth``, ``num_scenarios``; plain means over the scenarios of
        ``mean_error``, ``p90_error``, ``p99_tail_error``, ``completion_time_error``,
        ``throughput_error`` (missing for the truth) and, as ``mean_wall_s``, of the seconds; sums
        of ``num_left_out``, ``num_events``, ``wall_s``.
        """
        frame = self.scenarios
        groups = frame.groupby("simulator", sort=False)
        means = groups[[*ERROR_COLUMNS, *CLOSED_LOOP_COLUMNS]].mean()
        means.insert(0, "is_truth", groups["is_truth"].all())
        means.insert(1, "num_scenarios", groups.size())
        means["num_left_out"] = groups["num_left_out"].sum()
        means["num_events"] = groups["num_events"].sum()
        means["wall_s"] = groups["wall_s"].sum(min_count=1)
        means["mean_wall_s"] = groups["wall_s"].mean()
        return means.reset_index()

    def metrics(self) -> dict[str, dict[str, Any]]:
        """The content of ``metrics.json``.

        For each simulator its row of :attr:`means`, and the ratios of its errors to those of the
        fluid simulator; ``None`` where nothing is known.
        """
        rows = self.means.set_index("simulator").to_dict("index")
        base = rows.get(BASELINE)
        found = {}
        for name, row in rows.items():
            plain = {str(key): _plain(value) for key, value in row.items()}
            if base is not None and not row["is_truth"] and not base["is_truth"]:
                plain |= {
                    f"{column}_to_{BASELINE}": _plain(_ratio(row[column], base[column]))
                    for column in ERROR_COLUMNS
                }
            found[str(name)] = plain
        return found

    def table(self) -> Table:
        """The means as a table for the terminal."""
        from m4graph.evaluation.suites.tables import terminal_table

        return terminal_table(self)

    def save(self, folder: Path) -> None:
        """Writes all tables and plots; each file appears whole or not at all.

        ``metrics.json``, ``scenarios.csv``, ``by_size.csv``, ``summary.md``, ``evaluation.yaml``,
        and those of :data:`.PLOTS` that have something to show.

        Args:
            folder (Path): A new folder in one that exists, or one that is there already.

        Raises:
            InputError: If nothing can be written there.
        """
        from m4graph.evaluation.suites.plots import PLOTS, draw
        from m4graph.evaluation.suites.tables import summary

        with whole_folder(folder) as scratch:
            self.scenarios.to_csv(scratch / "scenarios.csv", index=False, lineterminator="\n")
            self.by_size.to_csv(scratch / "by_size.csv", index=False, lineterminator="\n")
            text = json.dumps(self.metrics(), indent=2, allow_nan=False)
            (scratch / "metrics.json").write_text(text + "\n", encoding="utf-8")
            drawn = [name for name in PLOTS if draw(name, self, scratch / f"{name}.png")]
            (scratch / "summary.md").write_text(summary(self, drawn), encoding="utf-8")
            write_yaml(scratch / "evaluation.yaml", {**self.configuration, **provenance()})


def _ratio(value: float, base: float) -> float:
    return value / base if base > 0 else math.nan


def _plain(value: Any) -> Any:
    plain = value.item() if hasattr(value, "item") else value
    return None if isinstance(plain, float) and not math.isfinite(plain) else plain
