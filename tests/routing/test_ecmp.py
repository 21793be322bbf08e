"""ECMP against the routes that ns-3 chose, and against a plain Python router."""

from __future__ import annotations

import struct
from collections import Counter
from pathlib import Path

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from m4graph import topology
from m4graph.core.errors import ConfigError, RoutingError
from m4graph.routing import EcmpRouter, Routes, check_routes, ecmp_routes
from m4graph.topology.arrays import NetworkArrays

from .test_kernels import murmur3

NS3 = Path(__file__).parents[1] / "data" / "routing"
CASES = {
    "a02_idle_fattree_k4_dctcp": 16,
    "b1_ls1to1_websearch_poisson_l30_dctcp": 32,
    "d1_chain7_fbhdp_poisson_l60_dctcp": 14,
}
FIELDS = ("source_port", "data_ptr", "data_links", "ack_ptr", "ack_links")


def nodes_of(arrays: NetworkArrays, links: np.ndarray) -> list[int]:
    return [*arrays.link_src[links].tolist(), int(arrays.link_dst[links[-1]])]


def plain_route(network: nx.Graph, src: int, dst: int, sport: int, dport: int) -> list[int]:
    """One route by the rules of docs/packet-model.md, with networkx."""
    distance = nx.single_source_shortest_path_length(network, dst)

    def address(host: int) -> int:
        return 0x0B000001 + (host // 256 << 16) + (host % 256 << 8)

    key = struct.pack("<III", address(src), address(dst), sport | dport << 16)
    route = [src]
    while route[-1] != dst:
        here = route[-1]
        nearer = sorted(n for n in network[here] if distance[n] == distance[here] - 1)[::-1]
        route.append(nearer[murmur3(key, here) % len(nearer)])
    return route


@pytest.mark.parametrize("case", CASES)
def test_routes_are_those_of_ns3(case):
    arrays = topology.validate(topology.from_file(NS3 / case / "topology.csv", CASES[case]))
    flows = pd.read_csv(NS3 / case / "flows.csv").sort_values(["start_ns", "id"])
    expected = pd.read_csv(NS3 / case / "routes.csv").set_index("id").loc[flows.id]
    routes = ecmp_routes(arrays, flows.src, flows.dst)
    assert routes.source_port.tolist() == expected.source_port.tolist()
    for row in range(len(flows)):
        data, ack = expected.iloc[row][["data_route", "ack_route"]]
        assert "-".join(map(str, nodes_of(arrays, routes.data_route(row)))) == data
        assert "-".join(map(str, nodes_of(arrays, routes.ack_route(row)))) == ack


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), num_switches=st.integers(1, 9))
def test_random_networks_agree_with_plain_python(seed, num_switches):
    random = np.random.default_rng(seed)
    num_hosts = int(random.integers(2, 8))
    fabric = nx.gnp_random_graph(num_switches, 0.5, seed=seed)
    network = nx.Graph()
    network.add_nodes_from(range(num_hosts), kind="host")
    network.add_nodes_from(range(num_hosts, num_hosts + num_switches), kind="switch")
    cables = {(num_hosts + a, num_hosts + b) for a, b in fabric.edges}
    cables |= {(num_hosts + a, num_hosts + a + 1) for a in range(num_switches - 1)}
    cables |= {(h, num_hosts + int(random.integers(num_switches))) for h in range(num_hosts)}
    network.add_edges_from(cables, rate_bps=10**10, delay_ns=1000)
    arrays = topology.validate(network)
    src = random.integers(0, num_hosts, 12)
    dst = (src + random.integers(1, num_hosts, 12)) % num_hosts
    routes = ecmp_routes(arrays, src, dst)
    check_routes(routes, arrays, np.arange(12), src, dst)
    before: Counter[tuple[int, int]] = Counter()
    for row, (a, b) in enumerate(zip(src.tolist(), dst.tolist(), strict=True)):
        sport = 10000 + before[a, b]
        before[a, b] += 1
        assert routes.source_port[row] == sport
        data, ack = routes.data_route(row), routes.ack_route(row)
        assert nodes_of(arrays, data) == plain_route(network, a, b, sport, 100)
        assert nodes_of(arrays, ack) == plain_route(network, b, a, 100, sport)


@pytest.fixture(scope="module")
def fat_tree() -> NetworkArrays:
    return topology.validate(topology.fat_tree(k=4, host_gbps=10, fabric_gbps=40, delay_ns=1000))


