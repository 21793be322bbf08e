"""The fluid simulator as a :class:`~m4graph.simulators.base.Simulator`."""

from __future__ import annotations

import time
from functools import cache

import numpy as np

from m4graph.core.announced import announced_compilation
from m4graph.core.checks import check_positive
from m4graph.core.progress import Progress
from m4graph.results import SimulationResult
from m4graph.scenario import Scenario
from m4graph.simulators.base import Simulator
from m4graph.simulators.fluid.build import build_engine
from m4graph.simulators.fluid.engine import FluidEngine, parse_scope
from m4graph.simulators.fluid.session import FluidSession
from m4graph.simulators.forecast import MAX_HOURS, EventSpeed, check_events
from m4graph.simulators.session import simulate_closed_loop
from m4graph.simulators.settled import settled
from m4graph.workload import ClosedLoopWorkload

SPEED = EventSpeed(events_per_s=4e5, touched_per_s=5e7)
"""Of one core, with flows that come one by one, and with 20 000 at once on one link."""

EVENTS_PER_CALL = 20_000
"""Events between two looks at Ctrl-C and two reports of progress."""


class FluidSimulator(Simulator):
    r"""Flows as fluids that share links max-min fairly at every moment, as in flowSim.

    A flow drains :math:`V` bytes at its fair rate from its start on; its FCT is the time that this
    takes plus a constant latency (:mod:`.volumes`). A flow that never shares a link has slowdown 1.

    Args:
        scope (str, optional): Which flows are filled anew at an event: ``"affected"``,
            ``"component"`` or ``"full"``. The rates are the same. (default: ``"affected"``)
        window_limit (bool, optional): No flow is faster than its window in a base round trip, the
            idle one of its route; what it leaves goes to others. That is no part of flowSim.
            (default: ``False``)
        max_hours (float, optional): Refuse a scenario with more work than this, by the number of
            its flows and of those beside them (:mod:`m4graph.simulators.forecast`).
            (default: ``24``)

    Reference:
        Bertsekas and Gallager, *Data Networks*, 6.5.2, for the rates.

    Not modelled:
        Queues, windows (but for ``window_limit``), the time a congestion control takes to find its
        rate, ACK traffic, pauses and drops: the congestion control of the scenario makes no other
        difference.

    Raises:
        ConfigError: If the scope is unknown.
    """

    name = "fluid"
    colour = "#E69F00"
    is_deterministic = True
    neutral_options = frozenset({"max_hours"})

    def __init__(
        self, scope: str = "affected", window_limit: bool = False, max_hours: float = MAX_HOURS
    ) -> None:
        parse_scope(scope)
        self._scope = scope
        self._window_limit = window_limit
        self._max_hours = check_positive("max_hours", max_hours)

    def run(self, scenario: Scenario, progress: Progress | None = None) -> SimulationResult:
        """Simulates a scenario until every flow is finished.

        Args:
            scenario (Scenario): What to simulate.
            progress (Progress, optional): Called now and then. (default: ``None``)

        Raises:
            ConfigError: If the scenario has faults, but for cables that are down or slow from the
                start to the end, or it is too much work.
        """
        check_events(self.name, scenario, SPEED, self._max_hours)
        if isinstance(scenario.workload, ClosedLoopWorkload):
            return simulate_closed_loop(self, scenario, progress)
        found = settled(self.name, scenario)
        return found.restored(self._run(found.scenario, progress))

    def open_session(self, scenario: Scenario) -> FluidSession:
        """Opens a session of a scenario's network; its workload does not matter."""
        return FluidSession(scenario, self._scope, warm_up(), self._window_limit)

    def _run(self, scenario: Scenario, progress: Progress | None) -> SimulationResult:
        engine = build_engine(scenario, self._scope, self._window_limit)
        compile_s = warm_up()
        started = time.perf_counter()
        more = True
        while more:
            more = engine.run(EVENTS_PER_CALL)
            if progress is not None:
                progress(engine.num_completed, scenario.num_flows)
        wall_s = time.perf_counter() - started
        return SimulationResult(
            simulator=self.name,
            flow_id=scenario.workload.id,
            fct_ns=engine.fct_ns.copy(),
            ideal_fct_ns=scenario.ideal_fct_ns,
            num_events=engine.num_events,
            wall_s=wall_s,
            compile_s=compile_s,
            packet_hops=None,
            scenario=scenario,
        )


def warm_up() -> float:
    """Compiles the kernels, or loads them from numba's cache, if this process has not yet.

    Returns:
        float: The seconds that it took; 0 from the second call on.
    """
    if _warm_up.cache_info().currsize:
        return 0.0
    return _warm_up()


@cache
def _warm_up() -> float:
    _, seconds = announced_compilation("fluid simulator", lambda: FluidEngine(np.ones(1)).run(1))
    return seconds
