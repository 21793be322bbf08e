"""Flows of batches that start by themselves, for simulators that leave it to the session."""

from __future__ import annotations

from itertools import pairwise

from m4graph.simulators.session.types import Waits


class _Batch:
    """A batch that is under way."""

    def __init__(self, first: int, waits: Waits) -> None:
        self.first = first
        self.num_left = len(waits.num_open)
        self.num_open: list[int] = waits.num_open.tolist()
        self.lag_ns: list[int] = waits.lag_ns.tolist()
        self.ready_ns: list[int] = waits.ready_ns.tolist()
        bounds, followers = waits.followers_ptr.tolist(), waits.followers.tolist()
        self.followers = [followers[begin:end] for begin, end in pairwise(bounds)]


class WaitingFlows:
    """Which flows may start, and when, as others complete."""

    def __init__(self) -> None:
        self._batch_of: dict[int, _Batch] = {}  # of the flows that have not completed

    def add(self, flows: range, waits: Waits) -> None:
        """A batch of flows, none of which has started."""
        batch = _Batch(flows.start, waits)
        self._batch_of.update(dict.fromkeys(flows, batch))

    def complete(self, flow: int, finish_ns: int) -> tuple[list[tuple[int, int]], bool]:
        """A flow has completed.

        Returns:
            tuple: The flows that waited for it alone and when they are ready; and whether no flow
            of its batch is left.
        """
        batch = self._batch_of.pop(flow, None)
        if batch is None:
            return [], True
        first, num_open, ready_ns = batch.first, batch.num_open, batch.ready_ns
        done_ns = finish_ns + batch.lag_ns[flow - first]
        ready = []
        for other in batch.followers[flow - first]:
            ready_ns[other] = max(ready_ns[other], done_ns)
            num_open[other] -= 1
            if num_open[other] == 0:
                ready.append((first + other, ready_ns[other]))
        batch.num_left -= 1
        return ready, batch.num_left == 0
