"""Collectives move the right data in the right order, whatever the network does."""

from __future__ import annotations

from collections import defaultdict
from graphlib import TopologicalSorter

import numpy as np
import pytest

from m4graph.core.errors import ConfigError
from m4graph.workload import all_to_all, request_response, ring_all_reduce, tree_all_reduce

from .test_closed_loop import waits

FIXED = {"kind": "fixed", "size_bytes": 100}


def before(workload):
    """All flows that have completed when each flow starts, by id."""
    direct, known = waits(workload), {}
    for flow in TopologicalSorter(direct).static_order():
        known[flow] = set(direct[flow]).union(*(known[other] for other in direct[flow]))
    return known


def in_flight(workload, flow):
    row = int(np.flatnonzero(workload.id == flow)[0])
    return int(workload.src[row]), int(workload.dst[row])


@pytest.mark.parametrize("n", [2, 3, 5])
def test_a_ring_reduces_and_gathers(n):
    """Follows each chunk: whose parts it holds at each host. A flow may send only what it has
    according to the flows that it waits for, in any order that they allow."""
    hosts = [10 + 3 * i for i in range(n)]
    workload = ring_all_reduce(hosts, size_bytes=7 * n + 1)
    assert workload.num_flows == 2 * n * (n - 1)
    done = before(workload)
    for chunk in range(n):
        held = {i: {i} for i in range(n)}
        for step in range(2 * (n - 1)):
            sender = (chunk + step) % n
            flow = step * n + sender
            assert in_flight(workload, flow) == (hosts[sender], hosts[(sender + 1) % n])
            brought = [earlier * n + (chunk + earlier) % n for earlier in range(step)]
            assert done[flow] == set(brought)
            reduces = step < n - 1
            receiver = (sender + 1) % n
            held[receiver] = held[sender] | held[receiver] if reduces else held[sender]
        assert all(parts == set(range(n)) for parts in held.values())
    sizes = workload.size_bytes.reshape(-1, n)
    assert (sizes.sum(1) == 7 * n + 1).all()
    assert set(workload.size_bytes.tolist()) == {7, 8}
    first_step = dict(zip(workload.id[:n].tolist(), workload.size_bytes[:n].tolist(), strict=True))
    assert first_step[0] == 8  # host 0 sends chunk 0 first, which has the odd byte


