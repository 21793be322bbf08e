"""Collective operations: their flows, what these wait for, and the algorithms by name."""

from __future__ import annotations

from m4graph.workload.collectives.closed_loops import (
    all_to_all,
    collective_rounds,
    ring_all_reduce,
    tree_all_reduce,
)
from m4graph.workload.collectives.flows import (
    SWITCH,
    Collective,
    CollectiveFlows,
    RankGroup,
    one_after_another,
    parts_of,
    side_by_side,
)
from m4graph.workload.collectives.kinds import (
    COLLECTIVE_ALGORITHMS,
    KINDS,
    check_collective,
    collective_flows,
)

__all__ = [
    "COLLECTIVE_ALGORITHMS",
    "KINDS",
    "SWITCH",
    "Collective",
    "CollectiveFlows",
    "RankGroup",
    "all_to_all",
    "check_collective",
    "collective_flows",
    "collective_rounds",
    "one_after_another",
    "parts_of",
    "ring_all_reduce",
    "side_by_side",
    "tree_all_reduce",
]
