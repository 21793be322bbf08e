"""Drives the compiled loop: memory that grows under it, buffers that it fills, calls to Python."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from m4graph.core.announced import announced_compilation
from m4graph.core.calls import plain_call
from m4graph.core.errors import ConfigError, SimulationError
from m4graph.core.progress import Progress
from m4graph.results import UNFINISHED_BECAUSE
from m4graph.scenario import Scenario
from m4graph.simulators.packet.build import grow_pools
from m4graph.simulators.packet.congestion import CONGESTION_KERNELS
from m4graph.simulators.packet.engine import engine
from m4graph.simulators.packet.events import request_event
from m4graph.simulators.packet.hooks import compile_hooks
from m4graph.simulators.packet.layout import (
    CALL,
    CALLED,
    DRAIN,
    FINISHED,
    GROW_POOLS,
    MAX_TICKS,
    NIC_WAKE,
    PAUSED,
    STARVED,
)
from m4graph.simulators.packet.state import State
from m4graph.simulators.packet.unfinished import why_unfinished
from m4graph.simulators.packet.windows import with_own_windows

EVENTS_A_TURN = 2_000_000
"""Events between two returns to Python, for Ctrl-C and progress: about a tenth of a second."""

_LOOKS_ON = 1
_MAX_CALLS = 2**31
"""Codes of calls start anew after so many."""


@plain_call
class Watcher:
    """Looks on at runs of the packet simulator, at times that it chooses.

    It asks for calls with :meth:`PacketRun.call_at` and may read all arrays of ``run.state``
    meanwhile (:class:`~m4graph.simulators.packet.state.State`). One that writes to them, or puts
    others in their place, changes the run. A watcher may be given several runs, one after another.
    """

    def begin(self, run: PacketRun) -> None:
        """A run begins: forget the one before, prepare arrays, ask for the first calls."""

    def drain(self, run: PacketRun) -> None:
        """A buffer that the loop writes into is full: whoever owns it empties it."""

    def finish(self, run: PacketRun) -> dict[str, Any]:
        """The run has ended: gives what is to stand in ``result.extra``, by its name."""
        return {}


@plain_call
class PacketRun:
    """A run of the packet simulator: its arrays, and the loop that changes them.

    Args:
        scenario (Scenario): What is simulated.
        state (State): The arrays of a run that has not begun.
        watchers (Sequence[Watcher], optional): Begin with it. (default: none)

    Attributes:
        scenario (Scenario): As given.
        state (State): The arrays, at rest while Python sees them.
        compile_s (float): Seconds that compiling the loop took.
    """

    def __init__(self, scenario: Scenario, state: State, watchers: Sequence[Watcher] = ()) -> None:
        self.scenario = scenario
        self.state = state
        self._watchers = watchers
        self._ticks_per_ns = scenario.config.ticks_per_ns
        self._calls: dict[int, Callable[[PacketRun], None]] = {}
        self._num_calls = 0
        self._has_stopped = False
        for watcher in watchers:
            watcher.begin(self)
        if scenario.stop_ns is not None and scenario.stop_ns * self._ticks_per_ns < MAX_TICKS:
            self.call_at(scenario.stop_ns, PacketRun._stop)
        self._loop, self.compile_s = _compiled_loop(scenario.congestion_control.kind, self.state)

    @property
    def now_ns(self) -> int:
        """The clock; in ticks of a picosecond (``network.tick: ps``) the last whole nanosecond."""
        return int(self.state.control["now"][0]) // self._ticks_per_ns

    @property
    def counts(self) -> dict[str, int]:
        """Pauses and drops so far, as a result's ``extra`` has them."""
        control = self.state.control[0]
        return {
            "pfc_pauses_sent": int(control["pauses_sent"]),
            "packets_dropped": int(control["packets_dropped"]),
            "packets_lost": int(control["packets_lost"]),
        }

    def why_unfinished(self) -> dict[str, str]:
        """Why flows will never finish, as a result's ``extra`` has it; empty if it is not known,
        or they may.
        """
        control = self.state.control[0]
        if control["num_finished"] == control["num_flows"] or not self._nothing_moves():
            return {}
        because = why_unfinished(self.state, self.scenario.congestion_control)
        return {} if because is None else {UNFINISHED_BECAUSE: because}

    def call_at(self, time_ns: int, call: Callable[[PacketRun], None]) -> None:
        """Has a function called at a time, before or behind what else happens in that instant.

        It does not keep a run alive. Calls of one time come in the order of asking.

        Args:
            time_ns (int): The time, from now on.
            call (Callable): Is given this run, its clock at that time.

        Raises:
            ValueError: If the time is in the past.
        """
        if time_ns < self.now_ns:
            raise ValueError(
                f"call_at: expected a time from now, {self.now_ns} ns, on (got {time_ns})"
            )
        self._num_calls = (self._num_calls + 1) % _MAX_CALLS
        self._calls[self._num_calls] = call
        self._make_room_for_request()
        request_event(self.state, time_ns * self._ticks_per_ns, CALL, self._num_calls, _LOOKS_ON)

    def wake_nics(self, nics: NDArray[np.integer]) -> None:
        """Has NICs look for something to send, now; each by its number in ``state.nodes``."""
        for nic in nics.tolist():
            self._make_room_for_request()
            node, now = self.state.nodes[nic], int(self.state.control["now"][0])
            node["wake_ticks"] = now
            node["wake_version"] += 1
            request_event(self.state, now, NIC_WAKE, nic, int(node["wake_version"]))

    def own_windows(self) -> None:
        """Has each flow a window of its own from now on; the loop is compiled for that."""
        self.state = with_own_windows(self.state)
        kind = self.scenario.congestion_control.kind
        self._loop, compile_s = _compiled_loop(kind, self.state)
        self.compile_s += compile_s

    def turn(self, max_events: int) -> int:
        """Runs the loop once, and does what it came back for; gives the reason.

        Raises:
            SimulationError: If memory for packets in flight runs out, or the clock.
        """
        reason = self._loop(self.state, max_events)
        # A clock that has run over is negative.
        if not 0 <= self.state.control["now"][0] <= MAX_TICKS:
            raise SimulationError(
                f"packet: expected the run to end by {MAX_TICKS // self._ticks_per_ns} ns, the "
                "last moment that network.tick can count to; set a stop time"
            )
        if reason == GROW_POOLS:
            self._grow_pools()
        elif reason == DRAIN:
            for watcher in self._watchers:
                watcher.drain(self)
        elif reason == CALLED:
            self._calls.pop(int(self.state.control["call_code"][0]))(self)
            if self._nothing_moves():
                return STARVED
        return reason

    def run_to_end(self, progress: Progress | None = None) -> dict[str, Any]:
        """Runs until ``control.stop_at`` flows are finished, nothing is left to happen, or the
        scenario's stop time has come.

        Returns:
            dict: What a result's ``extra`` has: the counts, and what the watchers give.

        Raises:
            ConfigError: If two watchers give something by the same name.
            SimulationError: If memory for packets in flight runs out.
        """
        control, reason = self.state.control, PAUSED
        while reason not in (FINISHED, STARVED) and not self._has_stopped:
            reason = self.turn(EVENTS_A_TURN)
            if progress is not None:
                progress(int(control["num_finished"][0]), int(control["num_flows"][0]))
        extra: dict[str, Any] = self.counts | self.why_unfinished()
        for watcher in self._watchers:
            given = watcher.finish(self)
            for name in extra.keys() & given.keys():
                raise ConfigError(f"watchers: expected {name!r} of one watcher only (got it twice)")
            extra |= given
        return extra

    def _stop(self) -> None:
        self._has_stopped = True

    def _make_room_for_request(self) -> None:
        """For one more request, and for the events that all of them become."""
        control, requests = self.state.control[0], self.state.requests
        if control["num_requests"] == len(requests):
            self.state = self.state._replace(
                requests=np.concatenate((requests, np.zeros_like(requests)))
            )
        num_queued = control["num_requests"] + control["heap_size"]
        while min(control["events_left"], len(self.state.heap)) <= num_queued:
            self._grow_pools()

    def _grow_pools(self) -> None:
        try:
            self.state = grow_pools(self.state)
        except MemoryError as error:
            raise SimulationError(
                f"packet: out of memory with {len(self.state.packets)} packets in flight"
            ) from error

    def _nothing_moves(self) -> bool:
        """Whether nothing but calls and timers is left, which move no packet."""
        control = self.state.control[0]
        asked = self.state.requests[: control["num_requests"]]
        if ((asked["kind"] != CALL) | (asked["b"] != _LOOKS_ON)).any():
            return False
        num_queued = len(self.state.events) - control["events_left"] + control["heap_size"]
        return bool(num_queued == control["idle_events"])


def _compiled_loop(kind: str, state: State) -> tuple[Callable[[State, int], int], float]:
    """The loop, compiled for the types of a state's arrays, with an algorithm's hooks in its reach.

    Returns:
        tuple: ``run(state, max_events) -> reason``, and the seconds that compiling took.
    """

    def compile_all() -> Callable[[State, int], int]:
        compile_hooks(CONGESTION_KERNELS.resolve(kind), state)
        run = engine()
        run(state, 0)
        return run

    return announced_compilation(f"packet simulator for {kind}", compile_all)
