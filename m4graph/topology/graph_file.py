"""Networks in general graph formats: GraphML and networkx's node-link JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

import networkx as nx

from m4graph.core.errors import TopologyError


def read_graphml(path: Path) -> nx.Graph:
    """Reads GraphML; node ids that all are decimal numbers become integers.

    Raises:
        TopologyError: If the file is no GraphML.
    """
    try:
        graph = nx.read_graphml(path)
    except (ParseError, nx.NetworkXError, KeyError, ValueError) as error:
        raise TopologyError(f"{path}: expected GraphML (got {error})") from None
    graph.graph.pop("node_default", None)
    graph.graph.pop("edge_default", None)
    if all(label.isdecimal() for label in graph):
        graph = nx.relabel_nodes(graph, int)
    return graph


def read_json(path: Path) -> nx.Graph:
    """Reads node-link JSON: ``nodes`` with an ``id``, ``edges`` (or ``links``) with ``source`` and
    ``target``, as :func:`networkx.node_link_data` makes it.

    Raises:
        TopologyError: If the file is no such JSON; names the entry.
    """
    data = _load(path)
    if data.get("directed") or data.get("multigraph"):
        raise TopologyError(f"{path}: expected an undirected graph without parallel edges")
    graph = nx.Graph()
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
        if a not in graph or b not in graph or graph.has_edge(a, b):
            raise TopologyError(f"{where}: expected a new edge between nodes (got {a!r}-{b!r})")
        graph.add_edge(a, b)
        graph.edges[a, b].update(edge)
    return graph


def _load(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
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
