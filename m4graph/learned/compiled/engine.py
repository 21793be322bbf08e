"""The compiled engine: runs the standard model free on one core of a CPU."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from m4graph.core.arrays import grown
from m4graph.graph import tracker_state
from m4graph.learned import agenda as agendas
from m4graph.learned import capacity as capacities
from m4graph.learned.compiled.loop import CRAMPED, DEPARTED, PAUSED, REFUSED, run_events
from m4graph.learned.compiled.state import make_state, with_capacity
from m4graph.learned.compiled.weights import Weights
from m4graph.learned.protocol import PredictionError, Predictions, Quantiles, as_slowdowns
from m4graph.runs import FlowNetwork

_FIRST_CAPACITY = 64
_FOREVER_NS = np.iinfo(np.int64).max


class CompiledEngine:
    """Simulates one network, without Python from event to event; an
    :class:`~m4graph.learned.protocol.Engine`.

    Memory: states for each link and for each flow under way, whatever the number of flows.

    Args:
        weights (Weights): Of the model, from :func:`.weights.export_weights`.
        network (FlowNetwork): The network; it may have no flows, and be given some while it runs.
        least_fct_ns (np.ndarray, optional): What its flows take at least, int64 ``[num_flows]``.
            (default: their ideal FCTs)
    """

    def __init__(
        self,
        weights: Weights,
        network: FlowNetwork,
        least_fct_ns: NDArray[np.int64] | None = None,
    ) -> None:
        self._num_flows = network.num_flows
        self._num_hops = len(network.route_links)
        self._longest_route = network.longest_route
        self._state = make_state(weights, network, least_fct_ns)
        self._make_room(_FIRST_CAPACITY)

    @property
    def now_ns(self) -> int:
        """Time of the last event."""
        return int(self._state.control["now_ns"][0])

    @property
    def num_events(self) -> int:
        """Arrivals and departures so far."""
        return int(self._state.control["num_events"][0])

    @property
    def num_departed(self) -> int:
        """Flows that have left."""
        return agendas.num_departed(self._state.agenda)

    def run(self, max_steps: int) -> bool:
        """Takes up to ``max_steps`` events.

        Returns:
            bool: Whether there may be more.

        Raises:
            PredictionError: If the model predicts something that is not a finite number.
        """
        return self._run(max_steps, _FOREVER_NS, until_departure=False) == PAUSED

    def admit_flows(
        self, flows: FlowNetwork, least_fct_ns: NDArray[np.int64] | None = None
    ) -> None:
        """Takes in more flows, that :meth:`start_flows` will start.

        Args:
            flows (FlowNetwork): The new flows, on the same links; their starts do not matter.
            least_fct_ns (np.ndarray, optional): What they take at least. (default: ideal FCTs)
        """
        state, memory = self._state, self._state.memory
        total = self._num_flows + flows.num_flows
        if total > len(memory.row_of_flow):
            room = 2 * max(total, 512)
            memory = memory._replace(
                row_of_flow=grown(memory.row_of_flow, room),
                log_quantile=grown(memory.log_quantile, room),
            )
            memory.log_quantile[self._num_flows :] = np.nan
        self._state = state._replace(
            tracker=tracker_state.admit_flows(
                state.tracker, flows, self._num_flows, self._num_hops
            ),
            agenda=agendas.admit_flows(
                state.agenda, self._num_flows, flows.ideal_fct_ns, least_fct_ns
            ),
            capacity=capacities.admit_flows(state.capacity, flows, self._num_flows),
            memory=memory,
        )
        self._num_flows = total
        self._num_hops += len(flows.route_links)
        longest = flows.longest_route
        if longest > self._longest_route:
            self._longest_route = longest
            self._make_room(len(memory.flow_state))

    def start_flows(self, flow_ids: NDArray[np.int64], start_ns: NDArray[np.int64]) -> None:
        """Has admitted flows start, now or later, in this order where starts are equal."""
        tracker_state.start_flows(self._state.tracker, flow_ids, start_ns)
        agendas.start_flows(self._state.agenda, flow_ids, start_ns)

    def advance(self, max_steps: int, until_ns: int) -> tuple[int | None, bool]:
        """Takes up to ``max_steps`` events, none later than ``until_ns``, up to a departure.

        Returns:
            tuple: The flow that has left at the last event, if one has; and whether there is more
            to do up to ``until_ns``.

        Raises:
            PredictionError: If the model predicts something that is not a finite number.
        """
        status = self._run(max_steps, until_ns, until_departure=True)
        if status == DEPARTED:
            return int(self._state.events["flow"][0]), True
        return None, status == PAUSED

    def fct_ns(self) -> list[NDArray[np.int64]]:
        """The time that each flow took, as the only entry; call it when nothing is left."""
        agenda = self._state.agenda
        return [(agenda.finish_ns - agenda.start_ns)[: self._num_flows]]

    def predictions(self) -> list[Predictions]:
        """None: weights are exported without other extra heads than those of quantiles."""
        return [{}]

    def quantiles(self) -> list[Quantiles]:
        """What each quantile head has said last of each flow, as the only entry."""
        log_quantile = self._state.memory.log_quantile[: self._num_flows]
        levels = self._state.weights.quantiles.level.tolist()
        return [as_slowdowns({level: log_quantile[:, k] for k, level in enumerate(levels)})]

    def _run(self, max_steps: int, until_ns: int, until_departure: bool) -> int:
        self._state.agenda.until_ns[0] = until_ns
        last = self.num_events + max_steps
        while (
            status := run_events(self._state, last - self.num_events, until_departure)
        ) == CRAMPED:
            self._make_room(2 * len(self._state.memory.flow_state))
        if status == REFUSED:
            row = self._state.control["bad_row"][0]
            log_slowdown = float(self._state.scratch.log_slowdown[row])
            raise PredictionError(0, int(self._state.tracker.flow_ids[row]), log_slowdown)
        return status

    def _make_room(self, num_flows: int) -> None:
        self._state = with_capacity(self._state, num_flows, self._longest_route)
