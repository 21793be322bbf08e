"""Every algorithm carries what its collective needs, and nothing waits in a circle."""

from __future__ import annotations

from graphlib import TopologicalSorter

import numpy as np
import pytest

from m4graph.core.schema import KeyProblem
from m4graph.workload.collectives import (
    COLLECTIVE_ALGORITHMS,
    KINDS,
    SWITCH,
    Collective,
    RankGroup,
    collective_flows,
)

TWO_SERVERS = RankGroup.of_servers([0, 0, 0, 0, 1, 1, 1, 1])
ONE_SERVER = RankGroup.of_servers([0] * 8)
CASES = [
    (kind, name, group)
    for kind, known in KINDS.items()
    for name in known.algorithms
    for group in (ONE_SERVER, TWO_SERVERS)
    if not (name == "nvls" and group is TWO_SERVERS)
]


def waits(flows):
    return {
        flow: flows.after[flows.after_ptr[flow] : flows.after_ptr[flow + 1]].tolist()
        for flow in range(flows.num_flows)
    }


@pytest.mark.parametrize("chunks", [1, 3])
@pytest.mark.parametrize(("kind", "name", "group"), CASES)
def test_flows_wait_for_what_their_senders_get(kind, name, group, chunks):
    flows = collective_flows(Collective(kind, 800_000, name, chunks=chunks), group)
    known = waits(flows)
    assert len(list(TopologicalSorter(known).static_order())) == flows.num_flows
    assert (flows.size_bytes > 0).all()
    assert (flows.src != flows.dst).all()
    for flow, others in known.items():
        for other in others:
            assert flows.step[other] < flows.step[flow]
            ends = (int(flows.src[other]), int(flows.dst[other]))
            assert flows.dst[other] == flows.src[flow] or ends == (
                int(flows.src[flow]), int(flows.dst[flow]),
            ) or (name, ends[0]) == ("nvls", int(flows.src[flow]))  # fmt: skip


def reached(flows, start):
    """Which ranks hold something of a rank's in the end, if it begins at the first step."""
    holds = {start}
    for step in range(int(flows.step.max()) + 1):
        now = flows.step == step
        holds |= {int(d) for s, d in zip(flows.src[now], flows.dst[now], strict=True) if s in holds}
    return holds - {SWITCH}


@pytest.mark.parametrize(
    ("kind", "name", "group"),
    [case for case in CASES if case[0] in ("all_reduce", "all_gather", "all_to_all")],
)
def test_all_ranks_hear_of_all_others(kind, name, group):
    flows = collective_flows(Collective(kind, 800_000, name), group)
    for rank in range(8):
        assert reached(flows, rank) == set(range(8))


@pytest.mark.parametrize("group", [ONE_SERVER, TWO_SERVERS])
@pytest.mark.parametrize(
    ("kind", "factor"), [("all_reduce", 14), ("all_gather", 7), ("reduce_scatter", 7)]
)
def test_a_ring_has_a_flow_for_each_rank_channel_and_step(kind, factor, group):
    channels = 8 if group is ONE_SERVER else 4
    flows = collective_flows(Collective(kind, 8 * 8 * 1000), group)
    assert flows.num_flows == factor * 8 * channels
    assert set(flows.size_bytes.tolist()) == {1000 * 8 // channels}
    sent = np.bincount(flows.src, weights=flows.size_bytes)
    assert (sent == factor / 8 * 64_000).all()
    assert (np.diff(flows.after_ptr) == (flows.step > 0)).all()


def test_rings_enter_a_server_one_place_further_on():
    flows = collective_flows(Collective("all_gather", 8 * 4 * 10), TWO_SERVERS)
    server = TWO_SERVERS.server
    first = flows.step == 0
    crossing = first & (server[flows.src] != server[flows.dst])
    pairs = {
        (int(s) % 4, int(d) % 4)
        for s, d in zip(flows.src[crossing], flows.dst[crossing], strict=True)
    }
    assert pairs == {(3, 0), (0, 1), (1, 2), (2, 3)}


@pytest.mark.parametrize(
    ("kind", "name", "per_rank"),
    [
        ("all_reduce", "hierarchical", 2 * 1 / 2 / 4),
        ("all_gather", "hierarchical", 1 / 2 / 4),
        ("reduce_scatter", "hierarchical", 1 / 2 / 4),
        ("all_to_all", "rail", 4 / 8),
    ],
)
def test_between_servers_flows_keep_their_rail(kind, name, per_rank):
    flows = collective_flows(Collective(kind, 80_000, name), TWO_SERVERS)
    between = TWO_SERVERS.server[flows.src] != TWO_SERVERS.server[flows.dst]
    assert (TWO_SERVERS.rail[flows.src] == TWO_SERVERS.rail[flows.dst])[between].all()
    sent = np.bincount(flows.src[between], weights=flows.size_bytes[between])
    assert (sent == per_rank * 80_000).all()


def test_nvls_has_eight_flows_for_each_rank():
    flows = collective_flows(Collective("all_reduce", 4000, "nvls"), ONE_SERVER)
    assert flows.num_flows == 8 * 8
    assert (flows.src == SWITCH).sum() == (flows.dst == SWITCH).sum() == 32
    assert flows.step.max() == 4


@pytest.mark.parametrize(
    ("collective", "group", "message"),
    [
        (Collective("all_sum", 1), ONE_SERVER, "kind: expected one of all_reduce"),
        (Collective("all_reduce", 1, "rings"), ONE_SERVER, "did you mean 'ring'"),
        (Collective("all_to_all", 1, "tree"), ONE_SERVER, "expected one of direct, rail for"),
        (Collective("all_reduce", 8, "nvls"), TWO_SERVERS, r"one server for 'nvls' \(got 2"),
        (
            Collective("all_reduce", 8, "hierarchical"),
            RankGroup.of_servers([0, 0, 1]),
            r"as many ranks in each server for 'hierarchical' \(got \[2, 1\]\)",
        ),
    ],
)
def test_bad_collectives(collective, group, message):
    with pytest.raises(KeyProblem, match=message):
        collective_flows(collective, group)


def test_an_algorithm_of_ones_own():
    def star(collective, group):
        """All through the first rank."""
        flows = collective_flows(Collective("gather", collective.size_bytes), group)
        return flows

    COLLECTIVE_ALGORITHMS.register("through_the_first", star)
    flows = collective_flows(Collective("all_reduce", 80, "through_the_first"), ONE_SERVER)
    assert set(flows.dst.tolist()) == {0}