@pytest.mark.parametrize("n", [2, 3, 4, 7, 8])
@pytest.mark.parametrize("chunks", [1, 3])
def test_a_tree_reduces_and_broadcasts(n, chunks):
    workload = tree_all_reduce(range(n), size_bytes=31, num_chunks=chunks)
    assert workload.num_flows == 2 * (n - 1) * chunks
    assert workload.size_bytes.sum() == 2 * (n - 1) * 31
    done = before(workload)
    edges = n - 1
    for chunk in range(chunks):
        first = 2 * edges * chunk
        held = {i: {i} for i in range(n)}
        for place in range(edges, 0, -1):  # children have larger numbers than their parents
            up = first + place - 1
            sender, receiver = in_flight(workload, up)
            assert (sender, receiver) == (place, (place - 1) // 2)
            below = {first + child - 1 for child in held[sender] - {sender}}
            assert below <= done[up]
            held[receiver] = held[receiver] | held[sender]
        assert held[0] == set(range(n))
        for place in range(1, n):
            down = first + edges + place - 1
            assert in_flight(workload, down) == ((place - 1) // 2, place)
            assert set(range(first, first + edges)) <= done[down]
            if place > 2:
                assert first + edges + (place - 1) // 2 - 1 in done[down]
        if chunk:
            pairs = [(flow, flow - 2 * edges) for flow in range(first, first + 2 * edges)]
            assert all(previous in done[flow] for flow, previous in pairs)


def test_all_to_all_is_all_pairs_in_shifted_order():
    workload = all_to_all([4, 5, 6, 7], size_bytes=9, window=2)
    pairs = list(zip(workload.src.tolist(), workload.dst.tolist(), strict=True))
    assert len(set(pairs)) == len(pairs) == 12
    assert pairs[:4] == [(4, 5), (5, 6), (6, 7), (7, 4)]
    for step in range(3):
        assert len({dst for _, dst in pairs[4 * step : 4 * step + 4]}) == 4
    assert waits(workload) == {i: ([i - 8] if i >= 8 else []) for i in range(12)}
    assert set(map(len, waits(all_to_all(range(4), 9)).values())) == {0}


@pytest.mark.parametrize(
    "one_round",
    [
        lambda **keys: ring_all_reduce(range(4), 40, **keys),
        lambda **keys: tree_all_reduce(range(5), 40, num_chunks=2, **keys),
        lambda **keys: all_to_all(range(4), 40, window=1, **keys),
    ],
)
def test_a_host_begins_a_round_when_it_has_all_of_the_one_before(one_round):
    single, workload = one_round(), one_round(num_rounds=3, compute_ns=50, start_ns=8)
    n = single.num_flows
    assert workload.num_flows == 3 * n
    assert set(workload.ready_ns.tolist()) == {8}
    known, delays = waits(workload), dict(zip(workload.id, workload.delay_ns, strict=True))
    into = defaultdict(list)
    for flow, dst in zip(single.id.tolist(), single.dst.tolist(), strict=True):
        into[dst].append(flow)
    for flow, first in waits(single).items():
        src, _ = in_flight(workload, flow)
        for index in (1, 2):
            later = flow + index * n
            opens = not first
            expected = [each + (index - 1) * n for each in into[src]] if opens else [
                each + index * n for each in first
            ]  # fmt: skip
            assert known[later] == sorted(expected)
            assert delays[later] == (50 if opens else 0)


def test_requests_and_responses():
    workload = request_response(
        [0, 1], [1, 2, 3], FIXED, "web_server", num_exchanges=40, concurrency=3, think_ns=7,
        service_ns=9, seed=5,
    )  # fmt: skip
    assert workload.num_flows == 160
    known, delays = waits(workload), dict(zip(workload.id, workload.delay_ns, strict=True))
    servers = defaultdict(set)
    for exchange in range(40):
        for client in range(2):
            request = 2 * (2 * exchange + client)
            src, dst = in_flight(workload, request)
            assert src == client
            assert in_flight(workload, request + 1) == (dst, src)
            servers[client].add(dst)
            assert known[request + 1] == [request]
            assert delays[request + 1] == 9
            assert known[request] == ([request + 1 - 12] if exchange >= 3 else [])
            assert delays[request] == (7 if exchange >= 3 else 0)
    assert servers == {0: {1, 2, 3}, 1: {2, 3}}
    requests = workload.size_bytes[workload.id % 2 == 0]
    assert set(requests.tolist()) == {100}
    again = request_response([0, 1], [1, 2, 3], FIXED, "web_server", num_exchanges=40, seed=5)
    assert np.array_equal(np.sort(again.size_bytes), np.sort(workload.size_bytes))


def test_servers_are_drawn_evenly():
    workload = request_response([0], range(5), FIXED, FIXED, num_exchanges=4000)
    counts = np.bincount(workload.dst[workload.id % 2 == 0], minlength=5)
    assert counts[0] == 0
    assert (abs(counts[1:] - 1000) < 5 * np.sqrt(750)).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ring_all_reduce([1], 9), "hosts: expected two or more different hosts"),
        (lambda: ring_all_reduce([1, 1], 9), "hosts: expected two or more different hosts"),
        (lambda: ring_all_reduce([1, -2], 9), "hosts: expected an integer of 0 or above"),
        (lambda: ring_all_reduce(range(4), 3), "size_bytes: expected an integer of 4 or above"),
        (lambda: tree_all_reduce(range(4), 9, num_chunks=0), "num_chunks: expected"),
        (lambda: tree_all_reduce(range(4), 9, num_chunks=10), "size_bytes: expected .* 10 or"),
        (lambda: all_to_all(range(4), 9, window=0), "window: expected"),
        (lambda: all_to_all(range(4), 9, num_rounds=0), "num_rounds: expected"),
        (lambda: all_to_all(range(4), 9, compute_ns=-1), "compute_ns: expected"),
        (lambda: request_response([], [1], FIXED, FIXED), "clients: expected one or more"),
        (lambda: request_response([1], [1], FIXED, FIXED), "servers: .* for host 1"),
        (lambda: request_response([0], [1], FIXED, FIXED, concurrency=0), "concurrency: expected"),
    ],
)
def test_bad_parameters(make, message):
    with pytest.raises(ConfigError, match=message):
        make()
