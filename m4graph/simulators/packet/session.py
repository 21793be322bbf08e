"""A session of the packet simulator."""

from __future__ import annotations

from typing import Any

import numpy as np

from m4graph.scenario import Scenario
from m4graph.simulators.packet.build import build_idle_state, check_route_lengths
from m4graph.simulators.packet.congestion import CONGESTION_KERNELS
from m4graph.simulators.packet.events import request_event
from m4graph.simulators.packet.flows import NewFlows, append_flows, queue_starts
from m4graph.simulators.packet.layout import CALL, CALLED, FINISHED, GROW_POOLS, STARVED
from m4graph.simulators.packet.loop import compiled_loop, pauses_and_drops, with_larger_pools
from m4graph.simulators.session import ENDED, FOREVER_NS, PAUSED, FlowBatch, Outcome, Session

_EVENTS_A_TURN = 2_000_000
"""Events between two looks at Ctrl-C: about a tenth of a second."""

_FOREVER_TICKS = FOREVER_NS
_ONLY_LOOKS_ON = 1


class PacketSession(Session):
    """Every packet; see :class:`.PacketSimulator`.

    Args:
        scenario (Scenario): Network, algorithm and configuration.

    Raises:
        ConfigError: If the congestion control or the buffers cannot be simulated.
    """

    def __init__(self, scenario: Scenario) -> None:
        super().__init__(scenario)
        kind = scenario.congestion_control.kind
        kernel = CONGESTION_KERNELS.resolve(kind)
        self._congestion_state = kernel.make_flow_state(scenario.congestion_control)
        self._state = build_idle_state(scenario)
        self._loop, self.compile_s = compiled_loop(kind, self._state)
        self._ticks_per_ns = scenario.config.ticks_per_ns
        self._num_started = 0
        self._num_completed = 0
        self._num_calls = 0
        self._calls: dict[int, int] = {}  # Code of each outstanding call, and its time in ticks.

    @property
    def packet_hops(self) -> int:
        """Packets, data and ACK, sent over a link so far."""
        return int(self._state.control["packet_hops"][0])

    @property
    def extra(self) -> dict[str, Any]:
        """Pauses and drops so far."""
        return pauses_and_drops(self._state)

    def _admit(self, flows: FlowBatch) -> None:
        first = int(self._state.control["num_flows"][0])
        numbers = np.arange(first, first + len(flows.src))
        check_route_lengths(self._scenario, flows.routes, numbers)
        new = NewFlows(flows.src.astype(np.int32), flows.size_bytes, flows.routes)
        self._state = append_flows(self._state, new, self._congestion_state)

    def _start(self, flow_ids: list[int], start_ns: list[int]) -> None:
        queue_starts(self._state, np.array(flow_ids, np.int32), np.array(start_ns, np.int64))
        self._num_started += len(flow_ids)

    def _advance(self, until_ns: int) -> Outcome:
        if self._num_completed == self._num_started:
            return Outcome(ENDED, 0, self._clock_ns())  # What is left to happen moves no flow.
        until_ticks = until_ns * self._ticks_per_ns
        if until_ticks >= _FOREVER_TICKS:
            return self._outcome_of(self._turn(_EVENTS_A_TURN))
        if int(self._state.control["now"][0]) == until_ticks:
            return self._finish_instant(until_ticks)
        if min(self._calls.values(), default=until_ticks + 1) > until_ticks:
            self._call(until_ticks)
        return self._outcome_of(self._turn(_EVENTS_A_TURN))

    def _finish_instant(self, now_ticks: int) -> Outcome:
        """Takes the events of this instant one by one.

        They are done when a call comes before which nothing else was queued.
        """
        code = self._call(now_ticks)
        alone = True
        while True:
            reason = self._turn(1)
            if code not in self._calls and alone:
                return Outcome(ENDED, 0, self._clock_ns())
            if code not in self._calls or reason in (FINISHED, STARVED):
                return self._outcome_of(reason)
            alone = False

    def _turn(self, max_events: int) -> int:
        """Runs the loop once; gives the reason for which it returned."""
        state = self._state
        state.control["stop_at"] = self._num_completed + 1
        reason = self._loop(state, max_events)
        if reason == GROW_POOLS:
            self._state = with_larger_pools(state)
        elif reason == CALLED:
            del self._calls[int(state.control["call_code"][0])]
        return reason

    def _outcome_of(self, reason: int) -> Outcome:
        now_ns = self._clock_ns()
        if reason == FINISHED:
            flow = int(self._state.control["last_finished"][0])
            record = self._state.flows[flow]
            fct_ticks = int(record["finish_ticks"]) - int(record["start_ticks"])
            fct_ns = (fct_ticks + self._ticks_per_ns // 2) // self._ticks_per_ns
            self._num_completed += 1
            return Outcome(flow, self._start_ns[flow] + fct_ns, now_ns)
        return Outcome(ENDED if reason == STARVED else PAUSED, 0, now_ns)

    def _call(self, time_ticks: int) -> int:
        """Has the loop return at a time; gives the call's code."""
        self._num_calls = (self._num_calls + 1) % 2**31
        self._calls[self._num_calls] = time_ticks
        request_event(self._state, time_ticks, CALL, self._num_calls, _ONLY_LOOKS_ON)
        return self._num_calls

    def _clock_ns(self) -> int:
        """The clock in whole nanoseconds, rounded up: no flow starts before it."""
        return -(-int(self._state.control["now"][0]) // self._ticks_per_ns)