def random_pairs(num_flows: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(1)
    src = random.integers(0, 16, num_flows)
    return src, (src + random.integers(1, 16, num_flows)) % 16


def test_batches_give_the_routes_of_one_batch(fat_tree):
    src, dst = random_pairs(500)
    whole = ecmp_routes(fat_tree, src, dst)
    router = EcmpRouter(fat_tree)
    parts = [router.route(src[i:j], dst[i:j]) for i, j in ((0, 1), (1, 200), (200, 500))]
    for name in ("source_port", "data_links", "ack_links"):
        joined = np.concatenate([getattr(part, name) for part in parts])
        assert np.array_equal(joined, getattr(whole, name))


def test_routing_seed_changes_the_routes_not_the_rules(fat_tree):
    src, dst = random_pairs(500)
    by_seed = [ecmp_routes(fat_tree, src, dst, seed) for seed in (0, 1, 2**32 + 1, 2**64 - 1, 1)]
    for routes in by_seed:
        check_routes(routes, fat_tree, np.arange(500), src, dst)
        assert np.array_equal(routes.data_ptr, by_seed[0].data_ptr)
    links = [routes.data_links for routes in by_seed]
    assert np.array_equal(links[1], links[4])
    for i in range(4):
        for j in range(i):
            assert 0.1 < np.mean(links[i] != links[j]) < 0.9


def test_source_port_has_16_bits(fat_tree):
    num_flows = 2**16 - 10000 + 2
    routes = ecmp_routes(fat_tree, np.zeros(num_flows, int), np.full(num_flows, 9))
    assert routes.source_port[[0, 1, -3, -2, -1]].tolist() == [10000, 10001, 65535, 0, 1]


def test_hosts_at_one_switch_have_two_links(fat_tree):
    routes = ecmp_routes(fat_tree, [0], [1])
    assert nodes_of(fat_tree, routes.data_links) == [0, 16, 1]
    assert routes.data_links.tolist() == [fat_tree.link_id(0, 16), fat_tree.link_id(16, 1)]


def test_no_flows_give_no_routes(fat_tree):
    routes = ecmp_routes(fat_tree, [], [])
    assert (routes.num_flows, routes.data_ptr.tolist(), len(routes.ack_links)) == (0, [0], 0)


def test_routes_are_read_only(fat_tree):
    routes = ecmp_routes(fat_tree, [0], [1])
    for name in FIELDS:
        with pytest.raises(ValueError, match="read-only"):
            getattr(routes, name)[0] = 0


def test_a_large_network_takes_little_memory_per_flow():
    network = topology.clos(pods=4, racks=24, hosts=16, planes=4, spines=12)
    arrays = topology.validate(network)
    random = np.random.default_rng(0)
    src = random.integers(0, arrays.num_hosts, 20_000)
    dst = (src + random.integers(1, arrays.num_hosts, 20_000)) % arrays.num_hosts
    routes = ecmp_routes(arrays, src, dst)
    check_routes(routes, arrays, np.arange(len(src)), src, dst)
    assert set(np.diff(routes.data_ptr).tolist()) == {2, 4, 6}


@pytest.mark.parametrize(
    ("src", "dst", "message"),
    [
        ([0, 3], [1, 3], r"row 1: expected two hosts \(got 3 for both\)"),
        ([0, 16], [1, 3], r"row 1: expected a src in 0 .. 15 \(got 16\)"),
        ([0], [-1], r"row 0: expected a dst in 0 .. 15 \(got -1\)"),
        ([0, 1], [2], r"expected src and dst of one length"),
    ],
)
def test_bad_flows_are_refused(fat_tree, src, dst, message):
    with pytest.raises(RoutingError, match=message):
        ecmp_routes(fat_tree, src, dst)


@pytest.mark.parametrize("seed", [-1, 2**64, 1.5, True, "0"])
def test_bad_seeds_are_refused(fat_tree, seed):
    with pytest.raises(ConfigError, match=r"routing\.seed: expected an integer"):
        ecmp_routes(fat_tree, [0], [1], seed)


@pytest.mark.parametrize("ptr", [[0], [0, 1], [1, 2], [0, 3], [0, 0, 2]])
def test_pointers_must_fit_the_links(ptr):
    with pytest.raises(RoutingError, match="data_ptr"):
        Routes([10000], ptr, [4, 5], [0, 1], [5])
