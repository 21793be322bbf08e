"""What the generators share: the check of a rate, and putting a graph together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeVar

import networkx as nx

from m4graph.core.checks import check_count
from m4graph.core.errors import InputError
from m4graph.core.schema import KeyProblem, spell
from m4graph.core.units import gbps_to_bps

Cable = tuple[int, int]
T = TypeVar("T")


def check_rate(name: str, gbps: float | Decimal) -> int:
    """Converts a rate above 0 from Gb/s to bit/s.

    Raises:
        KeyProblem: If it is not above 0 or not a whole number of bit/s.
    """
    try:
        rate_bps = 0 if isinstance(gbps, (bool, str)) else gbps_to_bps(gbps)
    except InputError:
        rate_bps = 0
    if rate_bps == 0:
        raise KeyProblem(
            name, f"expected a rate in Gb/s above 0, in whole bit/s (got {spell(gbps)})"
        )
    return rate_bps


def add_cable(graph: nx.Graph, a: Any, b: Any, attributes: Mapping[str, Any]) -> None:
    """Adds a cable with attributes of any name; beside those that are there, in a multigraph."""
    key = graph.add_edge(a, b)
    data = graph.edges[a, b] if key is None else graph.edges[a, b, key]
    data.update(attributes)


def plain(graph: nx.MultiGraph) -> nx.Graph:
    """The graph, as one that can have no parallel cables if it has none."""
    return graph if any(key for _, _, key in graph.edges(keys=True)) else nx.Graph(graph)


MAX_PARTS = 10**6
"""Nodes and cables that a generator makes at most: each takes a kilobyte, and 10 us."""


class NetworkBuilder:
    """Collects the nodes and cables of one network; hosts first, then switches.

    Args:
        name (str): Name of the network, kept in ``graph.graph["name"]``.
        delay_ns (int): Propagation delay of every cable.

    Raises:
        KeyProblem: Of any call, if there are more than :data:`MAX_PARTS` nodes and cables.
    """

    def __init__(self, name: str, delay_ns: int) -> None:
        self._graph = nx.Graph(name=name)
        self._num_parts = 0
        self._delay_ns = check_count("delay_ns", delay_ns, minimum=0)

    def add(self, kind: str, attributes: Iterable[Mapping[str, Any]]) -> range:
        """Adds nodes of one kind and gives their ids."""
        first = len(self._graph)
        for node, own in enumerate(self._counted(attributes), first):
            self._graph.add_node(node, kind=kind, **own)
        return range(first, len(self._graph))

    def add_hosts(self, racks: Iterable[int]) -> None:
        """Adds a host for each entry, which is the index of its top-of-rack switch."""
        start = len(self._graph)
        for host, rack in enumerate(self._counted(racks), start):
            self._graph.add_node(host, kind="host", rack=rack)

    def add_switches(self, tier: str, count: int, per_pod: int | None = None) -> range:
        """Adds switches of one tier and gives their ids; pods are filled one after the other."""
        first = len(self._graph)
        for index in self._counted(range(count)):
            pod = {} if per_pod is None else {"pod": index // per_pod}
            self._graph.add_node(first + index, kind="switch", tier=tier, **pod)
        return range(first, first + count)

    def connect(self, cables: Iterable[Cable], rate_bps: int, delay_ns: int | None = None) -> None:
        """Adds cables of one rate, and of a delay of their own if one is given."""
        delay_ns = self._delay_ns if delay_ns is None else delay_ns
        attributes = {"rate_bps": rate_bps, "delay_ns": delay_ns}
        self._graph.add_edges_from(self._counted(cables), **attributes)

    def connect_hosts(self, switches: Sequence[int], rate_bps: int) -> None:
        """Connects each host to the switch of its rack; switches are in the order of racks.

        A host takes over the pod of its switch, where it has one.
        """
        nodes: Any = self._graph.nodes
        cables = []
        for host, data in nodes(data=True):
            if data["kind"] == "host":
                switch = switches[data["rack"]]
                cables.append((host, switch))
                if "pod" in nodes[switch]:
                    data["pod"] = nodes[switch]["pod"]
        self.connect(cables, rate_bps)

    def _counted(self, parts: Iterable[T]) -> Iterator[T]:
        for part in parts:
            self._num_parts += 1
            if self._num_parts > MAX_PARTS:
                raise KeyProblem("", f"expected at most {MAX_PARTS} nodes and cables (got more)")
            yield part

    def finish(self) -> nx.Graph:
        """Gives the network, which keeps the rules of ``validate`` by its making."""
        return self._graph
