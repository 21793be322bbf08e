"""The interface of a session: add flows, let time pass, see flows complete, add more."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from m4graph.core.errors import M4GraphError, SimulationError
from m4graph.routing import Routes
from m4graph.scenario import Scenario
from m4graph.simulators.session.checks import check_no_window, check_scenario, checked_time
from m4graph.simulators.session.flows import SessionFlows
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
        check_scenario(scenario, self.sprays)
        self._scenario = scenario
        self._flows = SessionFlows(scenario)
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
        return len(self._flows)

    @property
    def unfinished(self) -> list[int]:
        """Flows that have started, or are to start, and have not completed.

        Those that are left when :meth:`run` has come to its end without ``until_ns`` can never
        complete, as a flow whose last packets were dropped for good.
        """
        return self._flows.unfinished()

    @property
    def start_ns(self) -> NDArray[np.int64]:
        """When each flow started or is to start, int64 ``[num_flows]``; -1: not known yet."""
        return np.array(self._flows.start_ns, np.int64)

    @property
    def finish_ns(self) -> NDArray[np.int64]:
        """When each flow completed, int64 ``[num_flows]``; -1: has not."""
        return np.array(self._flows.finish_ns, np.int64)

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
        flow = len(self._flows)
        new = self._flows.checked(
            self._now_ns, src, dst, size_bytes, start_ns, route, ack_route, window_bytes
        )
        self._check_given(flow, new.routes, new.window_bytes)
        if new.routes is not None:
            self._admit_waiting()
        self._flows.add(new)
        self._starting.append(flow)
        if new.routes is not None:
            self._take_in(new.routes)
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
        flows = self._flows.announce(src, dst, size_bytes)
        self._take_in(routes)
        if waits is not None:
            self._let_wait(flows, waits)
            for row in np.flatnonzero(waits.num_open == 0).tolist():
                self.start(flows.start + row, int(waits.ready_ns[row]))
        return flows

    def times_of(self, flows: range) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """As ``start_ns`` and ``finish_ns``, of some flows."""
        return self._flows.times_of(flows)

    def completion_of(self, flow: int) -> Completion:
        """A flow that has completed."""
        return self._flows.completion_of(flow)

    def start(self, flow_id: int, start_ns: int | None = None) -> None:
        """Starts an announced flow, now or later, as :meth:`add_flow` would.

        Raises:
            WorkloadError: If there is no such flow, it has been started, or the start is in the
                past.
        """
        self._flows.start(flow_id, start_ns, self._now_ns)
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
        done = sum(finish >= 0 for finish in self._flows.finish_ns)
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
        check_no_window(flow, window_bytes)

    def _step(self, until_ns: int) -> None:
        try:
            self._admit_waiting()
            if self._starting:
                starting, self._starting = self._starting, []
                self._start(starting, [self._flows.start_ns[flow] for flow in starting])
            self._outcome, finish_ns, now_ns = self._advance(until_ns)
        except M4GraphError as error:
            self._failure = error
            raise
        if self._outcome >= 0:
            self._flows.finish_ns[self._outcome] = finish_ns
        self._now_ns = max(self._now_ns, now_ns)
        if self._outcome >= 0 and not self._follow(self._outcome):
            self._outcome = PAUSED

    def _let_wait(self, flows: range, waits: Waits) -> None:
        """Flows that were admitted wait for each other."""
        self._waiting.add(flows, waits)

    def _follow(self, flow: int) -> bool:
        """A flow has completed: starts what waited for it; whether its batch has completed."""
        ready, is_last = self._waiting.complete(flow, self._flows.finish_ns[flow])
        for follower, ready_ns in ready:
            self.start(follower, max(ready_ns, self._now_ns))
        return is_last

    def _admit_waiting(self) -> None:
        """Routes the flows that were added since the last time, all at once."""
        routes = self._flows.found_routes()
        if routes is not None:
            self._take_in(routes)

    def _take_in(self, routes: Routes) -> None:
        batch = self._flows.batch(routes)
        self._admit(batch)
        self._flows.ideal_fct_ns += batch.ideal_fct_ns.tolist()
