"""Expected link shares: by hand, and against many hashed flows."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

from m4graph import topology
from m4graph.routing import ecmp_routes, expected_link_shares


def test_a_leaf_splits_evenly_over_the_spines():
    arrays = topology.validate(topology.leaf_spine(2, 2, 4, 10, 10, 1000))
    send, receive = np.array([0.75, 0.25, 0, 0]), np.array([0, 0, 0.5, 0.5])
    shares = expected_link_shares(arrays, send, receive, np.array([[0.0, 1.0], [0.0, 0.0]]))
    assert shares[arrays.host_uplink].tolist() == send.tolist()
    assert shares[arrays.host_downlink].tolist() == receive.tolist()
    for spine in range(6, 10):
        assert shares[arrays.link_id(4, spine)] == 0.25
        assert shares[arrays.link_id(spine, 5)] == 0.25
        assert shares[arrays.link_id(spine, 4)] == 0.0
        assert shares[arrays.link_id(5, spine)] == 0.0


def test_each_switch_splits_over_its_own_ways():
    """Not over whole paths: with 1 way behind one next hop and 2 behind another, both get half."""
    network = topology.from_networkx(_lopsided())
    arrays = topology.validate(network)
    shares = expected_link_shares(
        arrays, np.array([1.0, 0]), np.array([0, 1.0]), np.array([[0, 1.0], [0, 0]])
    )
    node = {data["label"]: n for n, data in network.nodes(data=True)}
    share = {
        hop: shares[arrays.link_id(node[hop[0]], node[hop[1]])]
        for hop in ("sa", "sb", "ac", "bd", "be", "ct", "dt", "et")
    }
    halves = {"sa": 0.5, "sb": 0.5, "ac": 0.5, "ct": 0.5}
    assert share == halves | {"bd": 0.25, "be": 0.25, "dt": 0.25, "et": 0.25}


def _lopsided():
    graph = nx.Graph([("x", "s"), *("sa", "sb", "ac", "bd", "be", "ct", "dt", "et"), ("t", "y")])
    nx.set_node_attributes(graph, {n: "host" if n in "xy" else "switch" for n in graph}, "kind")
    nx.set_edge_attributes(graph, 10**10, "rate_bps")
    nx.set_edge_attributes(graph, 1000, "delay_ns")
    return graph


def test_many_flows_come_close():
    arrays = topology.validate(topology.fat_tree(4, 10, 10, 1000))
    random = np.random.default_rng(3)
    num_flows = 40_000
    src = random.integers(0, 16, num_flows)
    dst = (src + random.integers(1, 16, num_flows)) % 16
    counts = np.bincount(ecmp_routes(arrays, src, dst).data_links, minlength=arrays.num_links)
    even = np.full(16, 1 / 16)
    between = np.full((8, 8), 4 / 240)
    shares = expected_link_shares(arrays, even, even, between)
    assert counts / num_flows == pytest.approx(shares, rel=0.08)
    between_pods = 12 / 15
    assert shares.sum() == pytest.approx(2 + 2 * 14 / 15 + 2 * between_pods)
