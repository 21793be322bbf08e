"""Graphs of routers alone, as collections of wide-area networks hold them: hosts and what cables
lack are put in by rule.

The attributes are those of the Internet Topology Zoo (``Latitude``, ``Longitude``, ``LinkSpeedRaw``
in bit/s) and of TopoHub (``dist`` in km, ``pos`` of longitude and latitude).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import networkx as nx

from m4graph.core.checks import check_count
from m4graph.core.errors import TopologyError
from m4graph.core.schema import KeyProblem
from m4graph.topology.build import add_cable, check_rate

EARTH_RADIUS_KM = 6371.0
FIBRE_NS_PER_KM = 5000
"""Two thirds of the speed of light."""

HOST_DELAY_NS = 1000

_TOO_LONG_KM = 10**9
"""Beyond any delay that is allowed."""


def one_host_per_node(
    graph: nx.Graph, path: Path, gbps: float = 10, delay_ns: int | None = None
) -> nx.Graph:
    """Makes every node a switch with a host of its own.

    Host ``i`` is at the ``i``-th node of the graph, by a cable of :obj:`gbps` and
    :obj:`delay_ns` (or else :data:`HOST_DELAY_NS`). A cable that says no rate has that of
    ``LinkSpeedRaw``, or else :obj:`gbps`; one that says no delay has :obj:`delay_ns`, or else that
    of light in a fibre along ``dist``, or along the great circle between its ends.

    Args:
        graph (nx.Graph): Nodes of any labels, none of which is a host.
        path (Path): The file that the graph is from, for messages.
        gbps (float): Rate in Gb/s. (default: ``10``)
        delay_ns (int, optional): Delay of each cable. (default: ``None``)

    Raises:
        TopologyError: If a node is a host, or a cable has no delay by any of these rules.
        KeyProblem: If a parameter is out of its range.
    """
    rate_bps = check_rate("gbps", gbps)
    if delay_ns is not None:
        check_count("delay_ns", delay_ns, minimum=0)
    network = type(graph)()
    network.graph.update(graph.graph)
    for node, data in graph.nodes(data=True):
        if data.get("kind") == "host":
            raise KeyProblem("hosts", f"expected no such key, as {path} has hosts (got {node!r})")
        label = data.get("label", data.get("name", node))
        network.add_node(("host", node), kind="host", label=label)
    for node, data in graph.nodes(data=True):
        network.add_node(node)
        network.nodes[node].update({"label": data.get("name", node), **data, "kind": "switch"})
        own_ns = HOST_DELAY_NS if delay_ns is None else delay_ns
        network.add_edge(("host", node), node, rate_bps=rate_bps, delay_ns=own_ns)
    for a, b, data in graph.edges(data=True):
        cable = dict(data)
        if not cable.keys() & {"rate_bps", "gbps"}:
            cable["rate_bps"] = cable.get("LinkSpeedRaw", rate_bps)
        if "delay_ns" not in cable:
            ends = graph.nodes[a], graph.nodes[b]
            cable["delay_ns"] = _delay_ns(ends, cable) if delay_ns is None else delay_ns
            if cable["delay_ns"] is None:
                raise TopologyError(
                    f"{path}: cable {a}-{b}: expected the key delay_ns in the configuration, or "
                    "positions of both ends (got neither)"
                )
        add_cable(network, a, b, cable)
    return network


def _delay_ns(ends: tuple[Mapping[str, Any], ...], cable: Mapping[str, Any]) -> int | None:
    km = _number(cable.get("dist"))
    if km is None:
        km = _great_circle_km(*map(_position, ends))
    if km is None or km < 0:
        return None
    return round(min(km, _TOO_LONG_KM) * FIBRE_NS_PER_KM)


def _position(node: Mapping[str, Any]) -> tuple[float, float] | None:
    """Latitude and longitude in degrees."""
    longitude, latitude = node.get("Longitude"), node.get("Latitude")
    if isinstance(node.get("pos"), list | tuple) and len(node["pos"]) == 2:
        longitude, latitude = node["pos"]
    position = _number(latitude), _number(longitude)
    return None if position[0] is None or position[1] is None else (position[0], position[1])


def _number(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and math.isfinite(value) else None


def _great_circle_km(
    one: tuple[float, float] | None, other: tuple[float, float] | None
) -> float | None:
    """Haversine formula."""
    if one is None or other is None:
        return None
    (latitude, longitude), (other_latitude, other_longitude) = (
        map(math.radians, position) for position in (one, other)
    )
    half = (
        math.sin((other_latitude - latitude) / 2) ** 2
        + math.cos(latitude)
        * math.cos(other_latitude)
        * math.sin((other_longitude - longitude) / 2) ** 2
    )
    return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(min(half, 1.0)))
