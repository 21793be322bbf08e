from __future__ import annotations

import networkx as nx
import pytest

from m4graph import topology
from m4graph.core.errors import ConfigError
from m4graph.core.schema import KeyProblem, spell


def cables(graph: nx.Graph) -> list[tuple[int, int]]:
    arrays = topology.validate(graph)
    return list(zip(arrays.link_src[::2].tolist(), arrays.link_dst[::2].tolist(), strict=True))


def nodes_of(graph: nx.Graph, **attributes) -> list[int]:
    return [n for n, data in graph.nodes(data=True) if attributes.items() <= data.items()]


def test_fat_tree_k4_cable_by_cable():
    graph = topology.fat_tree(k=4, host_gbps=10, fabric_gbps=40, delay_ns=500)
    hosts = [(host, 16 + host // 2) for host in range(16)]
    pods = [(edge, agg) for edge in range(16, 24) for agg in (24 + (edge - 16) // 2 * 2,)]
    fabric = sorted(pods + [(edge, agg + 1) for edge, agg in pods])
    core = [(agg, c) for agg in range(24, 32) for c in ((32, 33), (34, 35))[agg % 2]]
    assert cables(graph) == hosts + fabric + core
    assert all(graph.edges[cable]["rate_bps"] == 10 * 10**9 for cable in hosts)
    assert all(graph.edges[cable]["rate_bps"] == 40 * 10**9 for cable in fabric + core)
    assert {delay for *_, delay in graph.edges(data="delay_ns")} == {500}


def test_fat_tree_attributes():
    graph = topology.fat_tree(k=4)
    assert graph.graph["name"] == "fat_tree"
    assert nodes_of(graph, kind="host") == list(range(16))
    assert nodes_of(graph, tier="tor") == list(range(16, 24))
    assert nodes_of(graph, tier="agg") == list(range(24, 32))
    assert nodes_of(graph, tier="core") == list(range(32, 36))
    assert nodes_of(graph, pod=1) == [4, 5, 6, 7, 18, 19, 26, 27]
    assert nodes_of(graph, kind="host", rack=5) == [10, 11]
    assert "pod" not in graph.nodes[32]


@pytest.mark.parametrize("k", [2, 4, 6, 8])
def test_fat_tree_has_equal_ports_and_full_bisection(k):
    graph = topology.fat_tree(k)
    switches = nodes_of(graph, kind="switch")
    assert len(nodes_of(graph, kind="host")) == k**3 // 4
    assert len(switches) == 5 * k * k // 4
    assert {graph.degree(switch) for switch in switches} == {k}
    distances = nx.single_source_shortest_path_length(graph, 0)
    assert distances[k**3 // 4 - 1] == 6
    if k > 2:
        assert (distances[1], distances[k // 2]) == (2, 4)
        assert len(list(nx.all_shortest_paths(graph, 0, k**3 // 4 - 1))) == (k // 2) ** 2


def test_leaf_spine():
    graph = topology.leaf_spine(
        num_leaves=2, hosts_per_leaf=2, num_spines=3, host_gbps=2.5, fabric_gbps=100
    )
    assert cables(graph) == [
        (0, 4), (1, 4), (2, 5), (3, 5), (4, 6), (4, 7), (4, 8), (5, 6), (5, 7), (5, 8),
    ]  # fmt: skip
    assert graph.edges[0, 4]["rate_bps"] == 2_500_000_000
    assert graph.edges[5, 8]["rate_bps"] == 100_000_000_000
    assert nodes_of(graph, tier="tor") == [4, 5]
    assert nodes_of(graph, tier="core") == [6, 7, 8]


def test_star():
    graph = topology.star(3, gbps=1, delay_ns=0)
    assert cables(graph) == [(0, 3), (1, 3), (2, 3)]
    assert graph.edges[2, 3] == {"rate_bps": 10**9, "delay_ns": 0}


def test_dumbbell():
    graph = topology.dumbbell(2, 1, host_gbps=10, bottleneck_gbps=1)
    assert cables(graph) == [(0, 3), (1, 3), (2, 4), (3, 4)]
    assert graph.edges[3, 4]["rate_bps"] == 10**9
    assert topology.racks(graph).tolist() == [0, 0, 1]


def test_parking_lot():
    graph = topology.parking_lot(3, 2, host_gbps=10, fabric_gbps=40)
    assert cables(graph) == [(0, 6), (1, 6), (2, 7), (3, 7), (4, 8), (5, 8), (6, 7), (7, 8)]
    assert graph.edges[7, 8]["rate_bps"] == 40 * 10**9


def test_clos_small_cable_by_cable():
    graph = topology.clos(pods=2, racks=1, hosts=1, planes=2, spines=2)
    tors, aggs = [(0, 2), (1, 3)], [(2, 4), (2, 5), (3, 6), (3, 7)]
    spines = [(4, 8), (4, 9), (5, 10), (5, 11), (6, 8), (6, 9), (7, 10), (7, 11)]
    assert cables(graph) == tors + aggs + spines
    assert nodes_of(graph, pod=1) == [1, 3, 6, 7]


@pytest.mark.parametrize(
    ("shape", "num_hosts", "num_links"),
    [((2, 4, 4, 1, 4), 32, 96), ((2, 8, 16, 4, 8), 256, 768), ((8, 48, 16, 4, 24), 6144, 16896)],
)
def test_clos_has_the_links_of_the_paper(shape, num_hosts, num_links):
    arrays = topology.validate(topology.clos(*shape))
    assert (arrays.num_hosts, arrays.num_links) == (num_hosts, num_links)


GOOD = {
    "fat_tree": {"k": 4, "host_gbps": 10, "fabric_gbps": 10, "delay_ns": 0},
    "leaf_spine": {
        "num_leaves": 1, "hosts_per_leaf": 1, "num_spines": 1,
        "host_gbps": 1, "fabric_gbps": 1, "delay_ns": 0,
    },
    "clos": {
        "pods": 1, "racks": 1, "hosts": 1, "planes": 1, "spines": 1,
        "host_gbps": 1, "fabric_gbps": 1, "delay_ns": 0,
    },
    "star": {"num_hosts": 1, "gbps": 1, "delay_ns": 0},
    "dumbbell": {
        "num_left": 1, "num_right": 1, "host_gbps": 1, "bottleneck_gbps": 1, "delay_ns": 0,
    },
    "parking_lot": {
        "num_switches": 1, "hosts_per_switch": 1, "host_gbps": 1, "fabric_gbps": 1, "delay_ns": 0,
    },
}  # fmt: skip

BAD_RATES = [0, -1, float("nan"), float("inf"), 1e-10, "10", None, True, 1e10]
BAD_DELAYS = [-1, 0.5, "1000", None, True]
BAD_COUNTS = [0, -1, 2.0, "2", None, True]


def bad_values():
    for kind, parameters in GOOD.items():
        for name in parameters:
            values = BAD_COUNTS
            if name.endswith("gbps"):
                values = BAD_RATES
            elif name == "delay_ns":
                values = BAD_DELAYS
            for value in values:
                yield kind, name, value


@pytest.mark.parametrize(("kind", "parameters"), list(GOOD.items()))
def test_smallest_parameters_are_fine(kind, parameters):
    arrays = topology.validate(getattr(topology, kind)(**parameters))
    assert arrays.num_links >= 2


@pytest.mark.parametrize(("kind", "name", "value"), list(bad_values()))
def test_bad_parameter_is_named(kind, name, value):
    with pytest.raises(ConfigError, match=rf"^{name}: expected .*\(got {spell(value)}\)"):
        getattr(topology, kind)(**{**GOOD[kind], name: value})


@pytest.mark.parametrize("k", [1, 3])
def test_fat_tree_needs_an_even_k(k):
    with pytest.raises(ConfigError, match=f"k: expected an .*integer of 2 or above .got {k}"):
        topology.fat_tree(k)


@pytest.mark.parametrize(
    "build",
    [
        lambda: topology.star(num_hosts=2**31 - 1),
        lambda: topology.leaf_spine(num_leaves=3000, hosts_per_leaf=1, num_spines=3000),
    ],
)
def test_networks_without_end_are_refused(build):
    with pytest.raises(KeyProblem, match="expected at most 1000000 nodes and cables"):
        build()
