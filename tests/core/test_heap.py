from __future__ import annotations

import numpy as np
import pytest

from m4graph.core.heap import grow_heap, heap_min, heap_pop, heap_set, make_heap


def drain(heap):
    popped = []
    while heap.size[0]:
        key = heap_min(heap)
        popped.append((key, heap_pop(heap)))
    return popped


def test_empty():
    assert heap_min(make_heap(3)) == np.inf


def test_equal_keys_leave_by_number():
    heap = make_heap(5)
    for item in (3, 0, 4, 1, 2):
        heap_set(heap, item, 7.0)
    assert drain(heap) == [(7.0, item) for item in range(5)]


def test_a_key_can_rise_and_fall():
    heap = make_heap(3)
    for item in range(3):
        heap_set(heap, item, float(item))
    heap_set(heap, 0, 5.0)
    heap_set(heap, 2, -1.0)
    assert drain(heap) == [(-1.0, 2), (1.0, 1), (5.0, 0)]


@pytest.mark.parametrize("seed", range(5))
def test_against_sorting(seed):
    rng = np.random.default_rng(seed)
    heap, keys = make_heap(40), {}
    for _ in range(2000):
        if keys and rng.random() < 0.3:
            expected = min((key, item) for item, key in keys.items())
            assert (heap_min(heap), heap_pop(heap)) == expected
            del keys[expected[1]]
        else:
            item, key = int(rng.integers(40)), float(rng.integers(20))
            heap_set(heap, item, key)
            keys[item] = key
    assert drain(heap) == sorted((key, item) for item, key in keys.items())


def test_growing_keeps_the_items():
    heap = make_heap(2)
    heap_set(heap, 1, 1.0)
    heap_set(heap, 0, 2.0)
    grown = grow_heap(heap, 4)
    heap_set(grown, 3, 1.5)
    assert drain(grown) == [(1.0, 1), (1.5, 3), (2.0, 0)]
