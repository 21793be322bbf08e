"""A network as arrays, and the rules that a networkx graph must keep to become one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import networkx as nx
import numpy as np

from m4graph.core.errors import TopologyError
from m4graph.core.integers import is_integer

KINDS = ("host", "switch")

MAX_RATE_BPS = 10**13
"""No link may be faster (10 Tb/s); with :data:`MAX_DELAY_NS` it keeps times inside 64 bits."""

MAX_DELAY_NS = 10**10
"""No cable may be longer (10 s)."""


@dataclass(frozen=True, eq=False)
class NetworkArrays:
    """A validated network. Nodes ``0 .. num_hosts - 1`` are hosts, all others are switches.

    Links are directed: one queue, one rate. A cable is two links. Cables are sorted by (lower
    node, higher node); cable ``i`` is link ``2 * i`` from the lower node to the higher one, and
    link ``2 * i + 1`` back. The link ids hence do not depend on the order in which a graph or a
    file lists its cables. All arrays are read-only.

    Fields:
        - num_hosts, num_nodes: counts
        - link_src, link_dst: int32 ``[num_links]``, node ids
        - link_rate_bps: int64 ``[num_links]``, bit/s, above 0
        - link_delay_ns: int64 ``[num_links]``, propagation delay in ns, 0 or above
    """

    num_hosts: int
    num_nodes: int
    link_src: np.ndarray
    link_dst: np.ndarray
    link_rate_bps: np.ndarray
    link_delay_ns: np.ndarray

    @property
    def num_links(self) -> int:
        """Number of directed links."""
        return len(self.link_src)

    @cached_property
    def host_uplink(self) -> np.ndarray:
        """int32 ``[num_hosts]``: the link from each host to its switch."""
        return self._links_of_hosts(self.link_src)

    @cached_property
    def host_downlink(self) -> np.ndarray:
        """int32 ``[num_hosts]``: the link to each host from its switch."""
        return self._links_of_hosts(self.link_dst)

    def link_id(self, a: int, b: int) -> int:
        """The link from node ``a`` to node ``b``.

        Raises:
            TopologyError: If there is no such link.
        """
        return int(self.link_ids(np.array([a]), np.array([b]))[0])

    def link_ids(self, src: np.ndarray, dst: np.ndarray) -> np.ndarray:
        """The links between pairs of nodes.

        Args:
            src (np.ndarray): Node ids, integers ``[n]``.
            dst (np.ndarray): Node ids, integers ``[n]``.

        Shapes:
            - output: int32 ``[n]``

        Raises:
            TopologyError: If a link does not exist; names the first one.
        """
        keys, links = self._link_table
        wanted = src.astype(np.int64) * self.num_nodes + dst
        index = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        inside = (src >= 0) & (src < self.num_nodes) & (dst >= 0) & (dst < self.num_nodes)
        missing = np.flatnonzero((keys[index] != wanted) | ~inside)
        if len(missing):
            a, b = int(src[missing[0]]), int(dst[missing[0]])
            raise TopologyError(f"link {a}-{b}: expected two nodes with a cable (got none)")
        found: np.ndarray = links[index]
        return found

    @cached_property
    def _link_table(self) -> tuple[np.ndarray, np.ndarray]:
        keys = self.link_src.astype(np.int64) * self.num_nodes + self.link_dst
        order = np.argsort(keys, kind="stable")
        return keys[order], order.astype(np.int32)

    def _links_of_hosts(self, end: np.ndarray) -> np.ndarray:
        links = np.flatnonzero(end < self.num_hosts)
        by_host = np.empty(self.num_hosts, dtype=np.int32)
        by_host[end[links]] = links
        return _read_only(by_host)


def validate(graph: nx.Graph | NetworkArrays) -> NetworkArrays:
    """Checks a network and turns it into arrays; arrays are given back as they are.

    A graph is checked where it comes in, in a scenario, a random workload or a file; from there on
    its arrays are passed on.

    Rules, each with an error of its own: an undirected graph without parallel cables; node ids
    ``0 .. num_nodes - 1``; each node's ``kind`` is ``"host"`` or ``"switch"``; there is a host,
    and hosts come first; no cable from a node to itself; ``rate_bps`` an integer above 0;
    ``delay_ns`` an integer of 0 or above; each host has exactly one cable, to a switch; all hosts
    reach each other.

    Raises:
        TopologyError: If a rule is broken; names the node or the cable.
    """
    if isinstance(graph, NetworkArrays):
        return graph
    if graph.is_directed() or graph.is_multigraph():
        raise TopologyError(
            f"network: expected an undirected networkx.Graph (got {type(graph).__name__})"
        )
    _check_node_ids(graph)
    num_hosts = _count_hosts(graph)
    cables = sorted(
        (min(a, b), max(a, b), *_cable(graph, a, b, data)) for a, b, data in graph.edges(data=True)
    )
    columns = np.array(cables, dtype=np.int64).reshape(-1, 4).T
    _check_host_cables(graph, num_hosts, columns[:2])
    _check_reachable(graph, num_hosts)
    return NetworkArrays(
        num_hosts=num_hosts,
        num_nodes=len(graph),
        link_src=_read_only(columns[:2].T.reshape(-1).astype(np.int32)),
        link_dst=_read_only(columns[1::-1].T.reshape(-1).astype(np.int32)),
        link_rate_bps=_read_only(np.repeat(columns[2], 2)),
        link_delay_ns=_read_only(np.repeat(columns[3], 2)),
    )


def node_kind(node: Any, data: Mapping[str, Any]) -> str:
    """The ``kind`` of a node.

    Raises:
        TopologyError: If the node has none, or one that is not known.
    """
    kind = data.get("kind")
    if kind not in KINDS:
        raise TopologyError(f"node {node!r}: expected kind 'host' or 'switch' (got {kind!r})")
    return str(kind)


def _check_node_ids(graph: nx.Graph) -> None:
    for node in graph:
        if not is_integer(node):
            raise TopologyError(
                f"node {node!r}: expected an integer id; topology.from_networkx takes any label "
                f"(got {type(node).__name__})"
            )
    for expected, node in enumerate(sorted(graph)):
        if node != expected:
            raise TopologyError(
                f"node {expected}: expected ids 0 to {len(graph) - 1} without a gap (got {node})"
            )


def _count_hosts(graph: nx.Graph) -> int:
    nodes = graph.nodes
    kinds = [node_kind(node, nodes[node]) for node in range(len(graph))]
    num_hosts = kinds.count("host")
    if num_hosts == 0:
        raise TopologyError("network: expected at least one host (got none)")
    for node, kind in enumerate(kinds[:num_hosts]):
        if kind != "host":
            raise TopologyError(
                f"node {node}: expected ids 0 to {num_hosts - 1} to be the {num_hosts} hosts "
                "(got a switch)"
            )
    return num_hosts


def _cable(graph: nx.Graph, a: int, b: int, data: Mapping[str, Any]) -> tuple[int, int]:
    rate: Any = data.get("rate_bps")
    delay: Any = data.get("delay_ns")
    if a == b:
        problem = "expected two different nodes (got a loop)"
    elif not is_integer(rate) or rate <= 0:
        problem = f"expected rate_bps, an integer above 0 (got {rate!r})"
    elif rate > MAX_RATE_BPS:
        problem = f"expected rate_bps of at most {MAX_RATE_BPS} (got {rate})"
    elif not is_integer(delay) or delay < 0:
        problem = f"expected delay_ns, an integer of 0 or above (got {delay!r})"
    elif delay > MAX_DELAY_NS:
        problem = f"expected delay_ns of at most {MAX_DELAY_NS} (got {delay})"
    else:
        return int(rate), int(delay)
    raise TopologyError(f"cable {_called(graph, min(a, b))}-{_called(graph, max(a, b))}: {problem}")


def _check_host_cables(graph: nx.Graph, num_hosts: int, ends: np.ndarray) -> None:
    count = np.bincount(ends.reshape(-1), minlength=num_hosts)[:num_hosts]
    wrong = np.flatnonzero(count != 1)
    if len(wrong):
        host = int(wrong[0])
        raise TopologyError(
            f"host {_called(graph, host)}: expected exactly one cable (got {count[host]})"
        )
    between_hosts = np.flatnonzero(ends[1] < num_hosts)
    if len(between_hosts):
        a, b = (_called(graph, int(host)) for host in ends[:, between_hosts[0]])
        raise TopologyError(f"host {a}: expected a cable to a switch (got one to host {b})")


def _check_reachable(graph: nx.Graph, num_hosts: int) -> None:
    reached = nx.node_connected_component(graph, 0)
    apart = [host for host in range(num_hosts) if host not in reached]
    if apart:
        raise TopologyError(
            f"host {_called(graph, apart[0])}: expected a route to host {_called(graph, 0)} "
            f"(got none; {len(apart)} of {num_hosts} hosts are cut off from it)"
        )


def _called(graph: nx.Graph, node: int) -> str:
    label = graph.nodes[node].get("label", node)
    return f"{node}" if label == node else f"{node} ({label!r})"


def _read_only(array: np.ndarray) -> np.ndarray:
    array = np.ascontiguousarray(array)
    array.setflags(write=False)
    return array
