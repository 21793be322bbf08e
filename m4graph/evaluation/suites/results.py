"""The numbers of an evaluated suite."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import pandas as pd

from m4graph.core.calls import plain_call
from m4graph.evaluation.refusals import Refusals
from m4graph.evaluation.suites.measure import Record
from m4graph.evaluation.tables import ERROR_COLUMNS, ratio
from m4graph.simulators import BASELINE

CLOSED_LOOP_COLUMNS = ("completion_time_error", "throughput_error")


@plain_call
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
        columns = ["scenario", "simulator", "quantile", "level", "num_flows", "coverage"]
        covered = [row for record in records for row in record.coverage]
        self.coverage = pd.DataFrame(covered, columns=columns)
        self.warnings = tuple(dict.fromkeys(text for each in records for text in each.warnings))
        self.refusals = Refusals({each.scenario: each.refusals for each in records})

    @property
    def closed_loop(self) -> bool:
        """Whether flows wait for each other, so that completion times say something."""
        return "limit" in self.scenarios or "operation" in self.scenarios

    @cached_property
    def means(self) -> pd.DataFrame:
        """One row for each simulator, the truth first.

        Columns: ``simulator``, ``is_truth``, ``num_scenarios``; plain means over the scenarios of
        ``mean_error``, ``p90_error``, ``p99_tail_error``, ``completion_time_error``,
        ``throughput_error`` (missing for the truth) and, as ``mean_wall_s``, of the seconds; sums
        of ``num_left_out``, ``num_events``, ``wall_s``; the scenarios that it refused, which all
        others leave out, as ``num_refused``.
        """
        groups = self.scenarios.groupby("simulator", sort=False)
        refused = self.refusals.counts
        names = list(dict.fromkeys([*self.scenarios["simulator"], *refused]))
        means = groups[[*ERROR_COLUMNS, *CLOSED_LOOP_COLUMNS]].mean().reindex(names)
        means.insert(0, "is_truth", groups["is_truth"].all().reindex(names, fill_value=False))
        means.insert(1, "num_scenarios", groups.size().reindex(names, fill_value=0))
        means["num_left_out"] = groups["num_left_out"].sum().reindex(names, fill_value=0)
        means["num_events"] = groups["num_events"].sum().reindex(names, fill_value=0)
        means["wall_s"] = groups["wall_s"].sum(min_count=1)
        means["mean_wall_s"] = groups["wall_s"].mean()
        means["num_refused"] = [refused.get(name, 0) for name in names]
        return means.reset_index(names="simulator")

    @cached_property
    def coverage_means(self) -> pd.DataFrame:
        """Plain means over scenarios of the share of flows whose true slowdown is at or below a
        predicted quantile: a row for each simulator that predicts some, a column for each, as
        ``p90``, lowest level first.
        """
        order = self.coverage.sort_values("level", kind="stable")["quantile"].unique()
        groups = self.coverage.groupby(["simulator", "quantile"], sort=False)
        return groups["coverage"].mean().unstack("quantile").reindex(columns=order)

    def metrics(self) -> dict[str, dict[str, Any]]:
        """The content of ``metrics.json``.

        For each simulator its row of :attr:`means`, and the ratios of its errors to those of the
        baseline, over the scenarios that both can do; ``None`` where nothing is known. Where it
        predicts quantiles, their :attr:`coverage_means`, as ``p90_coverage``.
        """
        rows = self.means.set_index("simulator").to_dict("index")
        base = rows.get(BASELINE)
        covered = self.coverage_means.to_dict("index")
        found = {}
        for name, row in rows.items():
            plain = {str(key): _plain(value) for key, value in row.items()}
            if base is not None and not row["is_truth"] and not base["is_truth"]:
                plain |= self._ratios(str(name))
            shares = covered.get(name, {})
            plain |= {f"{key}_coverage": share for key, share in shares.items() if share == share}
            found[str(name)] = plain
        return found

    def _ratios(self, simulator: str) -> dict[str, float | None]:
        frame = self.scenarios
        own, base = (
            set(frame.loc[frame["simulator"] == name, "scenario"]) for name in (simulator, BASELINE)
        )
        groups = frame[frame["scenario"].isin(own & base)].groupby("simulator")
        means = groups[list(ERROR_COLUMNS)].mean()
        return {
            f"{column}_to_{BASELINE}": _plain(
                ratio(means[column].get(simulator, math.nan), means[column].get(BASELINE, math.nan))
            )
            for column in ERROR_COLUMNS
        }


def _plain(value: Any) -> Any:
    plain = value.item() if hasattr(value, "item") else value
    return None if isinstance(plain, float) and not math.isfinite(plain) else plain
