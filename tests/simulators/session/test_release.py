"""The rules of a closed loop, on flows that take whatever time a test says."""

from __future__ import annotations

import heapq

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from m4graph.simulators.session import FlowRelease
from m4graph.workload import ClosedLoopWorkload


def workload_of(ready_ns, after=None, delay_ns=None, limit=None, ids=None):
    n = len(ready_ns)
    after = [[] for _ in range(n)] if after is None else after
    return ClosedLoopWorkload.from_arrays(
        id=np.arange(n) if ids is None else ids,
        src=np.zeros(n, np.int64),
        dst=np.ones(n, np.int64),
        size_bytes=np.ones(n, np.int64),
        ready_ns=ready_ns,
        after_ptr=np.cumsum([0, *map(len, after)]),
        after=np.array([flow for each in after for flow in each], np.int64),
        delay_ns=np.zeros(n, np.int64) if delay_ns is None else delay_ns,
        limit_per_rack=limit,
    )


def played(workload, racks, takes_ns):
    """When each row starts, if it takes the given time; completions come before wakes."""
    release = FlowRelease(workload, np.array(racks))
    starts, under_way = {}, []

    def start(flows, now_ns):
        for row, start_ns in flows:
            assert start_ns >= now_ns
            assert row not in starts
            starts[row] = start_ns
            heapq.heappush(under_way, (start_ns + takes_ns[row], row))

    start(release.begin(), 0)
    while under_way or release.next_wake_ns is not None:
        wake_ns = release.next_wake_ns
        if under_way and (wake_ns is None or under_way[0][0] <= wake_ns):
            now_ns, row = heapq.heappop(under_way)
            start(release.complete(row, now_ns), now_ns)
        else:
            start(release.wake(wake_ns), wake_ns)
    return starts


def test_a_flow_starts_after_the_last_one_that_it_waits_for():
    workload = workload_of([5, 0, 0, 100], after=[[], [], [0, 1], [2]], delay_ns=[0, 0, 7, 0])
    assert workload.id.tolist() == [1, 2, 0, 3]
    starts = played(workload, [0] * 4, [30, 10, 10, 10])
    assert starts == {0: 0, 2: 5, 1: 37, 3: 100}


def test_a_rack_works_off_a_backlog_in_the_order_of_ids():
    starts = played(workload_of([0] * 5, limit=2), [0] * 5, [10, 3, 4, 4, 4])
    assert starts == {0: 0, 1: 0, 2: 3, 3: 7, 4: 10}


def test_racks_do_not_wait_for_each_other():
    starts = played(workload_of([0] * 4, limit=1), [0, 1, 0, 1], [10, 3, 4, 4])
    assert starts == {0: 0, 1: 0, 2: 10, 3: 3}


def test_what_is_ready_first_goes_first_and_a_free_place_waits_for_it():
    workload = workload_of([0, 20, 25, 26], limit=1)
    assert played(workload, [0] * 4, [10, 10, 1, 1]) == {0: 0, 1: 20, 2: 30, 3: 31}


def test_a_follower_may_be_ready_before_what_was_known_earlier():
    workload = workload_of([0, 50, 0], after=[[], [], [0]], delay_ns=[0, 0, 5], limit=1)
    assert workload.id.tolist() == [0, 2, 1]
    assert played(workload, [0] * 3, [10, 100, 10]) == {0: 0, 1: 15, 2: 115}


@st.composite
def closed_loops(draw):
    n = draw(st.integers(1, 12))
    small = st.integers(0, 9)
    after = [
        draw(st.lists(st.integers(0, flow - 1), unique=True, max_size=3)) if flow else []
        for flow in range(n)
    ]
    delay = [draw(small) if each else 0 for each in after]
    ready = [draw(small) for _ in range(n)]
    limit = draw(st.none() | st.integers(1, 3))
    ids = draw(st.permutations(range(n)))
    workload = workload_of(ready, [[ids[i] for i in each] for each in after], delay, limit, ids)
    racks = [draw(st.integers(0, 1)) for _ in range(n)]
    return workload, racks, [draw(st.integers(1, 9)) for _ in range(n)]


@settings(max_examples=200, deadline=None)
@given(closed_loops())
def test_the_rules_hold(case):
    workload, racks, takes_ns = case
    starts = played(workload, racks, takes_ns)
    assert sorted(starts) == list(range(workload.num_flows))
    ready = workload.ready_ns.tolist()
    for row in range(workload.num_flows):
        awaited = workload.after[workload.after_ptr[row] : workload.after_ptr[row + 1]].tolist()
        ends = [starts[other] + takes_ns[other] for other in awaited]
        if ends:
            ready[row] = max(ready[row], max(ends) + int(workload.delay_ns[row]))
        assert starts[row] >= ready[row]
    if workload.limit_per_rack is None:
        assert [starts[row] for row in range(len(ready))] == ready
        return
    for row, start_ns in starts.items():
        mates = [other for other in starts if racks[other] == racks[row]]
        busy = sum(starts[o] <= start_ns < starts[o] + takes_ns[o] for o in mates)
        assert busy <= workload.limit_per_rack
        if start_ns > ready[row]:  # until then the rack was full, with flows that were first
            for time_ns in range(ready[row], start_ns):
                running = [o for o in mates if starts[o] <= time_ns < starts[o] + takes_ns[o]]
                assert len(running) == workload.limit_per_rack
        for other in mates:
            if (ready[other], workload.id[other]) < (ready[row], workload.id[row]):
                assert starts[other] <= start_ns
