from __future__ import annotations

import re
import time

import networkx as nx
import numpy as np
import pytest

from m4graph.core.errors import TopologyError
from m4graph.topology import clos, validate


def network() -> nx.Graph:
    """Two hosts at each of two switches: 0, 1 at 4; 2, 3 at 5."""
    graph = nx.Graph()
    graph.add_nodes_from(range(4), kind="host")
    graph.add_nodes_from((4, 5), kind="switch")
    # Written in an order that is not the order of the links.
    graph.add_edge(5, 4, rate_bps=40, delay_ns=7)
    for host, switch in ((3, 5), (0, 4), (1, 4), (2, 5)):
        graph.add_edge(switch, host, rate_bps=10 + host, delay_ns=host)
    return graph


def test_links_of_a_small_network():
    arrays = validate(network())
    assert (arrays.num_hosts, arrays.num_nodes, arrays.num_links) == (4, 6, 10)
    assert arrays.link_src.tolist() == [0, 4, 1, 4, 2, 5, 3, 5, 4, 5]
    assert arrays.link_dst.tolist() == [4, 0, 4, 1, 5, 2, 5, 3, 5, 4]
    assert arrays.link_rate_bps.tolist() == [10, 10, 11, 11, 12, 12, 13, 13, 40, 40]
    assert arrays.link_delay_ns.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 7, 7]
    assert arrays.host_uplink.tolist() == [0, 2, 4, 6]
    assert arrays.host_downlink.tolist() == [1, 3, 5, 7]


def test_types_and_no_writing():
    arrays = validate(network())
    for name, dtype in {
        "link_src": np.int32, "link_dst": np.int32, "link_rate_bps": np.int64,
        "link_delay_ns": np.int64, "host_uplink": np.int32, "host_downlink": np.int32,
    }.items():  # fmt: skip
        array = getattr(arrays, name)
        assert array.dtype == dtype, name
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_rates_of_more_than_32_bits():
    graph = network()
    graph.edges[4, 5]["rate_bps"] = np.int64(400_000_000_000)
    assert validate(graph).link_rate_bps[8] == 400_000_000_000


def test_link_id():
    arrays = validate(network())
    assert arrays.link_id(4, 5) == 8
    assert arrays.link_id(5, 4) == 9
    assert arrays.link_ids(np.array([3, 5]), np.array([5, 2])).tolist() == [6, 5]
    for link in range(arrays.num_links):
        assert arrays.link_id(arrays.link_src[link], arrays.link_dst[link]) == link


# 0 -> 10 has the same key as 1 -> 4 would have (10 = 1 * 6 + 4).
@pytest.mark.parametrize(("a", "b"), [(0, 5), (0, 10), (6, 0), (-1, 4), (0, -1), (9999, 9999)])
def test_no_such_link(a, b):
    with pytest.raises(TopologyError, match=f"link {a}-{b}: expected two nodes with a cable"):
        validate(network()).link_id(a, b)


def break_kind(graph):
    del graph.nodes[2]["kind"]


def break_kind_value(graph):
    graph.nodes[5]["kind"] = "router"


def break_label(graph):
    nx.relabel_nodes(graph, {2: "two"}, copy=False)


def break_ids(graph):
    nx.relabel_nodes(graph, {5: 6}, copy=False)


def break_host_order(graph):
    graph.nodes[3]["kind"], graph.nodes[4]["kind"] = "switch", "host"


def break_loop(graph):
    graph.add_edge(4, 4, rate_bps=1, delay_ns=1)


def break_rate(graph):
    graph.edges[4, 5]["rate_bps"] = 0


def break_rate_type(graph):
    graph.edges[4, 5]["rate_bps"] = 1e10


def break_rate_size(graph):
    graph.edges[4, 5]["rate_bps"] = 2**63


def break_delay(graph):
    graph.edges[4, 5]["delay_ns"] = -1


def break_delay_type(graph):
    del graph.edges[4, 5]["delay_ns"]


def break_server(graph):
    graph.nodes[1]["server"] = -1


def break_rail(graph):
    graph.nodes[4]["rail"] = "a"


def break_no_cable(graph):
    graph.remove_edge(2, 5)


def break_host_to_host(graph):
    graph.remove_edges_from([(2, 5), (3, 5)])
    graph.add_edge(2, 3, rate_bps=1, delay_ns=1)


def break_connection(graph):
    graph.remove_edge(4, 5)


def break_labelled_cable(graph):
    graph.nodes[4]["label"] = "tor-a"
    graph.edges[4, 5]["rate_bps"] = None


