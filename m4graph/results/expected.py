"""Recorded times as a result."""

from __future__ import annotations

import math

import numpy as np

from m4graph.core.calls import plain_call
from m4graph.core.errors import SimulationError
from m4graph.results.result import SimulationResult
from m4graph.scenario import Scenario
from m4graph.workload import ClosedLoopWorkload


@plain_call
def expected_result(scenario: Scenario) -> SimulationResult:
    """The scenario's recorded times as a result, to compare with.

    Its run is unknown: ``wall_s`` and ``compile_s`` are NaN.

    Raises:
        SimulationError: If the scenario brings no recorded times.
    """
    expected = scenario.expected
    if expected is None:
        raise SimulationError(f"scenario {scenario.name!r}: expected an expected.csv (got none)")
    finished = int((expected.fct_ns >= 0).sum())
    closed_loop = isinstance(scenario.workload, ClosedLoopWorkload)
    return SimulationResult(
        simulator="expected",
        flow_id=scenario.workload.id,
        fct_ns=expected.fct_ns,
        ideal_fct_ns=expected.ideal_fct_ns,
        num_events=scenario.num_flows + finished,
        wall_s=math.nan,
        compile_s=math.nan,
        packet_hops=None,
        scenario=scenario,
        # When the flows of a closed loop started is not recorded.
        start_ns=np.full(scenario.num_flows, -1) if closed_loop else scenario.workload.start_ns,
    )
