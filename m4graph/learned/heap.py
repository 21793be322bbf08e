"""Predicted departures of flows under way, the earliest on top: binary heaps (numba).

The heaps of several networks lie one behind the other in one array, each in the slice of its
network's flows. Order is (time, flow), so that equal times leave in the order of their numbers.
"""

from __future__ import annotations

import numpy as np

from m4graph.core.kernels import kernel

DEPARTURE_RECORD = np.dtype([("time_ns", "i8"), ("flow", "i8")], align=True)

ABSENT = -1
"""Place of a flow that is not in a heap."""


@kernel
def heap_set(heap, place, first, size, flow, time_ns):
    """Puts a flow into a heap, or changes its time.

    Args:
        heap (np.ndarray): The heaps, records of ``DEPARTURE_RECORD``.
        place (np.ndarray): Where in its heap each flow is, or ``ABSENT``.
        first (int): Where the heap begins.
        size (int): How many flows are in it.
        flow (int): The flow.
        time_ns (int): When it leaves.

    Returns:
        int: How many flows are in it now.
    """
    at = place[flow]
    if at == ABSENT:
        at = size
        size += 1
    at = _sift_up(heap, place, first, at, flow, time_ns)
    _sift_down(heap, place, first, size, at, flow, time_ns)
    return size


@kernel
def heap_pop(heap, place, first, size):
    """Takes the top out of a heap that is not empty; it then holds ``size - 1`` flows."""
    place[heap[first].flow] = ABSENT
    last = heap[first + size - 1]
    flow, time_ns = last.flow, last.time_ns
    if size > 1:
        _sift_down(heap, place, first, size - 1, 0, flow, time_ns)


@kernel
def _put(heap, place, first, at, flow, time_ns):
    heap[first + at].time_ns = time_ns
    heap[first + at].flow = flow
    place[flow] = at


@kernel
def _is_before(time_ns, flow, other):
    return time_ns < other.time_ns or (time_ns == other.time_ns and flow < other.flow)


@kernel
def _sift_up(heap, place, first, at, flow, time_ns):
    while at > 0:
        parent = (at - 1) >> 1
        above = heap[first + parent]
        if not _is_before(time_ns, flow, above):
            break
        _put(heap, place, first, at, above.flow, above.time_ns)
        at = parent
    return at


@kernel
def _sift_down(heap, place, first, size, at, flow, time_ns):
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        below = heap[first + child]
        if child + 1 < size:
            other = heap[first + child + 1]
            if _is_before(other.time_ns, other.flow, below):
                child, below = child + 1, other
        if _is_before(time_ns, flow, below):
            break
        _put(heap, place, first, at, below.flow, below.time_ns)
        at = child
    _put(heap, place, first, at, flow, time_ns)