@pytest.mark.parametrize(
    ("break_", "message"),
    [
        (break_kind, "node 2: expected kind one of 'host', 'switch', 'nvswitch' (got None)"),
        (break_kind_value, "expected kind one of 'host', 'switch', 'nvswitch' (got 'router')"),
        (break_label, "node 'two': expected an integer id"),
        (break_ids, "node 5: expected ids 0 to 5 without a gap (got 6)"),
        (break_host_order, "node 3: expected ids 0 to 3 to be the 4 hosts (got a switch)"),
        (break_loop, "cable 4-4: expected two different nodes (got a loop)"),
        (break_rate, "cable 4-5: expected rate_bps, an integer above 0 (got 0)"),
        (break_rate_type, "expected rate_bps, an integer above 0 (got 10000000000.0)"),
        (break_rate_size, "expected rate_bps of at most 10000000000000 (got 9223372036854775808)"),
        (break_delay, "expected delay_ns, an integer of 0 or above (got -1)"),
        (break_delay_type, "expected delay_ns, an integer of 0 or above (got None)"),
        (break_server, "node 1: expected server, an integer of 0 or above (got -1)"),
        (break_rail, "node 4: expected rail, an integer of 0 or above (got 'a')"),
        (break_no_cable, "host 2: expected a cable (got none)"),
        (break_host_to_host, "host 2: expected a route to host 0 (got none; 2 of 4 hosts"),
        (break_connection, "host 2: expected a route to host 0 (got none; 2 of 4 hosts"),
        (break_labelled_cable, "cable 4 ('tor-a')-5: expected rate_bps"),
    ],
)
def test_each_rule_has_its_error(break_, message):
    graph = network()
    break_(graph)
    with pytest.raises(TopologyError, match=re.escape(message)):
        validate(graph)


@pytest.mark.parametrize("kind", [nx.DiGraph, nx.MultiDiGraph])
def test_only_undirected_graphs(kind):
    with pytest.raises(TopologyError, match=f"undirected networkx.Graph .got {kind.__name__}"):
        validate(kind(network()))


def test_hosts_with_several_cables():
    graph = network()
    graph.add_edge(1, 5, rate_bps=21, delay_ns=1)
    graph.add_edge(0, 1, rate_bps=31, delay_ns=1)
    arrays = validate(graph)
    ends = [(int(arrays.link_src[n]), int(arrays.link_dst[n])) for n in arrays.host_links]
    assert ends == [(0, 1), (0, 4), (1, 0), (1, 4), (1, 5), (2, 5), (3, 5)]
    assert arrays.link_dst[arrays.host_uplink].tolist() == [1, 0, 5, 5]
    assert arrays.link_src[arrays.host_downlink].tolist() == [1, 0, 5, 5]
    assert not arrays.has_one_nic
    assert validate(network()).has_one_nic


def test_parallel_cables():
    graph = nx.MultiGraph(network())
    graph.add_edge(5, 4, rate_bps=30, delay_ns=9)
    arrays = validate(graph)
    assert arrays.link_rate_bps[8:].tolist() == [30, 30, 40, 40]
    assert arrays.parallel_number[8:].tolist() == [0, 0, 1, 1]
    pair = np.array([4, 4]), np.array([5, 5])
    assert arrays.link_ids(*pair, np.array([0, 1])).tolist() == [8, 10]
    with pytest.raises(TopologyError, match="link 4-5: expected two nodes with 3 parallel cables"):
        arrays.link_ids(*pair, np.array([0, 2]))


def test_servers_rails_and_nvswitches():
    graph = network()
    assert len(validate(graph).server) == 0
    graph.nodes[5]["kind"] = "nvswitch"
    graph.nodes[5]["server"] = graph.nodes[2]["server"] = 7
    graph.nodes[2]["rail"] = 0
    arrays = validate(graph)
    assert arrays.nvswitches.tolist() == [5]
    assert arrays.server.tolist() == [-1, -1, 7, -1, -1, 7]
    assert arrays.rail.tolist() == [-1, -1, 0, -1, -1, -1]
    assert arrays.link_dst[arrays.nic_links].tolist() == [4, 4]


@pytest.mark.parametrize("nodes", [0, 1])
def test_no_host(nodes):
    graph = nx.Graph()
    graph.add_nodes_from(range(nodes), kind="switch")
    with pytest.raises(TopologyError, match="expected at least one host"):
        validate(graph)


def test_switches_without_cables_do_no_harm():
    graph = network()
    graph.add_node(6, kind="switch")
    assert validate(graph).num_nodes == 7


def test_6144_hosts_in_less_than_a_second():
    graph = clos(pods=8, racks=48, hosts=16, planes=4, spines=24)
    start = time.process_time()
    arrays = validate(graph)
    assert time.process_time() - start < 1
    assert arrays.num_links == 16896
