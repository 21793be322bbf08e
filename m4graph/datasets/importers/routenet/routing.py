"""Routings of an archive: the port that each node takes towards each destination."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from m4graph.core.errors import InputError
from m4graph.datasets.importers.routenet.numbers import integer, pair_name
from m4graph.datasets.importers.routenet.topology import Topology

_NO_PORT = -1


class RouteTable(NamedTuple):
    """The routes of all pairs of nodes; pair ``src * num_nodes + dst`` has none if there is no way.

    Shapes:
        - ``ptr`` int64 ``[num_nodes ** 2 + 1]``; ``links`` int64 ``[ptr[-1]]``
    """

    ptr: NDArray[np.int64]
    links: NDArray[np.int64]


def read_routes(text: str, topology: Topology, where: str) -> RouteTable:
    """Follows a routing from each node to each other, all of them a hop at a time.

    Args:
        text (str): A line for each node, with the port towards each destination, or -1.
        topology (Topology): Where the ports lead.
        where (str): What names the text, for messages.

    Raises:
        InputError: If the text is no such table, a port has no link, or a route does not arrive.
    """
    num_nodes = topology.num_nodes
    ports = _read_ports(text, num_nodes, where)
    known = np.append(topology.port_link, np.full((num_nodes, 1), -1), 1)
    pair = np.flatnonzero(ports.reshape(-1) != _NO_PORT)
    node, destination = np.divmod(pair, num_nodes)
    pairs, links = [pair[:0]], [pair[:0]]
    for _ in range(num_nodes):
        port = ports[node, destination]
        link = known[node, np.minimum(port, known.shape[1] - 1)]
        _refuse(pair[link < 0], "leads over ports that have no link", num_nodes, where)
        pairs.append(pair)
        links.append(link)
        node = topology.link_dst[link]
        stops = ports[node, destination] == _NO_PORT
        _refuse(pair[stops & (node != destination)], "ends on the way", num_nodes, where)
        pair, node, destination = pair[~stops], node[~stops], destination[~stops]
    _refuse(pair, "goes in a circle", num_nodes, where)
    of_all = np.concatenate(pairs)
    counts = np.bincount(of_all, minlength=num_nodes**2)
    order = np.argsort(of_all, kind="stable")
    return RouteTable(np.concatenate(([0], np.cumsum(counts))), np.concatenate(links)[order])


def _refuse(bad: NDArray[np.int64], what: str, num_nodes: int, where: str) -> None:
    if len(bad):
        name = pair_name(int(bad[0]), num_nodes)
        raise InputError(f"{where}, {name}: expected a route that arrives (got one that {what})")


def _read_ports(text: str, num_nodes: int, where: str) -> NDArray[np.int64]:
    lines = [line.strip().rstrip(",") for line in text.split("\n") if line.strip()]
    if len(lines) != num_nodes:
        raise InputError(f"{where}: expected {num_nodes} lines of ports (got {len(lines)})")
    rows = []
    for line_number, line in enumerate(lines, 1):
        cells, location = line.split(","), f"{where}, line {line_number}"
        if len(cells) != num_nodes:
            raise InputError(f"{location}: expected {num_nodes} ports (got {len(cells)})")
        rows.append([integer(cell.strip(), location, "a port", _NO_PORT) for cell in cells])
    return np.array(rows, np.int64).reshape(num_nodes, num_nodes)
