"""Hosts with several NICs: which one, and by which ways, against the hash in plain Python."""

from __future__ import annotations

import struct

import networkx as nx
import numpy as np
import pytest

from m4graph import topology
from m4graph.core.errors import RoutingError
from m4graph.core.schema import KeyProblem
from m4graph.routing import EcmpRouter, EcmpRouting, NicChoice, check_routes, reroute
from m4graph.routing.kernels import host_address
from tests.routing.test_kernels import murmur3

NIC_SEED = 0x8BADF00D


def nodes(arrays, links):
    return [int(arrays.link_src[links[0]]), *arrays.link_dst[links].tolist()]


def hashed(src, dst, sport, dport, seed):
    """As ns-3 does: 4 + 4 + 2 + 2 bytes in host order."""
    key = struct.pack("<IIHH", host_address(src), host_address(dst), sport, dport)
    return murmur3(key, seed)


def dual_tor():
    """Hosts 0-3, NVSwitches 4-5, first ToRs 6-7, second 8-9, spines 10-13 in two planes."""
    return topology.rail(
        servers=2, gpus_per_server=2, gpus_per_tor=2, tors=2, planes=2, spines=4
    )  # fmt: skip


def test_the_nics_of_flows_by_the_hash():
    """Host 0 to host 2 by NICs to 8 and 6, by descending id; ACKs hashed on their own."""
    arrays = topology.validate(dual_tor())
    routes = EcmpRouter(arrays, prefer_nvswitch=True).route([0] * 64, [2] * 64)
    for flow in range(64):
        port = 10000 + flow
        there = (8, 6)[hashed(0, 2, port, 100, NIC_SEED) % 2]
        back = (8, 6)[hashed(2, 0, 100, port, NIC_SEED) % 2]
        assert nodes(arrays, routes.data_route(flow)) == [0, there, 2]
        assert nodes(arrays, routes.ack_route(flow)) == [2, back, 0]
    firsts = arrays.link_dst[[routes.data_route(flow)[0] for flow in range(64)]]
    assert 16 < (firsts == 8).sum() < 48


def test_a_plane_is_kept_to_the_end():
    """Across rails: ToR, a spine of its plane by the switch's own hash, ToR of the same plane."""
    arrays = topology.validate(dual_tor())
    routes = EcmpRouter(arrays, prefer_nvswitch=True).route([0] * 32, [3] * 32)
    for flow in range(32):
        port = 10000 + flow
        tor = (8, 6)[hashed(0, 3, port, 100, NIC_SEED) % 2]
        spines = (13, 12) if tor == 8 else (11, 10)
        spine = spines[hashed(0, 3, port, 100, tor) % 2]
        assert nodes(arrays, routes.data_route(flow)) == [0, tor, spine, tor + 1, 3]


def test_inside_a_server_over_nvlink():
    arrays = topology.validate(dual_tor())
    routes = EcmpRouter(arrays, prefer_nvswitch=True).route([0, 3], [1, 2])
    assert nodes(arrays, routes.data_route(0)) == [0, 4, 1]
    assert nodes(arrays, routes.ack_route(1)) == [2, 5, 3]


def test_an_nvswitch_rules_out_a_tor_as_near():
    """DCN+: GPUs of a server hang on one ToR, too."""
    graph = topology.rail(servers=2, gpus_per_server=4, rail=False, spines=1)
    arrays = topology.validate(graph)
    ends = [0] * 64, [1] * 64
    preferred = EcmpRouter(arrays, prefer_nvswitch=True).route(*ends)
    assert set(arrays.link_dst[preferred.data_links[::2]].tolist()) == {8}
    either = EcmpRouter(arrays).route(*ends)
    assert set(arrays.link_dst[either.data_links[::2]].tolist()) == {8, 10}


def test_one_flow_at_a_time_is_the_same():
    arrays = topology.validate(dual_tor())
    src, dst = [0, 0, 1, 0, 3, 2], [2, 3, 2, 2, 0, 3]
    for nics in (None, NicChoice("rail"), NicChoice("given", np.array([1, 0, 5, 1]))):
        whole = EcmpRouter(arrays, 3, nics, True).route(src, dst)
        router = EcmpRouter(arrays, 3, nics, True)
        for flow, pair in enumerate(zip(src, dst, strict=True)):
            one = router.route_one(*pair)
            assert one.data_links.tolist() == whole.data_route(flow).tolist()
            assert one.ack_links.tolist() == whole.ack_route(flow).tolist()


def test_rails_in_turn():
    """Servers as hosts, with a NIC on each of four rails."""
    graph = nx.Graph()
    graph.add_nodes_from(range(2), kind="host")
    graph.add_nodes_from(range(2, 6), kind="switch")
    graph.add_edges_from(
        ((host, switch) for host in range(2) for switch in range(2, 6)), rate_bps=10, delay_ns=1
    )
    arrays = topology.validate(graph)
    routes = EcmpRouter(arrays, nics=NicChoice("rail")).route([0] * 6, [1] * 6)
    assert [nodes(arrays, routes.data_route(n))[1] for n in range(6)] == [2, 3, 4, 5, 2, 3]
    assert [nodes(arrays, routes.ack_route(n))[1] for n in range(6)] == [2, 3, 4, 5, 2, 3]


