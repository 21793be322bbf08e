"""A session of the fluid simulator."""

from __future__ import annotations

import numpy as np

from m4graph.estimate.maxmin.volumes import link_bytes_per_ns
from m4graph.scenario import Scenario
from m4graph.simulators.fluid.build import as_fluids
from m4graph.simulators.fluid.engine import FluidEngine
from m4graph.simulators.fluid.events import BUDGET_SPENT, FINISHED
from m4graph.simulators.session import ENDED, PAUSED, FlowBatch, Outcome, Session

_EVENTS_A_TURN = 20_000
"""Events between two looks at Ctrl-C."""

_OUTCOMES = {BUDGET_SPENT: PAUSED, FINISHED: ENDED}


class FluidSession(Session):
    """Flows as fluids; see :class:`.FluidSimulator`.

    Args:
        scenario (Scenario): Network and configuration.
        scope (str): As of :class:`.FluidEngine`.
        compile_s (float): Seconds of compilation.
        window_limit (bool, optional): As of :class:`.FluidSimulator`. (default: ``False``)
    """

    def __init__(
        self, scenario: Scenario, scope: str, compile_s: float, window_limit: bool = False
    ) -> None:
        super().__init__(scenario)
        self.compile_s = compile_s
        self._window_limit = window_limit
        self._engine = FluidEngine(link_bytes_per_ns(scenario.arrays), scope)

    def _admit(self, flows: FlowBatch) -> None:
        self._engine.admit_flows(
            *as_fluids(
                self._engine,
                self._scenario,
                flows.size_bytes,
                flows.ideal_fct_ns,
                flows.routes,
                self._window_limit,
            )
        )

    def _start(self, flow_ids: list[int], start_ns: list[int]) -> None:
        self._engine.start_flows(np.array(flow_ids), np.array(start_ns))

    def _advance(self, until_ns: int) -> Outcome:
        engine = self._engine
        flow = engine.advance(_EVENTS_A_TURN, until_ns)
        if flow < 0:
            return Outcome(_OUTCOMES[flow], 0, int(engine.now_ns))
        finish_ns = self._flows.start_ns[flow] + int(engine.fct_ns[flow])
        return Outcome(flow, finish_ns, finish_ns)
