"""Binary min-heaps over numbered items whose keys can be changed in place (numba).

Order is (key, item), so equal times leave in the order of their numbers. A heap is a slice of an
array of entries, from ``first`` on: heaps of several networks may lie one behind the other.
:class:`IndexedHeap` is a single one with its size.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from m4graph.core.arrays import grown
from m4graph.core.kernels import inline_kernel, kernel

ABSENT = -1
"""Position of an item that is not in a heap."""


def make_entries(capacity: int, key_type: DTypeLike) -> np.ndarray:
    """Room for entries: records (key, item) ``[capacity]``."""
    return np.zeros(capacity, np.dtype([("key", key_type), ("item", np.int64)], align=True))


@kernel
def put_item(entries, position, first, size, item, key):  # type: ignore[no-untyped-def]
    """Puts an item into a heap, or changes its key.

    Args:
        entries (np.ndarray): As of :func:`make_entries`.
        position (np.ndarray): Where in its heap each item is, or :data:`ABSENT`.
        first (int): Where the heap begins.
        size (int): How many items are in it.
        item (int): The item.
        key (int or float): Its key.

    Returns:
        int: How many items are in it now.
    """
    at = position[item]
    if at == ABSENT:
        at = size
        size += 1
    at = _sift_up(entries, position, first, at, key, item)
    _sift_down(entries, position, first, size, at, key, item)
    return size


@kernel
def drop_top(entries, position, first, size):  # type: ignore[no-untyped-def]
    """Takes the top out of a heap that is not empty; it then holds ``size - 1`` items."""
    position[entries[first].item] = ABSENT
    if size > 1:
        last = entries[first + size - 1]
        _sift_down(entries, position, first, size - 1, 0, last.key, last.item)


class IndexedHeap(NamedTuple):
    """One heap over the items ``0 .. capacity-1``.

    Shapes:
        - entries: records (key, item) ``[capacity]``, in heap order
        - position: int32 ``[capacity]``
        - size: int64 ``[1]``
    """

    entries: np.ndarray
    position: np.ndarray
    size: np.ndarray


def make_heap(capacity: int) -> IndexedHeap:
    """An empty heap, with keys of float64."""
    return IndexedHeap(
        entries=make_entries(capacity, np.float64),
        position=np.full(capacity, ABSENT, np.int32),
        size=np.zeros(1, np.int64),
    )


def grow_heap(heap: IndexedHeap, capacity: int) -> IndexedHeap:
    """The same heap with room for more items."""
    position = np.full(capacity, ABSENT, np.int32)
    position[: len(heap.position)] = heap.position
    return IndexedHeap(grown(heap.entries, capacity), position, heap.size.copy())


@kernel
def heap_set(heap: IndexedHeap, item: int, key: float) -> None:
    """Puts an item into the heap, or changes its key."""
    heap.size[0] = put_item(heap.entries, heap.position, 0, heap.size[0], item, key)


@kernel
def heap_pop(heap: IndexedHeap) -> int:
    """Takes out the item with the smallest (key, item); the heap must not be empty."""
    top = heap.entries[0].item
    drop_top(heap.entries, heap.position, 0, heap.size[0])
    heap.size[0] -= 1
    return int(top)


@inline_kernel
def heap_min(heap: IndexedHeap) -> float:
    """The smallest key, or infinity when the heap is empty."""
    if heap.size[0] == 0:
        return np.inf
    return float(heap.entries[0].key)


@inline_kernel
def _put(entries, position, first, at, key, item):  # type: ignore[no-untyped-def]
    entries[first + at].key = key
    entries[first + at].item = item
    position[item] = at


@inline_kernel
def _is_before(key, item, other):  # type: ignore[no-untyped-def]
    return key < other.key or (key == other.key and item < other.item)


@inline_kernel
def _sift_up(entries, position, first, at, key, item):  # type: ignore[no-untyped-def]
    while at > 0:
        parent = (at - 1) >> 1
        above = entries[first + parent]
        if not _is_before(key, item, above):
            break
        _put(entries, position, first, at, above.key, above.item)
        at = parent
    return at


@inline_kernel
def _sift_down(entries, position, first, size, at, key, item):  # type: ignore[no-untyped-def]
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        below = entries[first + child]
        if child + 1 < size:
            other = entries[first + child + 1]
            if _is_before(other.key, other.item, below):
                child, below = child + 1, other
        if _is_before(key, item, below):
            break
        _put(entries, position, first, at, below.key, below.item)
        at = child
    _put(entries, position, first, at, key, item)
