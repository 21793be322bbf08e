"""The numbers of an evaluated suite."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import pandas as pd

from m4graph.evaluation.suites.measure import Record
from m4graph.evaluation.tables import ERROR_COLUMNS
from m4graph.simulators import BASELINE

CLOSED_LOOP_COLUMNS = ("completion_time_error", "throughput_error")


class SuiteResults:
    """What came out of a suite.

    Args:
        suite (str): Its name.
        records (Sequence[Record]): One for each scenario.
    """

    def __init__(self, suite: str, records: Sequence[Record]) -> None:
        self.suite = suite
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


def _ratio(value: float, base: float) -> float:
    return value / base if base > 0 else math.nan


def _plain(value: Any) -> Any:
    plain = value.item() if hasattr(value, "item") else value
    return None if isinstance(plain, float) and not math.isfinite(plain) else plain