def test_given_nics():
    arrays = topology.validate(dual_tor())
    routing = EcmpRouting(nic="given", nics=[0, 0, 1, 0])
    routes = routing.router(arrays).route([0] * 4, [2] * 4)
    assert {nodes(arrays, routes.data_route(n))[1] for n in range(4)} == {6}
    assert {nodes(arrays, routes.ack_route(n))[1] for n in range(4)} == {8}


def test_a_dead_nic_is_left_out():
    """The same hash on the shorter list; flows over the other NIC keep their way."""
    arrays = topology.validate(dual_tor())
    router = EcmpRouter(arrays, prefer_nvswitch=True)
    src, dst = [0] * 16, [2] * 16
    routes = router.route(src, dst)
    down = np.zeros(arrays.num_links, bool)
    down[arrays.link_id(0, 8)] = True
    after = reroute(arrays, routes, src, dst, down, prefer_nvswitch=True)
    for flow in range(16):
        assert nodes(arrays, after.data_route(flow)) == [0, 6, 2]
        assert nodes(arrays, after.ack_route(flow)) == [2, 6, 0]
    none = reroute(arrays, routes, src, dst, np.zeros_like(down), prefer_nvswitch=True)
    assert none.data_links.tolist() == routes.data_links.tolist()


def test_parallel_cables_share_by_hash():
    graph = nx.MultiGraph()
    graph.add_nodes_from(range(2), kind="host")
    graph.add_nodes_from((2, 3), kind="switch")
    for ends, count in (((0, 2), 2), ((2, 3), 3), ((3, 1), 2)):
        for _ in range(count):
            graph.add_edge(*ends, rate_bps=10, delay_ns=1)
    arrays = topology.validate(graph)
    routes = EcmpRouter(arrays).route([0] * 300, [1] * 300)
    hops = routes.data_links.reshape(300, 3)
    assert (np.unique(arrays.link_src[hops], axis=0) == [0, 2, 3]).all()
    for hop, count in enumerate((2, 3, 2)):
        used, times = np.unique(hops[:, hop], return_counts=True)
        assert len(used) == count
        assert times.min() > 0.7 * 300 / count
    for flow in range(20):
        seeds = NIC_SEED, 2, 3
        wanted = [hashed(0, 1, 10000 + flow, 100, seed) for seed in seeds]
        numbers = arrays.parallel_number[hops[flow]].tolist()
        assert numbers == [wanted[0] % 2, wanted[1] % 3, wanted[2] % 2]


def ring_of_hosts():
    graph = nx.cycle_graph(4)
    nx.set_node_attributes(graph, "host", "kind")
    nx.set_edge_attributes(graph, 10, "rate_bps")
    nx.set_edge_attributes(graph, 1, "delay_ns")
    return topology.validate(graph)


def test_hosts_with_cables_to_each_other():
    arrays = ring_of_hosts()
    routes = EcmpRouter(arrays).route([0, 3], [1, 0])
    assert nodes(arrays, routes.data_route(0)) == [0, 1]
    assert nodes(arrays, routes.ack_route(1)) == [0, 3]
    with pytest.raises(RoutingError, match="expected a way from host 0 to host 2"):
        EcmpRouter(arrays).route([0], [2])
    with pytest.raises(RoutingError, match="expected a way from host 0 to host 2"):
        EcmpRouter(arrays).route_one(0, 2)


def test_hosts_forward_nothing():
    arrays = ring_of_hosts()
    one = EcmpRouter(arrays).route([0], [1])
    links = arrays.link_ids(np.array([0, 1]), np.array([1, 2]))
    through = type(one)(one.source_port, [0, 2], links, [0, 2], links[::-1] ^ 1)
    ends = np.array([0]), np.array([2])
    with pytest.raises(RoutingError, match=r"flow 5: .*expected switches .*got host 1"):
        check_routes(through, arrays, np.array([5]), *ends)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"nic": "given"}, "expected nics beside nic: given"),
        ({"nics": [0, 1]}, "expected nics beside nic: given"),
        ({"nic": "given", "nics": [-1]}, "expected nics of 0 or above"),
        ({"nic": "random"}, "nic"),
    ],
)
def test_bad_keys(keys, message):
    with pytest.raises(KeyProblem, match=message):
        EcmpRouting.parse(keys)


def test_a_number_for_each_host():
    with pytest.raises(KeyProblem, match=r"routing.nics: expected a number for each of 4 hosts"):
        EcmpRouting(nic="given", nics=[0]).router(topology.validate(dual_tor()))
