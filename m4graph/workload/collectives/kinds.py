"""The kinds of collective operations, and the algorithms that do them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from m4graph.core.calls import plain_call
from m4graph.core.errors import ConfigError, one_of
from m4graph.core.registry import Registry
from m4graph.core.schema import KeyProblem
from m4graph.workload.collectives.flows import Collective, CollectiveFlows, RankGroup


class CollectiveKind(NamedTuple):
    """One kind of collective operation.

    Args:
        algorithm (str): The usual one.
        algorithms (tuple): Those of ours that do it.
        bus_factor (Callable): Bus bandwidth over algorithm bandwidth, of a number of ranks.
    """

    algorithm: str
    algorithms: tuple[str, ...]
    bus_factor: Callable[[int], float]


def _all_but_one(num_ranks: int) -> float:
    return (num_ranks - 1) / num_ranks


def _twice(num_ranks: int) -> float:
    return 2 * _all_but_one(num_ranks)


def _once(num_ranks: int) -> float:
    return 1.0


KINDS = {
    "all_reduce": CollectiveKind("ring", ("ring", "tree", "nvls", "hierarchical"), _twice),
    "all_gather": CollectiveKind("ring", ("ring", "direct", "hierarchical"), _all_but_one),
    "reduce_scatter": CollectiveKind("ring", ("ring", "hierarchical"), _all_but_one),
    "all_to_all": CollectiveKind("direct", ("direct", "rail"), _all_but_one),
    "broadcast": CollectiveKind("ring", ("ring", "tree"), _once),
    "reduce": CollectiveKind("ring", ("ring", "tree"), _once),
    "gather": CollectiveKind("direct", ("direct",), _all_but_one),
    "scatter": CollectiveKind("direct", ("direct",), _all_but_one),
    "send_recv": CollectiveKind("direct", ("direct",), _once),
}
"""Kinds by name. Bus bandwidth is as nccl-tests has it (doc/PERFORMANCE.md there): what the
busiest link of an ideal algorithm carries."""

COLLECTIVE_ALGORITHMS: Registry[Callable[[Collective, RankGroup], CollectiveFlows]] = Registry(
    "collective algorithm",
    {
        "direct": "m4graph.workload.collectives.direct:direct",
        "hierarchical": "m4graph.workload.collectives.hierarchical:hierarchical",
        "nvls": "m4graph.workload.collectives.nvls:nvls",
        "rail": "m4graph.workload.collectives.hierarchical:rail",
        "ring": "m4graph.workload.collectives.ring:ring",
        "tree": "m4graph.workload.collectives.tree:tree",
    },
)
"""Algorithms by name: functions of a collective and a group that give its flows."""


@plain_call
def check_collective(collective: Collective) -> Collective:
    """The collective, its algorithm named.

    Raises:
        KeyProblem: If its kind is unknown, or the algorithm is, or does not do it.
    """
    kind = KINDS.get(collective.kind)
    if kind is None:
        raise KeyProblem("kind", f"expected {one_of(KINDS)} (got {collective.kind!r})")
    name = kind.algorithm if collective.algorithm is None else collective.algorithm
    try:
        COLLECTIVE_ALGORITHMS.resolve(name)
    except ConfigError as error:
        raise KeyProblem("algorithm", str(error)) from None
    name = COLLECTIVE_ALGORITHMS.spelling(name)
    ours = {each for known in KINDS.values() for each in known.algorithms}
    if name in ours and name not in kind.algorithms:
        raise KeyProblem(
            "algorithm",
            f"expected {one_of(kind.algorithms)} for {collective.kind!r} (got {name!r})",
        )
    return collective._replace(algorithm=name)


@plain_call
def collective_flows(collective: Collective, group: RankGroup) -> CollectiveFlows:
    """The flows of a collective operation of a group of two ranks or more.

    Raises:
        KeyProblem: If the collective is bad, or its algorithm cannot do it for this group.
    """
    named = check_collective(collective)
    assert named.algorithm is not None
    return COLLECTIVE_ALGORITHMS.resolve(named.algorithm)(named, group)
