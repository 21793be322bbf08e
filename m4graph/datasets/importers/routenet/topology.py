"""Topologies of an archive (GML), as arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from m4graph.core.errors import InputError, one_of
from m4graph.core.text import first_line
from m4graph.datasets.importers.routenet.numbers import integer, number
from m4graph.topology.graph_file import UNREADABLE

POLICIES = ("FIFO", "SP", "WFQ", "DRR")
"""Scheduling policies; their indices are their numbers."""


@dataclass(frozen=True, eq=False)
class Topology:
    """Nodes, directed links in the order ``(src, dst)``, and the queues of each link.

    Shapes:
        - ``link_src``, ``link_dst``, ``policy`` int64, ``capacity_bps`` float64 ``[num_links]``
        - ``queue_link``, ``queue_level`` int64, ``queue_weight``, ``buffer`` float64,
          ``buffer_in_packets`` bool ``[num_queues]``
        - ``port_link`` int64 ``[num_nodes, num_ports]``: the link of each node's port, or -1
    """

    num_nodes: int
    link_src: NDArray[np.int64]
    link_dst: NDArray[np.int64]
    policy: NDArray[np.int64]
    capacity_bps: NDArray[np.float64]
    queue_link: NDArray[np.int64]
    queue_level: NDArray[np.int64]
    queue_weight: NDArray[np.float64]
    buffer: NDArray[np.float64]
    buffer_in_packets: NDArray[np.bool_]
    port_link: NDArray[np.int64]
    level_of_tos: list[dict[int, int] | None]
    """The queue's level for each type of service, node by node; ``None``: one queue for all."""

    @property
    def num_links(self) -> int:
        """Directed links."""
        return len(self.link_src)


@dataclass(frozen=True, eq=False)
class _Queues:
    """What a node's ports have."""

    weights: list[float]
    buffers: list[float]
    in_packets: bool
    level_of_tos: dict[int, int] | None


def read_topology(text: str, where: str) -> Topology:
    """Reads a topology in GML.

    Raises:
        InputError: If it is none, or a node or link lacks what is needed; names it.
    """
    try:
        graph = nx.MultiDiGraph(nx.parse_gml(text, destringizer=int))
    except (*UNREADABLE, RecursionError) as error:
        raise InputError(f"{where}: expected a topology in GML (got {first_line(error)})") from None
    num_nodes = graph.number_of_nodes()
    if set(graph.nodes) != set(range(num_nodes)):
        raise InputError(f"{where}: expected nodes 0 to {num_nodes - 1} (got {list(graph)[:9]})")
    edges = {(src, dst): data for src, dst, data in graph.edges(data=True)}
    if len(edges) < graph.number_of_edges():
        raise InputError(f"{where}: expected one link from a node to another (got several)")
    links = sorted(edges)
    src, dst = np.array(links, np.int64).reshape(-1, 2).T
    queues = [_queues(graph.nodes[node], f"{where}, node {node}") for node in range(num_nodes)]
    counts = np.array([len(each.buffers) for each in queues], np.int64)[src]
    return Topology(
        num_nodes=num_nodes,
        link_src=src,
        link_dst=dst,
        policy=np.array([_policy(graph.nodes[n], f"{where}, node {n}") for n in src], np.int64),
        capacity_bps=np.array(
            [_capacity(_get(edges, link, "bandwidth", where), link, where) for link in links]
        ),
        queue_link=np.repeat(np.arange(len(links)), counts),
        queue_level=np.concatenate([np.arange(count) for count in (*counts, 0)]),
        queue_weight=np.array([weight for n in src for weight in queues[n].weights], np.float64),
        buffer=np.array([size for n in src for size in queues[n].buffers], np.float64),
        buffer_in_packets=np.repeat(np.array([q.in_packets for q in queues], bool)[src], counts),
        port_link=_port_link(edges, links, num_nodes, where),
        level_of_tos=[each.level_of_tos for each in queues],
    )


