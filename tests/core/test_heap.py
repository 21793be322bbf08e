from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from m4graph.core.heap import (
    ABSENT,
    drop_top,
    grow_heap,
    heap_min,
    heap_pop,
    heap_set,
    make_entries,
    make_heap,
    put_item,
)


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


NUM_FLOWS = 12  # in each of two heaps
times = st.integers(0, 6) | st.integers(0, 2**62)
actions = st.lists(
    st.tuples(st.integers(0, 1), st.none() | st.tuples(st.integers(0, NUM_FLOWS - 1), times)),
    max_size=80,
)


@settings(max_examples=200, deadline=None)
@given(actions=actions)
def test_two_heaps_in_one_array_against_sorted_lists(actions):
    heap = make_entries(2 * NUM_FLOWS, np.int64)
    position = np.full(2 * NUM_FLOWS, ABSENT)
    size, known = [0, 0], [{}, {}]
    for which, action in actions:
        first = which * NUM_FLOWS
        if action is not None:
            flow, time_ns = first + action[0], action[1]
            size[which] = put_item(heap, position, first, size[which], flow, time_ns)
            known[which][flow] = time_ns
        elif known[which]:
            flow = min(known[which], key=lambda flow: (known[which][flow], flow))
            assert heap[first].tolist() == (known[which].pop(flow), flow)
            drop_top(heap, position, first, size[which])
            size[which] -= 1
        for each in range(2):
            entries = heap[each * NUM_FLOWS :][: size[each]].tolist()
            assert sorted(entries) == sorted((t, f) for f, t in known[each].items())
            assert all(
                position[flow] == at and entries[(at - 1) // 2] <= (time_ns, flow)
                for at, (time_ns, flow) in enumerate(entries)
                if at
            )
        assert (position != ABSENT).sum() == sum(size)


@settings(max_examples=50, deadline=None)
@given(times_ns=st.lists(times, max_size=NUM_FLOWS))
def test_flows_come_out_by_time_then_by_number(times_ns):
    heap = make_entries(NUM_FLOWS, np.int64)
    position = np.full(NUM_FLOWS, ABSENT)
    size = 0
    for flow in reversed(range(len(times_ns))):
        size = put_item(heap, position, 0, size, flow, times_ns[flow])
    came = []
    while size:
        came.append(heap[0].tolist())
        drop_top(heap, position, 0, size)
        size -= 1
    assert came == sorted((time_ns, flow) for flow, time_ns in enumerate(times_ns))
