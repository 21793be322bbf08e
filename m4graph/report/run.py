"""One scenario as a page shows it: its flows, and what each simulator says of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from m4graph.evaluation.plots.time_series import Recorded
from m4graph.results import SimulationResult
from m4graph.scenario import Scenario

TAIL = 0.99
"""Flows at least as slow as this quantile of the slowdowns are the tail."""


@dataclass(frozen=True, eq=False)
class Run:
    """Results of one scenario.

    Args:
        results (Mapping[str, SimulationResult]): By name; the first one is looked at closely.
        truth (str, optional): Which of them the others are measured against.
        records (Recorded, optional): What was recorded of the first one.

    Shapes:
        - all arrays ``[num_flows]``, in the order of the first result's flows
    """

    results: Mapping[str, SimulationResult]
    truth: str | None = None
    records: Recorded | None = None

    @property
    def main(self) -> SimulationResult:
        """The result that is looked at closely."""
        return next(iter(self.results.values()))

    @property
    def scenario(self) -> Scenario:
        """What was simulated."""
        return self.main.scenario

    @cached_property
    def slowdowns(self) -> dict[str, NDArray[np.float64]]:
        """Slowdowns by simulator; NaN where a flow did not finish, or was left out."""
        return {name: self._in_order(result) for name, result in self.results.items()}

    @cached_property
    def by_slowdown(self) -> NDArray[np.int64]:
        """Rows of the flows that finished, the slowest first."""
        slowdown = self.main.slowdown
        order = np.argsort(-slowdown, kind="stable")
        return order[: self.main.num_finished]

    @cached_property
    def tail(self) -> NDArray[np.int64]:
        """Rows of the slowest flows, see :data:`TAIL`; ``[num_tail]``."""
        if not self.main.num_finished:
            return self.by_slowdown
        slowdown = self.main.slowdown[self.by_slowdown]
        return self.by_slowdown[slowdown >= np.quantile(slowdown, TAIL)]

    @cached_property
    def end_ns(self) -> int:
        """When the last flow that finished did, or the last sample was taken; at least 1."""
        ends = [int((self.main.start_ns + self.main.fct_ns)[self.main.finished].max(initial=1))]
        if self.records is not None and len(self.records.links):
            ends.append(int(self.records.links["time_ns"].iloc[-1]))
        return max(ends)

    def _in_order(self, result: SimulationResult) -> NDArray[np.float64]:
        """The slowdowns of a result, NaN for flows that it does not have."""
        slowdown = pd.Series(result.slowdown, index=result.flow_id)
        return np.asarray(slowdown.reindex(self.main.flow_id), np.float64)
