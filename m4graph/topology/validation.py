"""The rules that a networkx graph must keep to become a network's arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import networkx as nx
import numpy as np

from m4graph.core.calls import plain_call
from m4graph.core.errors import TopologyError, one_of
from m4graph.core.integers import is_integer
from m4graph.topology.arrays import (
    MAX_DELAY_NS,
    MAX_RATE_BPS,
    NetworkArrays,
    nobody,
    read_only,
)

KINDS = ("host", "switch", "nvswitch")
"""What a node may be."""


@plain_call
def validate(graph: nx.Graph | NetworkArrays) -> NetworkArrays:
    """Checks a network and turns it into arrays; arrays are given back as they are.

    A graph is checked where it comes in, in a scenario, a random workload or a file; from there on
    its arrays are passed on.

    Rules, each with an error of its own: an undirected graph; node ids ``0 .. num_nodes - 1``; each
    node's ``kind`` is one of :data:`KINDS`; there is a host, and hosts come first; ``server`` and
    ``rail``, where a node has one, an integer of 0 or above; no cable from a node to itself;
    ``rate_bps`` an integer above 0; ``delay_ns`` an integer of 0 or above; each host has a cable;
    the network hangs together as far as there are hosts.

    Raises:
        TopologyError: If a rule is broken; names the node or the cable.
    """
    if isinstance(graph, NetworkArrays):
        return graph
    check_graph(graph)
    _check_node_ids(graph)
    num_hosts = _count_hosts(graph)
    kinds = graph.nodes(data="kind")
    cables = sorted(
        (min(a, b), max(a, b), *_cable(graph, a, b, data)) for a, b, data in graph.edges(data=True)
    )
    columns = np.array(cables, dtype=np.int64).reshape(-1, 4).T
    _check_host_cables(graph, num_hosts, columns[:2])
    _check_reachable(graph, num_hosts)
    return NetworkArrays(
        num_hosts=num_hosts,
        num_nodes=len(graph),
        link_src=read_only(columns[:2].T.reshape(-1).astype(np.int32)),
        link_dst=read_only(columns[1::-1].T.reshape(-1).astype(np.int32)),
        link_rate_bps=read_only(np.repeat(columns[2], 2)),
        link_delay_ns=read_only(np.repeat(columns[3], 2)),
        nvswitches=read_only(
            np.array(sorted(node for node, kind in kinds if kind == "nvswitch"), np.int32)
        ),
        server=_numbers(graph, "server"),
        rail=_numbers(graph, "rail"),
    )


def check_graph(graph: object) -> None:
    """Checks that something is an undirected graph.

    Raises:
        TopologyError: If not.
    """
    if not isinstance(graph, nx.Graph) or graph.is_directed():
        raise TopologyError(
            f"network: expected an undirected networkx.Graph (got {type(graph).__name__})"
        )


def node_kind(node: Any, data: Mapping[str, Any]) -> str:
    """The ``kind`` of a node.

    Raises:
        TopologyError: If the node has none, or one that is not known.
    """
    kind = data.get("kind")
    if kind not in KINDS:
        known = one_of(map(repr, KINDS))
        raise TopologyError(f"node {node!r}: expected kind {known} (got {kind!r})")
    return str(kind)


def _numbers(graph: nx.Graph, name: str) -> np.ndarray:
    given = [graph.nodes[node].get(name) for node in range(len(graph))]
    if all(number is None for number in given):
        return nobody()
    for node, number in enumerate(given):
        if number is not None and not (is_integer(number) and 0 <= number < 2**31):
            raise TopologyError(
                f"node {node}: expected {name}, an integer of 0 or above (got {number!r})"
            )
    return read_only(np.array([-1 if n is None else n for n in given], np.int32))


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
    elif not is_integer(rate):
        problem = (
            f"expected rate_bps, an integer above 0 (got {rate!r}); topology.from_networkx takes "
            "gbps, 10e9 and '10Gbps', too"
        )
    elif rate <= 0:
        problem = f"expected rate_bps, an integer above 0 (got {rate})"
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
    without = np.setdiff1d(np.arange(num_hosts), ends)
    if len(without):
        host = _called(graph, int(without[0]))
        raise TopologyError(f"host {host}: expected a cable (got none)")


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
