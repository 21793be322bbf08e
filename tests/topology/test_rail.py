"""The five layouts of SimAI's generator, cable by cable."""

from __future__ import annotations

import networkx as nx
import pytest

from m4graph.core.schema import KeyProblem
from m4graph.topology import rail, validate


def neighbours(graph: nx.Graph, node: int) -> list[int]:
    return sorted(graph[node])


def test_single_tor_rails():
    graph = rail(servers=3, gpus_per_server=2, gpus_per_tor=2, spines=2)
    # GPUs 0-5, NVSwitches 6-8, ToRs 9-12 (two segments of two rails), spines 13-14.
    assert [graph.nodes[n]["kind"] for n in (5, 6, 9, 13)] == ["host", "nvswitch"] + ["switch"] * 2
    assert [neighbours(graph, gpu) for gpu in range(6)] == [
        [6, 9], [6, 10], [7, 9], [7, 10], [8, 11], [8, 12],
    ]  # fmt: skip
    assert neighbours(graph, 11) == [4, 13, 14]
    assert [graph.nodes[gpu]["server"] for gpu in range(6)] == [0, 0, 1, 1, 2, 2]
    assert [graph.nodes[gpu]["rail"] for gpu in range(6)] == [0, 1] * 3
    assert graph.edges[0, 6] == {"rate_bps": 2880 * 10**9, "delay_ns": 25}
    assert graph.edges[0, 9] == {"rate_bps": 400 * 10**9, "delay_ns": 500}
    assert graph.edges[9, 13] == {"rate_bps": 400 * 10**9, "delay_ns": 500}


def test_dual_tor_rails_in_one_plane():
    graph = rail(servers=2, gpus_per_server=2, gpus_per_tor=2, tors=2, spines=2)
    # GPUs 0-3, NVSwitches 4-5, first ToRs 6-7, second ToRs 8-9, spines 10-11.
    assert [neighbours(graph, gpu) for gpu in range(4)] == [
        [4, 6, 8], [4, 7, 9], [5, 6, 8], [5, 7, 9],
    ]  # fmt: skip
    assert all(neighbours(graph, tor)[-2:] == [10, 11] for tor in range(6, 10))
    assert graph.edges[0, 6]["rate_bps"] == graph.edges[0, 8]["rate_bps"] == 200 * 10**9


def test_dual_tor_rails_in_two_planes():
    graph = rail(servers=2, gpus_per_server=2, gpus_per_tor=2, tors=2, planes=2, spines=4)
    assert [neighbours(graph, tor)[-2:] for tor in range(6, 10)] == [[10, 11]] * 2 + [[12, 13]] * 2


@pytest.mark.parametrize("tors", [1, 2])
def test_without_rails(tors):
    graph = rail(servers=4, gpus_per_server=2, gpus_per_tor=4, tors=tors, rail=False, spines=1)
    tor_of_gpu = [0, 0, 0, 0, 1, 1, 1, 1]
    for gpu, tor in enumerate(tor_of_gpu):
        assert neighbours(graph, gpu)[1:] == [12 + tor + 2 * side for side in range(tors)]


@pytest.mark.parametrize(
    ("keys", "num_tors", "num_spines"),
    [
        ({"servers": 64}, 8, 64),
        ({"servers": 65}, 16, 64),
        ({"servers": 128, "tors": 2}, 16, 120),
        ({"servers": 128, "tors": 2, "planes": 2}, 16, 120),
        ({"servers": 16, "rail": False}, 2, 8),
        ({"servers": 32, "rail": False, "tors": 2}, 4, 8),
    ],
)
def test_usual_sizes(keys, num_tors, num_spines):
    tiers = [tier for _, tier in rail(**keys).nodes(data="tier")]
    assert (tiers.count("tor"), tiers.count("core")) == (num_tors, num_spines)


def test_servers_of_one_gpu_have_no_nvswitch():
    arrays = validate(rail(servers=4, gpus_per_server=1, tors=2, spines=2))
    assert len(arrays.nvswitches) == 0
    assert arrays.num_links == 2 * (4 * 2 + 2 * 2)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"planes": 2}, "planes: expected 1 where a GPU has one ToR"),
        ({"tors": 3}, "tors: expected"),
        ({"tors": 2, "planes": 2, "spines": 3}, "spines: expected an even number"),
        ({"rail": 1}, "rail: expected true or false"),
        ({"nic_gbps": 0}, "nic_gbps: expected a rate"),
        ({"servers": 0}, "servers: expected"),
    ],
)
def test_bad_keys(keys, message):
    with pytest.raises(KeyProblem, match=message):
        rail(**{"servers": 2, **keys})
