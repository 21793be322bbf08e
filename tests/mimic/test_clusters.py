"""Where links stand in their pods: the same in networks of any number of pods."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

import m4graph as m4
from m4graph.core.errors import ConfigError
from m4graph.mimic.clusters import Pods
from m4graph.mimic.shape import AGG_DOWN, AGG_UP, CORE_DOWN, HOST_UP, RACK_DOWN, RACK_UP, shape_of
from m4graph.topology import validate

ROLES = [HOST_UP, RACK_UP, AGG_UP, CORE_DOWN, AGG_DOWN, RACK_DOWN]


def pods_of(graph) -> Pods:
    return Pods.of(graph, validate(graph))


def clos(pods, racks, hosts, planes, spines):
    return m4.topology.clos(pods, racks, hosts, planes, spines)


SHAPES = [
    tuple(int(part) for part in np.random.default_rng(seed).integers(1, 6, 4)) for seed in range(12)
]


def ports(pods: Pods, pod: int) -> dict:
    """For each role, the nodes that links join, by their places inside the pod."""
    arrays = pods.arrays
    mine = np.flatnonzero(pods.link_pod == pod)
    below = {
        int(n): k for k, n in enumerate(np.unique([arrays.link_src[mine], arrays.link_dst[mine]]))
    }
    found = {}
    for role in ROLES:
        links = mine[pods.link_role[mine] == role]
        links = links[np.argsort(pods.link_local[links])]
        found[role] = [
            (below[int(arrays.link_src[link])], below[int(arrays.link_dst[link])]) for link in links
        ]
    return found


@pytest.mark.parametrize("shape", SHAPES)
def test_links_have_the_same_places_in_every_pod_of_every_network(shape):
    two, eight = pods_of(clos(2, *shape)), pods_of(clos(8, *shape))
    assert two.shape == eight.shape
    assert (two.num_pods, eight.num_pods) == (2, 8)
    racks, hosts, aggs, spines = shape
    numbers = {HOST_UP: racks * hosts, RACK_UP: racks * aggs, AGG_UP: aggs * spines}
    expected = ports(two, 0)
    for pods in (two, eight):
        for pod in range(pods.num_pods):
            assert ports(pods, pod) == expected
            for up, down in ((HOST_UP, RACK_DOWN), (RACK_UP, AGG_DOWN), (AGG_UP, CORE_DOWN)):
                for role in (up, down):
                    links = pods.links(role, pod)
                    assert sorted(pods.link_local[links]) == list(range(numbers[up]))
    # A cable has one number, up and down.
    cables = np.arange(0, eight.arrays.num_links, 2)
    np.testing.assert_array_equal(eight.link_local[cables], eight.link_local[cables + 1])


@pytest.mark.parametrize("k", [2, 4, 8])
def test_a_fat_tree_is_a_clos(k):
    half = k // 2
    tree, small = pods_of(m4.topology.fat_tree(k)), pods_of(clos(2, half, half, half, half))
    assert tree.shape == small.shape
    assert tree.num_pods == k
    assert ports(tree, k - 1) == ports(small, 0)


def test_numbers_by_hand():
    pods = pods_of(clos(3, 2, 4, 2, 2))
    # 24 hosts; racks 24 to 29, aggregation switches 30 to 35, cores 36 to 39, two of each plane.
    expected = {
        (23, 29): (HOST_UP, 2, 7),
        (28, 19): (RACK_DOWN, 2, 3),
        (29, 34): (RACK_UP, 2, 2),
        (35, 28): (AGG_DOWN, 2, 1),
        (33, 39): (AGG_UP, 1, 3),
        (36, 30): (CORE_DOWN, 0, 0),
    }
    for (a, b), values in expected.items():
        link = pods.arrays.link_id(a, b)
        got = pods.link_role[link], pods.link_pod[link], pods.link_local[link]
        assert got == values, (a, b)
    assert pods.host_pod.tolist() == [0] * 8 + [1] * 8 + [2] * 8


def test_places_do_not_depend_on_names():
    """A graph that came from a file has no attributes but those of cables."""
    graph = clos(3, 2, 4, 2, 2)
    bare = nx.Graph()
    bare.add_nodes_from((node, {"kind": data["kind"]}) for node, data in graph.nodes(data=True))
    bare.add_edges_from(graph.edges(data=True))
    np.testing.assert_array_equal(pods_of(bare).link_local, pods_of(graph).link_local)


def without(graph, *cables):
    graph.remove_edges_from(cables)
    return graph


def with_rate(graph, a, b, rate_bps):
    graph.edges[a, b]["rate_bps"] = rate_bps
    return graph


@pytest.mark.parametrize(
    ("graph", "problem"),
    [
        (m4.topology.star(num_hosts=4), "star, which has not the tiers host, rack"),
        (m4.topology.leaf_spine(2, 2, 2), "leaf_spine, which has not the tiers host"),
        (clos(1, 2, 2, 2, 2), "clos, of one pod"),
        (without(clos(2, 2, 2, 2, 2), (8, 12)), "which lacks cables that others"),
        (without(clos(2, 2, 2, 2, 2), (12, 16)), "which lacks cables that others"),
        (with_rate(clos(2, 2, 2, 2, 2), 0, 8, 10**9), "host_rate_bps of 1000000000 to 10000000000"),
        (m4.topology.clos(2, 2, 2, 2, 1), None),
    ],
)
def test_other_networks_are_refused(graph, problem):
    if problem is None:
        assert pods_of(graph).shape.spines == 1
        return
    with pytest.raises(ConfigError, match=r"topology: expected a Clos network .* \(got ") as error:
        pods_of(graph)
    assert problem in str(error.value)
    assert "\n" not in str(error.value)


def test_shapes_are_compared_by_name():
    one, other = pods_of(clos(2, 2, 4, 2, 2)).shape, pods_of(clos(2, 2, 3, 2, 2)).shape
    one.check_equal(one, "the model", "scenario")
    with pytest.raises(ConfigError, match=r"scenario: expected pods with hosts of 4, as the model"):
        one.check_equal(other, "the model", "scenario")


def test_shapes_come_back_from_numbers():
    shape = pods_of(clos(2, 2, 4, 2, 2)).shape
    values = {name: getattr(shape, name) for name in shape.__dataclass_fields__}
    assert shape_of(values) == shape
    with pytest.raises(ConfigError, match=r"shape.aggs: expected an integer \(got 'two'\)"):
        shape_of({**values, "aggs": "two"})
