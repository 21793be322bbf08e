"""The interface of a session: add flows, let time pass, see flows complete, add more."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from m4graph.core.errors import (
    ConfigError,
    M4GraphError,
    RoutingError,
    SimulationError,
    WorkloadError,
)
from m4graph.routing import Routes
from m4graph.scenario import Scenario
from m4graph.scenario.ideal import ideal_fct_ns
from m4graph.scenario.ranges import largest_flow_bytes
from m4graph.simulators.base import refuse_spraying
from m4graph.simulators.session.checks import (
    checked_host,
    checked_size,
    checked_time,
    checked_window,
    given_routes,
)
from m4graph.simulators.session.interrupt import Interrupts
from m4graph.simulators.session.types import (
    ENDED,
    FOREVER_NS,
    PAUSED,
    Completion,
    FlowBatch,
    Outcome,
    Waits,
)
from m4graph.simulators.session.waiting import WaitingFlows


class Session(ABC):
    """A simulation to which flows are added while it runs; made by :func:`open_session`.

    Flows are numbered 0, 1, 2, ... in the order in which they are added, and routed in this order
    by ECMP. Ctrl-C leaves a session as it is between two events: it can be run on.

    Memory: a row for each flow that was ever added, also after it has completed.

    A simulator's own session implements :meth:`_admit`, :meth:`_start` and :meth:`_advance`.

    Args:
        scenario (Scenario): Network, algorithm and configuration; its workload does not matter.
    """

    compile_s: float = 0.0
    """Seconds of compilation when it was opened."""

    sprays: ClassVar[bool] = False
    """Whether it spreads the packets of a flow over paths, where routing says so."""

    def __init__(self, scenario: Scenario) -> None:
        if scenario.faults:
            raise ConfigError(
                f"faults: expected none in a session or a closed loop (got {len(scenario.faults)})"
            )
        if not self.sprays:
            refuse_spraying("the simulator of this session", scenario)
        self._scenario = scenario
        arrays = scenario.arrays
        self._largest_flow_bytes = largest_flow_bytes(arrays)
        routing = scenario.routing
        self._router = None if isinstance(routing, Routes) else routing.router(arrays)
        self._src: list[int] = []
        self._dst: list[int] = []
        self._size_bytes: list[int] = []
        self._start_ns: list[int] = []  # -1: not known yet
        self._ideal_fct_ns: list[int] = []
        self._window_bytes: dict[int, int] = {}  # Of flows not taken in yet that were given one.
        self._finish_ns: list[int] = []
        self._starting: list[int] = []
        self._waiting = WaitingFlows()
        self._now_ns = 0
        self._outcome = PAUSED
        self._failure: M4GraphError | None = None
        self._interrupts = Interrupts()

    @property
    def now_ns(self) -> int:
        """The time: of the last completion, or to which the session was run.

        In ticks of a picosecond (``network.tick: ps``) the next whole nanosecond.
        """
        return self._now_ns

    @property
    def num_flows(self) -> int:
        """Flows added so far."""
        return len(self._src)

    @property
    def unfinished(self) -> list[int]:
        """Flows that have started, or are to start, and have not completed.

        Those that are left when :meth:`run` has come to its end without ``until_ns`` can never
        complete, as a flow whose last packets were dropped for good.
        """
        times = zip(self._start_ns, self._finish_ns, strict=True)
        return [flow for flow, (start, finish) in enumerate(times) if finish < 0 <= start]

    @property
    def start_ns(self) -> NDArray[np.int64]:
        """When each flow started or is to start, int64 ``[num_flows]``; -1: not known yet."""
        return np.array(self._start_ns, np.int64)

    @property
    def finish_ns(self) -> NDArray[np.int64]:
        """When each flow completed, int64 ``[num_flows]``; -1: has not."""
        return np.array(self._finish_ns, np.int64)

    @property
    def packet_hops(self) -> int | None:
        """Packets sent over a link so far; ``None`` where there are no packets."""
        return None

    @property
    def extra(self) -> dict[str, Any]:
        """What else the simulator counts, as in :class:`~m4graph.results.SimulationResult`."""
        return {}

    def add_flow(
        self,
        src: int,
        dst: int,
        size_bytes: int,
        start_ns: int | None = None,
        route: Sequence[int] | None = None,
        ack_route: Sequence[int] | None = None,
        window_bytes: int | None = None,
    ) -> int:
        """Adds a flow.

        Args:
            src (int): Sending host.
            dst (int): Receiving host.
            size_bytes (int): Payload.
            start_ns (int, optional): When it starts; at the current time, it starts after the
                events that are already queued for it. (default: now)
            route (Sequence[int], optional): Nodes from ``src`` to ``dst``. (default: by ECMP)
            ack_route (Sequence[int], optional): Nodes from ``dst`` to ``src``, with ``route``
                only. (default: ``route`` backwards)
            window_bytes (int, optional): Of ``packet`` with an RDMA algorithm, the flow's window at
                its NIC's rate, in place of ``init_window_bytes``. (default: that one)

        Returns:
            int: The flow's number.

        Raises:
            InputError: If a host or a route does not exist, the hosts are the same, the size or the
                window is below 1, or the start is in the past; or if the simulator or the algorithm
                has no such windows. The session is as before.
        """
        flow = len(self._src)
        num_hosts = self._scenario.arrays.num_hosts
        src = checked_host(flow, "src", src, num_hosts)
        dst = checked_host(flow, "dst", dst, num_hosts)
        if src == dst:
            raise WorkloadError(f"flow {flow}: expected two hosts (got {src} for both)")
        size = checked_size(flow, size_bytes, self._largest_flow_bytes)
        start = self._now_ns if start_ns is None else checked_time(flow, start_ns, self._now_ns)
        window_bytes = None if window_bytes is None else checked_window(flow, window_bytes)
        routes = None
        if route is not None:
            routes = given_routes(self._scenario.arrays, flow, src, dst, route, ack_route)
        elif ack_route is not None:
            raise RoutingError(f"flow {flow}: expected a route with the ack_route (got none)")
        elif self._router is None:
            raise RoutingError(
                f"flow {flow}: expected a route, as the scenario's routing is not ECMP"
            )
        self._check_given(flow, routes, window_bytes)
        if routes is not None:
            self._admit_waiting()
        if window_bytes is not None:
            self._window_bytes[flow] = window_bytes
        self._src.append(src)
        self._dst.append(dst)
        self._size_bytes.append(size)
        self._start_ns.append(start)
        self._finish_ns.append(-1)
        self._starting.append(flow)
        if routes is not None:
            self._take_in(routes)
        return flow

    def announce(
        self,
        src: NDArray[np.integer],
        dst: NDArray[np.integer],
        size_bytes: NDArray[np.int64],
        routes: Routes,
        waits: Waits | None = None,
    ) -> range:
        """Makes many flows known at once; each starts when :meth:`start` says so.

        Those with ``waits`` start by themselves; :meth:`run` yields the one that completes last.
        The times of all are known then.

        Args:
            src (np.ndarray): Sending hosts ``[num_new]``; these and the others are not checked.
            dst (np.ndarray): Receiving hosts.
            size_bytes (np.ndarray): Payloads.
            routes (Routes): Their routes.
            waits (Waits, optional): What they wait for.

        Returns:
            range: Their numbers.
        """
        self._admit_waiting()
        flows = range(len(self._src), len(self._src) + len(src))
        self._src += src.tolist()
        self._dst += dst.tolist()
        self._size_bytes += size_bytes.tolist()
        self._start_ns += [-1] * len(src)
        self._finish_ns += [-1] * len(src)
        self._take_in(routes)
        if waits is not None:
            self._let_wait(flows, waits)
            for row in np.flatnonzero(waits.num_open == 0).tolist():
                self.start(flows.start + row, int(waits.ready_ns[row]))
        return flows

    def times_of(self, flows: range) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """As ``start_ns`` and ``finish_ns``, of some flows."""
        own = slice(flows.start, flows.stop)
        return np.array(self._start_ns[own], np.int64), np.array(self._finish_ns[own], np.int64)

    def completion_of(self, flow: int) -> Completion:
        """A flow that has completed."""
        return Completion(
            flow,
            self._src[flow],
            self._dst[flow],
            self._size_bytes[flow],
            self._start_ns[flow],
            self._finish_ns[flow],
            self._ideal_fct_ns[flow],
        )

    def start(self, flow_id: int, start_ns: int | None = None) -> None:
        """Starts an announced flow, now or later, as :meth:`add_flow` would.

        Raises:
            WorkloadError: If there is no such flow, it has been started, or the start is in the
                past.
        """
        if not 0 <= flow_id < len(self._src) or self._start_ns[flow_id] >= 0:
            raise WorkloadError(f"flow {flow_id}: expected an announced flow that has no start yet")
        self._start_ns[flow_id] = (
            self._now_ns if start_ns is None else checked_time(flow_id, start_ns, self._now_ns)
        )
        self._starting.append(flow_id)

    def run(self, until_ns: int | None = None) -> Iterator[Completion]:
        """Lets time pass and yields each flow as it completes, in the order of time.

        Flows may be added meanwhile. When it has ended, or was left by ``break``, flows may be
        added and the session run on.

        Args:
            until_ns (int, optional): Stop when everything up to this time has happened; then it is
                the current time. (default: run until nothing is left to happen)

        Raises:
            WorkloadError: If ``until_ns`` is in the past.
            SimulationError: If the run fails; the session is of no use then.
        """
        with self._interrupts:
            while (done := self._next(until_ns)) is not None:
                yield done

    def next_completion(self, until_ns: int | None = None) -> Completion | None:
        """The next flow that completes, as in :meth:`run`; ``None`` at the end.

        Raises:
            WorkloadError: If ``until_ns`` is in the past.
            SimulationError: If the run fails.
        """
        with self._interrupts:
            return self._next(until_ns)

    def _next(self, until_ns: int | None) -> Completion | None:
        limit_ns = FOREVER_NS if until_ns is None else checked_time(None, until_ns, self._now_ns)
        if self._failure is not None:
            raise SimulationError(f"session: it has failed ({self._failure}); open a new one")
        # A completion may be left from a call that Ctrl-C has ended.
        if self._outcome == ENDED:
            self._outcome = PAUSED
        while self._outcome == PAUSED:
            self._interrupts.begin()
            try:
                self._step(limit_ns)
            finally:
                self._interrupts.end()
        flow = self._outcome
        if flow == ENDED:
            if until_ns is not None:
                self._now_ns = limit_ns
            return None
        self._outcome = PAUSED
        return self.completion_of(flow)

    def __repr__(self) -> str:
        done = sum(finish >= 0 for finish in self._finish_ns)
        return (
            f"{type(self).__name__}(num_flows={self.num_flows}, num_completed={done}, "
            f"now_ns={self.now_ns})"
        )

    @abstractmethod
    def _admit(self, flows: FlowBatch) -> None:
        """Takes in flows that will start one day; their numbers follow those of the last ones."""

    @abstractmethod
    def _start(self, flow_ids: list[int], start_ns: list[int]) -> None:
        """Has flows start, now or later, in this order where starts are equal."""

    @abstractmethod
    def _advance(self, until_ns: int) -> Outcome:
        """Lets time pass up to the next completion, for a fraction of a second of computing.

        Events at ``until_ns`` happen, later ones do not.
        """

    def _check_given(self, flow: int, routes: Routes | None, window_bytes: int | None) -> None:
        """Refuses a route or a window that the simulator cannot take: by default all windows."""
        if window_bytes is not None:
            raise WorkloadError(
                f"flow {flow}: expected no window_bytes in a session of this simulator; packet has "
                f"windows of single flows (got {window_bytes})"
            )

    def _step(self, until_ns: int) -> None:
        try:
            self._admit_waiting()
            if self._starting:
                starting, self._starting = self._starting, []
                self._start(starting, [self._start_ns[flow] for flow in starting])
            self._outcome, finish_ns, now_ns = self._advance(until_ns)
        except M4GraphError as error:
            self._failure = error
            raise
        if self._outcome >= 0:
            self._finish_ns[self._outcome] = finish_ns
        self._now_ns = max(self._now_ns, now_ns)
        if self._outcome >= 0 and not self._follow(self._outcome):
            self._outcome = PAUSED

    def _let_wait(self, flows: range, waits: Waits) -> None:
        """Flows that were admitted wait for each other."""
        self._waiting.add(flows, waits)

    def _follow(self, flow: int) -> bool:
        """A flow has completed: starts what waited for it; whether its batch has completed."""
        ready, is_last = self._waiting.complete(flow, self._finish_ns[flow])
        for follower, ready_ns in ready:
            self.start(follower, max(ready_ns, self._now_ns))
        return is_last

    def _admit_waiting(self) -> None:
        """Routes the flows that were added since the last time, all at once."""
        first = len(self._ideal_fct_ns)
        if first < len(self._src):
            assert self._router is not None
            if first + 1 == len(self._src):
                routes = self._router.route_one(self._src[first], self._dst[first])
            else:
                routes = self._router.route(self._src[first:], self._dst[first:])
            self._take_in(routes)

    def _take_in(self, routes: Routes) -> None:
        first = len(self._ideal_fct_ns)
        scenario, config = self._scenario, self._scenario.config
        sizes = _Sizes(np.array(self._size_bytes[first:], np.int64))
        ideal = ideal_fct_ns(
            scenario.arrays, sizes, routes, config.payload_bytes, config.ticks_per_ns
        )
        src = np.array(self._src[first:], np.int64)
        dst = np.array(self._dst[first:], np.int64)
        windows = None
        if self._window_bytes:
            flows = range(first, len(self._src))
            windows = np.array([self._window_bytes.pop(flow, 0) for flow in flows], np.int64)
        self._admit(FlowBatch(src, dst, sizes.size_bytes, ideal, routes, windows))
        self._ideal_fct_ns += ideal.tolist()


class _Sizes(NamedTuple):
    size_bytes: NDArray[np.int64]
