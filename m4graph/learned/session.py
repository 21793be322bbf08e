"""A session of the learned simulator."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from m4graph.core.errors import SimulationError
from m4graph.learned.engines import EngineMaker
from m4graph.learned.least import least_fct_ns
from m4graph.learned.protocol import PredictionError, what_was_said
from m4graph.runs import FlowNetwork
from m4graph.scenario import Scenario
from m4graph.simulators.session import ENDED, PAUSED, FlowBatch, Outcome, Session


class LearnedSession(Session):
    """A trained model that runs free; see :class:`.LearnedSimulator`.

    A flow completes when its predicted departure comes before any other event. No departure is
    predicted further ahead than all flows added so far would take one after the other.

    Args:
        scenario (Scenario): Network, algorithm and configuration.
        maker (EngineMaker): Makes the engine.
        model_name (str): For messages.
        compile_s (float): Seconds of compilation.
    """

    def __init__(
        self, scenario: Scenario, maker: EngineMaker, model_name: str, compile_s: float
    ) -> None:
        super().__init__(scenario)
        self.compile_s = compile_s
        self._model_name = model_name
        self._network = FlowNetwork.without_flows(scenario)
        self._engine = maker.make([self._network])
        self._maker = maker

    @property
    def extra(self) -> dict[str, Any]:
        """The names of the model and of the engine; quantiles, if the model predicts some."""
        names = {"model": self._model_name, "engine": self._maker.name}
        return names | what_was_said({}, self._engine.quantiles()[0])

    def _admit(self, flows: FlowBatch) -> None:
        self._engine.admit_flows(
            replace(
                self._network,
                size_bytes=flows.size_bytes,
                start_ns=np.zeros(len(flows.src), np.int64),
                ideal_fct_ns=flows.ideal_fct_ns,
                route_ptr=flows.routes.data_ptr,
                route_links=flows.routes.data_links,
            ),
            least_fct_ns(self._scenario, flows, flows.routes),
        )

    def _start(self, flow_ids: list[int], start_ns: list[int]) -> None:
        self._engine.start_flows(np.array(flow_ids), np.array(start_ns))

    def _advance(self, until_ns: int) -> Outcome:
        try:
            flow, more = self._engine.advance(self._maker.steps_a_turn, until_ns)
        except PredictionError as error:
            raise SimulationError(
                f"session, flow {error.flow}: expected model {self._model_name} to predict the "
                f"logarithm of a slowdown (got {error.log_slowdown})"
            ) from None
        now_ns = self._engine.now_ns
        if flow is not None:
            return Outcome(flow, now_ns, now_ns)
        return Outcome(PAUSED if more else ENDED, 0, now_ns)
