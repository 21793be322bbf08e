from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from m4graph.learned.heap import ABSENT, DEPARTURE_RECORD, heap_pop, heap_set

NUM_FLOWS = 12  # in each of two heaps
times = st.integers(0, 6) | st.integers(0, 2**62)
actions = st.lists(
    st.tuples(st.integers(0, 1), st.none() | st.tuples(st.integers(0, NUM_FLOWS - 1), times)),
    max_size=80,
)


@settings(max_examples=200, deadline=None)
@given(actions=actions)
def test_two_heaps_in_one_array_against_sorted_lists(actions):
    heap = np.zeros(2 * NUM_FLOWS, DEPARTURE_RECORD)
    place = np.full(2 * NUM_FLOWS, ABSENT)
    size, known = [0, 0], [{}, {}]
    for which, action in actions:
        first = which * NUM_FLOWS
        if action is not None:
            flow, time_ns = first + action[0], action[1]
            size[which] = heap_set(heap, place, first, size[which], flow, time_ns)
            known[which][flow] = time_ns
        elif known[which]:
            flow = min(known[which], key=lambda flow: (known[which][flow], flow))
            assert heap[first].tolist() == (known[which].pop(flow), flow)
            heap_pop(heap, place, first, size[which])
            size[which] -= 1
        for each in range(2):
            entries = heap[each * NUM_FLOWS :][: size[each]].tolist()
            assert sorted(entries) == sorted((t, f) for f, t in known[each].items())
            assert all(
                place[flow] == at and entries[(at - 1) // 2] <= (time_ns, flow)
                for at, (time_ns, flow) in enumerate(entries)
                if at
            )
        assert (place != ABSENT).sum() == sum(size)


@settings(max_examples=50, deadline=None)
@given(times_ns=st.lists(times, max_size=NUM_FLOWS))
def test_flows_come_out_by_time_then_by_number(times_ns):
    heap = np.zeros(NUM_FLOWS, DEPARTURE_RECORD)
    place = np.full(NUM_FLOWS, ABSENT)
    size = 0
    for flow in reversed(range(len(times_ns))):
        size = heap_set(heap, place, 0, size, flow, times_ns[flow])
    came = []
    while size:
        came.append(heap[0].tolist())
        heap_pop(heap, place, 0, size)
        size -= 1
    assert came == sorted((time_ns, flow) for flow, time_ns in enumerate(times_ns))
