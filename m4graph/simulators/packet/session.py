"""A session of the packet simulator."""

from __future__ import annotations

from typing import Any

import numpy as np

from m4graph.core.errors import WorkloadError
from m4graph.routing import Routes
from m4graph.scenario import Scenario
from m4graph.scenario.rdma import RdmaControl
from m4graph.simulators.packet.build import build_idle_state, check_route_lengths
from m4graph.simulators.packet.congestion import CONGESTION_KERNELS
from m4graph.simulators.packet.driver import EVENTS_A_TURN, PacketRun
from m4graph.simulators.packet.flows import NewFlows, append_flows, let_wait, queue_starts, times_ns
from m4graph.simulators.packet.layout import FINISHED, MAX_TICKS, STARVED
from m4graph.simulators.packet.sprayer import Sprayer
from m4graph.simulators.packet.windows import given_windows, has_own_windows
from m4graph.simulators.session import ENDED, PAUSED, FlowBatch, Outcome, Session, Waits


class PacketSession(Session):
    """Every packet; see :class:`.PacketSimulator`.

    Args:
        scenario (Scenario): Network, algorithm and configuration.

    Raises:
        ConfigError: If the congestion control or the buffers cannot be simulated.
    """

    sprays = True

    def __init__(self, scenario: Scenario) -> None:
        super().__init__(scenario)
        kernel = CONGESTION_KERNELS.resolve(scenario.congestion_control.kind)
        self._congestion_state = kernel.make_flow_state(scenario.congestion_control)
        self._sprayer = Sprayer.of(scenario)
        self._run = PacketRun(scenario, build_idle_state(scenario))
        self.compile_s = self._run.compile_s
        self._ticks_per_ns = scenario.config.ticks_per_ns
        self._run.state.control["stop_at"] = 1
        self._batches: dict[int, slice] = {}  # Those under way, by their first flow.
        self._num_stops = 0
        self._stops_ns: dict[int, int] = {}  # Times at which the loop will return, by number.

    @property
    def packet_hops(self) -> int:
        """Packets, data and ACK, sent over a link so far."""
        return int(self._run.state.control["packet_hops"][0])

    @property
    def extra(self) -> dict[str, Any]:
        """Pauses and drops so far; and why flows will never finish, if nothing moves."""
        return self._run.counts | self._run.why_unfinished()

    def _check_given(self, flow: int, routes: Routes | None, window_bytes: int | None) -> None:
        control = self._scenario.congestion_control
        if routes is not None:
            check_route_lengths(self._scenario, routes, np.array([flow]))
        if window_bytes is not None and not isinstance(control, RdmaControl):
            raise WorkloadError(
                f"flow {flow}: expected no window_bytes with {control.kind}, whose congestion "
                f"window is its own (got {window_bytes})"
            )

    def _admit(self, flows: FlowBatch) -> None:
        first = int(self._run.state.control["num_flows"][0])
        numbers = np.arange(first, first + len(flows.src))
        check_route_lengths(self._scenario, flows.routes, numbers)
        if flows.window_bytes is not None and not has_own_windows(self._run.state):
            self._run.own_windows()
            self.compile_s = self._run.compile_s
        windows = given_windows(self._scenario, self._run.state, flows.routes, flows.window_bytes)
        sprays = None if self._sprayer is None else self._sprayer.new(flows.routes)
        new = NewFlows(flows.size_bytes, flows.routes, windows, sprays)
        self._run.state = append_flows(self._run.state, new, self._congestion_state)

    def _start(self, flow_ids: list[int], start_ns: list[int]) -> None:
        queue_starts(self._run.state, np.array(flow_ids, np.int32), np.array(start_ns, np.int64))

    def _let_wait(self, flows: range, waits: Waits) -> None:
        self._run.state = let_wait(self._run.state, flows, waits)
        self._batches[flows.start] = slice(flows.start, flows.stop)

    def _follow(self, flow: int) -> bool:
        """The loop has started what waited, and comes back for the last of a batch."""
        waits = self._run.state.waits
        if flow < len(waits) and waits["waits"][flow]:
            own = self._batches.pop(int(waits["first"][flow]))
            start_ns, finish_ns = times_ns(self._run.state, own)
            self._flows.start_ns[own] = start_ns.tolist()
            self._flows.finish_ns[own] = finish_ns.tolist()
        return True

    def _advance(self, until_ns: int) -> Outcome:
        control = self._run.state.control[0]
        if control["stop_at"] > control["num_starts"]:
            return Outcome(ENDED, 0, self._clock_ns())  # What is left to happen moves no flow.
        until_ticks = until_ns * self._ticks_per_ns
        if until_ticks >= MAX_TICKS:
            return self._outcome_of(self._run.turn(EVENTS_A_TURN))
        if int(self._run.state.control["now"][0]) == until_ticks:
            return self._finish_instant(until_ns)
        if min(self._stops_ns.values(), default=until_ns + 1) > until_ns:
            self._stop_at(until_ns)
        return self._outcome_of(self._run.turn(EVENTS_A_TURN))

    def _finish_instant(self, now_ns: int) -> Outcome:
        """Takes the events of this instant one by one.

        They are done when a stop comes before which nothing else was queued.
        """
        stop = self._stop_at(now_ns)
        alone = True
        while True:
            reason = self._run.turn(1)
            if stop not in self._stops_ns and alone:
                return Outcome(ENDED, 0, self._clock_ns())
            if stop not in self._stops_ns or reason in (FINISHED, STARVED):
                return self._outcome_of(reason)
            alone = False

    def _outcome_of(self, reason: int) -> Outcome:
        now_ns = self._clock_ns()
        if reason == FINISHED:
            flow = int(self._run.state.control["last_finished"][0])
            self._run.state.control["stop_at"] += 1
            _, finish_ns = times_ns(self._run.state, slice(flow, flow + 1))
            return Outcome(flow, int(finish_ns[0]), now_ns)
        return Outcome(ENDED if reason == STARVED else PAUSED, 0, now_ns)

    def _stop_at(self, time_ns: int) -> int:
        """Has the loop return at a time; gives the stop's number."""
        self._num_stops += 1
        stop = self._num_stops
        self._stops_ns[stop] = time_ns
        self._run.call_at(time_ns, lambda run: self._forget(stop))
        return stop

    def _forget(self, stop: int) -> None:
        del self._stops_ns[stop]

    def _clock_ns(self) -> int:
        """The clock in whole nanoseconds, rounded up: no flow starts before it."""
        return -(-int(self._run.state.control["now"][0]) // self._ticks_per_ns)
