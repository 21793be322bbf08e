"""Networks in general graph formats: GraphML, GML and networkx's node-link JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import networkx as nx

from m4graph.core.errors import TopologyError
from m4graph.core.text import first_line
from m4graph.topology.build import add_cable, plain

UNREADABLE = (
    nx.NetworkXException,
    ArithmeticError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
)
"""What networkx raises of odd files: much of it is what Python says of odd values."""

_UNDIRECTED = (
    "expected an undirected graph, whose edges are full-duplex cables (got a directed one)"
)


def read_graphml(path: Path) -> nx.Graph:
    """Reads GraphML; node ids that all are decimal numbers become integers.

    Raises:
        TopologyError: If the file is no GraphML of one undirected graph.
    """
    try:
        graphs = len(ElementTree.parse(path).getroot().findall("{*}graph"))
        graph = nx.read_graphml(path)
    except (ElementTree.ParseError, *UNREADABLE) as error:
        raise TopologyError(f"{path}: expected GraphML (got {first_line(error)})") from None
    if graphs != 1:
        raise TopologyError(f"{path}: expected one graph in the file (got {graphs})")
    graph.graph.pop("node_default", None)
    graph.graph.pop("edge_default", None)
    if all(label.isdecimal() for label in graph):
        graph = nx.relabel_nodes(graph, int)
    return _undirected(path, graph)


def read_gml(path: Path) -> nx.Graph:
    """Reads GML; nodes are told apart by their ``id``, as labels may stand there twice.

    Raises:
        TopologyError: If the file is no GML of an undirected graph.
    """
    try:
        # GML is ASCII; networkx reads what is not as character references.
        text = path.read_text(encoding="utf-8-sig").encode("ascii", "xmlcharrefreplace").decode()
        graph = nx.parse_gml(text, label="id")
    except UNREADABLE as error:
        raise TopologyError(f"{path}: expected GML (got {first_line(error)})") from None
    except RecursionError:
        raise TopologyError(f"{path}: expected GML (got blocks within blocks)") from None
    return _undirected(path, graph)


def read_json(path: Path) -> nx.Graph:
    """Reads node-link JSON: ``nodes`` with an ``id``, ``edges`` (or ``links``) with ``source`` and
    ``target``, as :func:`networkx.node_link_data` makes it.

    Raises:
        TopologyError: If the file is no such JSON, or its graph is directed;
            names the entry.
    """
    data = _load(path)
    if data.get("directed"):
        raise TopologyError(f"{path}: {_UNDIRECTED}")
    graph = nx.MultiGraph()
    attributes = data.get("graph", {})
    graph.graph.update(attributes if isinstance(attributes, dict) else {})
    for index, node in enumerate(_entries(path, data, "nodes")):
        label = _label(f"{path}, nodes[{index}]", node, "id")
        if label in graph:
            raise TopologyError(f"{path}, nodes[{index}]: expected a new id (got {label!r} again)")
        graph.add_node(label)
        graph.nodes[label].update(node)
    edges = "edges" if "edges" in data else "links"
    for index, edge in enumerate(_entries(path, data, edges)):
        where = f"{path}, {edges}[{index}]"
        a, b = _label(where, edge, "source"), _label(where, edge, "target")
        if a not in graph or b not in graph:
            raise TopologyError(f"{where}: expected an edge between nodes (got {a!r}-{b!r})")
        add_cable(graph, a, b, edge)
    return _undirected(path, graph)


def _undirected(path: Path, graph: nx.Graph) -> nx.Graph:
    """An undirected graph; one that can have no parallel edges, if it has none.

    Raises:
        TopologyError: If it is directed.
    """
    if graph.is_directed():
        raise TopologyError(f"{path}: {_UNDIRECTED}")
    if not graph.is_multigraph():
        return graph
    for _, _, data in graph.edges(data=True):
        data.pop("key", None)
    numbered = nx.MultiGraph()
    numbered.graph.update(graph.graph)
    numbered.add_nodes_from(graph.nodes(data=True))
    for a, b, data in graph.edges(data=True):
        add_cable(numbered, a, b, data)
    return plain(numbered)


def _load(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise TopologyError(f"{path}: expected JSON (got {error})") from None
    if not isinstance(data, dict):
        raise TopologyError(f"{path}: expected a JSON object (got {type(data).__name__})")
    return data


def _entries(path: Path, data: dict[str, Any], key: str) -> list[dict[str, Any]]:
    entries = data.get(key)
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise TopologyError(f"{path}, {key}: expected a list of objects (got {entries!r:.40})")
    return [dict(entry) for entry in entries]


def _label(where: str, entry: dict[str, Any], key: str) -> int | str:
    label = entry.pop(key, None)
    if isinstance(label, bool) or not isinstance(label, (int, str)):
        raise TopologyError(f"{where}, {key}: expected a number or a string (got {label!r})")
    return label
