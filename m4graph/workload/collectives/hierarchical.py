"""Collectives in two levels: within each server, and by rail between servers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from m4graph.workload.collectives.direct import direct
from m4graph.workload.collectives.flows import (
    Collective,
    CollectiveFlows,
    RankGroup,
    one_after_another,
    side_by_side,
)
from m4graph.workload.collectives.ring import ring


def hierarchical(collective: Collective, group: RankGroup) -> CollectiveFlows:
    """Rings within servers and by rail, so that no flow changes the rail.

    An all-reduce is a reduce-scatter within each server, an all-reduce of each rank's part by rail,
    and an all-gather within each server. A reduce-scatter goes from the servers to the rails, an
    all-gather from the rails to the servers.

    Raises:
        KeyProblem: If servers have different numbers of ranks.
    """
    servers, rails, local = _levels(group, "hierarchical")
    part = collective._replace(size_bytes=max(1, collective.size_bytes // local))
    if collective.kind == "all_gather":
        return _phases([(ring, part, rails), (ring, collective, servers)])
    if collective.kind == "reduce_scatter":
        return _phases([(ring, collective, servers), (ring, part, rails)])
    scatter = collective._replace(kind="reduce_scatter")
    gather = collective._replace(kind="all_gather")
    return _phases([(ring, scatter, servers), (ring, part, rails), (ring, gather, servers)])


def rail(collective: Collective, group: RankGroup) -> CollectiveFlows:
    """An all-to-all whose flows between servers never change the rail.

    First each rank hands to each other one of its server all that goes to the latter's rail, in
    any server; when a rank has all of it, it sends to each rank of its rail what is for that one's
    server, in one flow.

    Raises:
        KeyProblem: If servers have different numbers of ranks.
    """
    servers, rails, _ = _levels(group, "rail")
    return _phases([(direct, collective, servers), (direct, collective, rails)])


_Level = list[NDArray[np.int64]]
_Phase = tuple[Callable[[Collective, RankGroup], CollectiveFlows], Collective, _Level]


def _levels(group: RankGroup, algorithm: str) -> tuple[_Level, _Level, int]:
    """The ranks of each server, those of each rail, and how many a server has."""
    table = group.even(algorithm)
    return list(table), list(table.T), table.shape[1]


def _phases(phases: list[_Phase]) -> CollectiveFlows:
    parts = []
    for algorithm, collective, level in phases:
        if len(level[0]) > 1:
            one = collective._replace(channels=1)
            alone = RankGroup.of_servers(np.zeros(len(level[0])))
            flows = algorithm(one, alone)
            parts.append(side_by_side([flows.on(ranks) for ranks in level]))
    return one_after_another(parts)