def with_link_rates(topology: Topology, text: str, where: str) -> Topology:
    """The same topology with other capacities: a line ``src;dst;bits a second`` for each.

    Raises:
        InputError: If a line is none, or there is no such link.
    """
    ends = zip(topology.link_src.tolist(), topology.link_dst.tolist(), strict=True)
    index_of = {link: index for index, link in enumerate(ends)}
    capacity_bps = topology.capacity_bps.copy()
    for line_number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            location = f"{where}, line {line_number}"
            cells = line.strip().rstrip(";").split(";")
            if len(cells) != 3:
                raise InputError(f"{location}: expected src;dst;bandwidth (got {line.strip()!r})")
            link = (integer(cells[0], location, "src"), integer(cells[1], location, "dst"))
            if link not in index_of:
                raise InputError(f"{location}: expected a link of the topology (got {cells[:2]})")
            capacity_bps[index_of[link]] = _capacity(cells[2], link, location)
    return replace(topology, capacity_bps=capacity_bps)


def _port_link(
    edges: Mapping[Any, Any], links: list[tuple[int, int]], num_nodes: int, where: str
) -> NDArray[np.int64]:
    ports = [integer(_get(edges, link, "port", where), where, "port") for link in links]
    table = np.full((num_nodes, max(ports, default=0) + 1), -1, np.int64)
    for index, ((src, dst), port) in enumerate(zip(links, ports, strict=True)):
        if table[src, port] >= 0:
            raise InputError(f"{where}, link {src}-{dst}: expected a port of its own (got {port})")
        table[src, port] = index
    return table


def _get(edges: Mapping[Any, Any], link: tuple[int, int], name: str, where: str) -> str:
    if name not in edges[link]:
        raise InputError(f"{where}, link {link[0]}-{link[1]}: expected a key {name} (got none)")
    return str(edges[link][name])


def _capacity(cell: str, link: tuple[int, int], where: str) -> float:
    capacity_bps = number(cell, f"{where}, link {link[0]}-{link[1]}", "bandwidth")
    if capacity_bps <= 0:
        raise InputError(
            f"{where}, link {link[0]}-{link[1]}: expected a bandwidth above 0 (got {cell})"
        )
    return capacity_bps


def _policy(node: Mapping[str, Any], where: str) -> int:
    name = node.get("schedulingPolicy", POLICIES[0])
    if name not in POLICIES:
        raise InputError(f"{where}, schedulingPolicy: expected {one_of(POLICIES)} (got {name!r})")
    return POLICIES.index(name)


def _queues(node: Mapping[str, Any], where: str) -> _Queues:
    key = next((key for key in ("bufferSizes", "queueSizes", "queueSize") if key in node), None)
    if key is None:
        raise InputError(f"{where}: expected a key bufferSizes or queueSizes (got none)")
    sizes = [number(cell, f"{where}, {key}", "a size") for cell in str(node[key]).split(",")]
    is_fifo = _policy(node, where) == POLICIES.index("FIFO")
    groups = [] if is_fifo else str(node.get("tosToQoSqueue", "")).split(";")
    count = integer(node.get("levelsQoS", max(len(groups), len(sizes))), where, "levelsQoS", 1)
    count = 1 if is_fifo else count
    if len(sizes) not in (1, count) and not is_fifo:
        raise InputError(f"{where}, {key}: expected one size, or {count} (got {node[key]!r})")
    level_of_tos = None if is_fifo else {tos: tos for tos in range(count)}
    if any(groups):
        level_of_tos = {
            integer(tos.strip(), f"{where}, tosToQoSqueue", "a type of service"): level
            for level, group in enumerate(groups[:count])
            for tos in group.split(",")
        }
    return _Queues(
        weights=_weights(node, count, where),
        buffers=(sizes * count)[:count],
        in_packets=key != "bufferSizes",
        level_of_tos=level_of_tos,
    )


def _weights(node: Mapping[str, Any], count: int, where: str) -> list[float]:
    """Shares of the queues, which add up to 1; zeros where the policy has none."""
    text = str(node.get("schedulingWeights", "-"))
    if _policy(node, where) < POLICIES.index("WFQ") or text == "-":
        return [0.0] * count
    location = f"{where}, schedulingWeights"
    weights = [number(cell, location, "a weight") for cell in text.split(",")]
    if len(weights) != count or min(weights) < 0 or sum(weights) <= 0:
        raise InputError(f"{location}: expected {count} weights above 0 (got {text!r})")
    return [weight / sum(weights) for weight in weights]
