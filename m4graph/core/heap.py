"""A binary min-heap over items ``0 .. capacity-1`` whose keys can be changed in place (numba).

Order is (key, item), so equal times leave in the order of their numbers.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from m4graph.core.kernels import inline_kernel, kernel

ENTRY = np.dtype([("key", np.float64), ("item", np.int64)], align=True)


class IndexedHeap(NamedTuple):
    """Arrays of the heap; ``position`` is -1 for an item that is not in it.

    Shapes:
        - entries: records (key, item) ``[capacity]``, in heap order
        - position: int32 ``[capacity]``
        - size: int64 ``[1]``
    """

    entries: np.ndarray
    position: np.ndarray
    size: np.ndarray


def make_heap(capacity: int) -> IndexedHeap:
    """An empty heap for the items ``0 .. capacity-1``."""
    return IndexedHeap(
        entries=np.zeros(capacity, ENTRY),
        position=np.full(capacity, -1, np.int32),
        size=np.zeros(1, np.int64),
    )


def grow_heap(heap: IndexedHeap, capacity: int) -> IndexedHeap:
    """The same heap with room for more items."""
    grown = make_heap(capacity)
    old = len(heap.position)
    grown.entries[:old] = heap.entries
    grown.position[:old] = heap.position
    grown.size[0] = heap.size[0]
    return grown


@kernel
def heap_set(heap: IndexedHeap, item: int, key: float) -> None:
    """Puts an item into the heap, or changes its key."""
    place = heap.position[item]
    if place < 0:
        place = heap.size[0]
        heap.size[0] += 1
    _sift_down(heap, _sift_up(heap, place, key, item), key, item)


@kernel
def heap_pop(heap: IndexedHeap) -> int:
    """Takes out the item with the smallest (key, item); the heap must not be empty."""
    top = heap.entries[0].item
    heap.size[0] -= 1
    heap.position[top] = -1
    if heap.size[0] > 0:
        last = heap.entries[heap.size[0]]
        _sift_down(heap, 0, last.key, last.item)
    return int(top)


@inline_kernel
def heap_min(heap: IndexedHeap) -> float:
    """The smallest key, or infinity when the heap is empty."""
    if heap.size[0] == 0:
        return np.inf
    return float(heap.entries[0].key)


@inline_kernel
def _put(heap: IndexedHeap, place: int, key: float, item: int) -> None:
    heap.entries[place].key = key
    heap.entries[place].item = item
    heap.position[item] = place


@inline_kernel
def _sift_up(heap: IndexedHeap, place: int, key: float, item: int) -> int:
    while place > 0:
        parent = (place - 1) >> 1
        above = heap.entries[parent]
        if above.key < key or (above.key == key and above.item < item):
            break
        _put(heap, place, above.key, above.item)
        place = parent
    return place


@inline_kernel
def _sift_down(heap: IndexedHeap, place: int, key: float, item: int) -> None:
    size = heap.size[0]
    while True:
        child = 2 * place + 1
        if child >= size:
            break
        below = heap.entries[child]
        if child + 1 < size:
            other = heap.entries[child + 1]
            if other.key < below.key or (other.key == below.key and other.item < below.item):
                child, below = child + 1, other
        if key < below.key or (key == below.key and item < below.item):
            break
        _put(heap, place, below.key, below.item)
        place = child
    _put(heap, place, key, item)
