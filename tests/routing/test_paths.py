"""All shortest paths between hosts, and the routing kinds that spread packets over them."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

import m4graph as m4
from m4graph.core.errors import RoutingError
from m4graph.routing import EcmpRouter, PathFinder
from m4graph.routing import paths as paths_module
from m4graph.topology import validate


def nodes_of(arrays, paths, routes, row):
    """The paths of a flow, as tuples of nodes."""
    length = int(np.diff(routes.data_ptr)[row])
    first = paths.start[row]
    links = paths.links[first : first + paths.count[row] * length].reshape(-1, length)
    return [(*arrays.link_src[way].tolist(), int(arrays.link_dst[way[-1]])) for way in links]


@pytest.mark.parametrize(("dst", "count"), [(1, 1), (2, 2), (15, 4)])
def test_a_fat_tree_has_all_its_paths_and_ecmp_takes_one(dst, count):
    network = m4.topology.fat_tree(k=4)
    arrays = validate(network)
    routes = EcmpRouter(arrays).route([0], [dst])
    paths = PathFinder(arrays, False).find(routes)
    expected = {tuple(way) for way in nx.all_shortest_paths(network, 0, dst)}
    found = nodes_of(arrays, paths, routes, 0)
    assert len(found) == paths.count[0] == count
    assert set(found) == expected
    own = routes.data_route(0)
    assert found[paths.first[0]] == (*arrays.link_src[own].tolist(), dst)


def test_neighbouring_paths_differ_at_the_first_choice():
    arrays = validate(m4.topology.fat_tree(k=4))
    routes = EcmpRouter(arrays).route([0], [15])
    ways = nodes_of(arrays, PathFinder(arrays, False).find(routes), routes, 0)
    up = [way[2] for way in ways]
    assert up[0] == up[2] != up[1] == up[3]


def test_flows_between_two_nics_share_their_paths():
    arrays = validate(m4.topology.leaf_spine(num_leaves=2, hosts_per_leaf=2, num_spines=4))
    routes = EcmpRouter(arrays).route([0, 0, 1, 0], [2, 2, 3, 1])
    paths = PathFinder(arrays, False).find(routes)
    assert paths.start[0] == paths.start[1]
    assert paths.count.tolist() == [4, 4, 4, 1]
    assert len(paths.links) == 4 * 4 + 4 * 4 + 2
    assert paths.link_bytes(routes, np.array([8, 8, 8, 8]), arrays.num_links).sum() == 3 * 32 + 16


def test_parallel_cables_are_paths():
    graph = nx.MultiGraph()
    graph.add_nodes_from((0, 1), kind="host")
    graph.add_nodes_from((2, 3), kind="switch")
    for ends in ((0, 2), (2, 3), (2, 3), (3, 1), (3, 1)):
        graph.add_edge(*ends, rate_bps=10**10, delay_ns=1000)
    arrays = validate(graph)
    paths = PathFinder(arrays, False).find(EcmpRouter(arrays).route([0], [1]))
    ways = {tuple(way) for way in paths.links.reshape(-1, 3).tolist()}
    assert paths.count.tolist() == [4]
    assert len(ways) == 4


def test_gpus_of_a_server_have_nvlink_only():
    network = m4.topology.rail(servers=4, gpus_per_server=2, rail=False, gpus_per_tor=4, spines=3)
    flows = m4.workload.Workload.from_arrays([0, 1], [0, 0], [1, 7], [1000, 1000], [0, 0])
    scenario = m4.Scenario(network, flows, "dcqcn", routing={"kind": "spray"})
    finder = PathFinder(scenario.arrays, scenario.spraying.prefer_nvswitch)
    paths = finder.find(scenario.routes)
    assert paths.count.tolist() == [1, 3]
    assert scenario.arrays.nvswitches[0] == scenario.arrays.link_dst[paths.links[0]]


def test_a_route_that_is_no_shortest_path_is_the_only_one():
    graph = m4.topology.leaf_spine(num_leaves=2, hosts_per_leaf=1, num_spines=2)
    graph.add_node(6, kind="switch")
    for end in (4, 5):
        graph.add_edge(6, end, rate_bps=10**10, delay_ns=1000)
    arrays = validate(graph)
    nodes = [0, 2, 4, 6, 5, 3, 1]
    links = arrays.link_ids(np.array(nodes[:-1]), np.array(nodes[1:]))
    short = EcmpRouter(arrays).route([0, 0], [1, 1])
    routes = m4.routing.Routes(
        np.zeros(2, np.int32),
        np.array([0, 6, 10]),
        np.concatenate((links, short.data_route(0))),
        short.ack_ptr,
        short.ack_links,
    )
    paths = PathFinder(arrays, False).find(routes)
    assert paths.count.tolist() == [1, 2]
    assert paths.links[paths.start[0] :][:6].tolist() == links.tolist()


def test_dead_cables_are_left_out():
    arrays = validate(m4.topology.leaf_spine(num_leaves=2, hosts_per_leaf=1, num_spines=3))
    router = EcmpRouter(arrays)
    down = np.zeros(arrays.num_links, bool)
    down[[arrays.link_id(2, 4), arrays.link_id(4, 2)]] = True
    routes = m4.routing.reroute(arrays, router.route([0], [1]), [0], [1], down)
    paths = PathFinder(arrays, False, down).find(routes)
    assert paths.count.tolist() == [2]
    assert 4 not in arrays.link_src[paths.links]


def test_too_many_paths_are_refused(monkeypatch):
    monkeypatch.setattr(paths_module, "MOST_PATHS", 3)
    arrays = validate(m4.topology.fat_tree(k=4))
    routes = EcmpRouter(arrays).route([0], [15])
    with pytest.raises(RoutingError, match=r"at most 3 shortest paths from host 0 to host 15"):
        PathFinder(arrays, False).find(routes)
