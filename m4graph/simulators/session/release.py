"""Which flows of a closed loop may start, and when, as others complete."""

from __future__ import annotations

import heapq

import numpy as np
from numpy.typing import NDArray

from m4graph.workload import ClosedLoopWorkload


class FlowRelease:
    """Follows the rules of :class:`~m4graph.workload.ClosedLoopWorkload` through a run.

    Flows are rows of the workload. Every method gives the flows to start, as pairs of row and time,
    each at once or in the future.

    Args:
        workload (ClosedLoopWorkload): The flows.
        rack_of_flow (np.ndarray): Rack of each flow's sender, int64 ``[num_flows]``.
    """

    def __init__(self, workload: ClosedLoopWorkload, rack_of_flow: NDArray[np.int64]) -> None:
        self._id = workload.id.tolist()
        self._delay_ns = workload.delay_ns.tolist()
        self._ready_ns = workload.ready_ns.tolist()
        self._num_open = np.diff(workload.after_ptr).tolist()
        self._followers = _followers(workload)
        self._limit = workload.limit_per_rack
        self._rack = rack_of_flow.tolist()
        num_racks = max(self._rack, default=-1) + 1
        self._under_way = [0] * num_racks
        # Ready flows of each rack, and flows that will be, as (ready_ns, id, row).
        self._waiting: list[list[tuple[int, int, int]]] = [[] for _ in range(num_racks)]
        # Racks with room for a flow that will be ready, as (ready_ns, rack).
        self._wakes: list[tuple[int, int]] = []
        self._wake_ns = [-1] * num_racks  # the last one noted

    @property
    def next_wake_ns(self) -> int | None:
        """When :meth:`wake` is to be called, unless a flow completes before; ``None``: never."""
        return self._wakes[0][0] if self._wakes else None

    def begin(self) -> list[tuple[int, int]]:
        """The flows that wait for no other."""
        return self._unlocked([row for row, count in enumerate(self._num_open) if count == 0], 0)

    def complete(self, row: int, now_ns: int) -> list[tuple[int, int]]:
        """A flow has completed; call it in the order of time."""
        unlocked = []
        for follower in self._followers[row]:
            self._num_open[follower] -= 1
            if self._num_open[follower] == 0:
                ready_ns = now_ns + self._delay_ns[follower]
                self._ready_ns[follower] = max(self._ready_ns[follower], ready_ns)
                unlocked.append(follower)
        if self._limit is None:
            return self._unlocked(unlocked, now_ns)
        self._under_way[self._rack[row]] -= 1
        return self._unlocked(unlocked, now_ns, self._rack[row])

    def wake(self, now_ns: int) -> list[tuple[int, int]]:
        """Time has come to :attr:`next_wake_ns`, and everything up to then has happened."""
        racks = set()
        while self._wakes and self._wakes[0][0] <= now_ns:
            racks.add(heapq.heappop(self._wakes)[1])
        return self._from_racks(racks, now_ns)

    def _unlocked(
        self, rows: list[int], now_ns: int, freed_rack: int | None = None
    ) -> list[tuple[int, int]]:
        """Flows that wait for no other any more."""
        if self._limit is None:
            return [(row, self._ready_ns[row]) for row in rows]
        racks = set() if freed_rack is None else {freed_rack}
        for row in rows:
            rack = self._rack[row]
            heapq.heappush(self._waiting[rack], (self._ready_ns[row], self._id[row], row))
            racks.add(rack)
        return self._from_racks(racks, now_ns)

    def _from_racks(self, racks: set[int], now_ns: int) -> list[tuple[int, int]]:
        """Starts what is ready where there is room; in the order of (ready, id) over all racks."""
        assert self._limit is not None
        started = []
        for rack in racks:
            waiting = self._waiting[rack]
            while self._under_way[rack] < self._limit and waiting and waiting[0][0] <= now_ns:
                started.append(heapq.heappop(waiting))
                self._under_way[rack] += 1
            if self._under_way[rack] < self._limit and waiting:
                wake_ns = waiting[0][0]
                if wake_ns != self._wake_ns[rack]:
                    self._wake_ns[rack] = wake_ns
                    heapq.heappush(self._wakes, (wake_ns, rack))
        return [(row, now_ns) for _, _, row in sorted(started)]


def _followers(workload: ClosedLoopWorkload) -> list[list[int]]:
    """The flows that wait for each flow, ascending."""
    waiting = np.repeat(np.arange(workload.num_flows), np.diff(workload.after_ptr))
    order = np.argsort(workload.after, kind="stable")
    count = np.bincount(workload.after, minlength=workload.num_flows)
    parts = np.split(waiting[order], np.cumsum(count)[:-1]) if workload.num_flows else []
    return [part.tolist() for part in parts]
