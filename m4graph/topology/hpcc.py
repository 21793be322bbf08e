"""The text format of ns-3's RDMA model (HPCC): switches by id, then one line for each link."""

from __future__ import annotations

from pathlib import Path

import networkx as nx

from m4graph.core.calls import plain_call
from m4graph.core.errors import TopologyError
from m4graph.core.text import Line, read_lines
from m4graph.topology.arrays import NetworkArrays
from m4graph.topology.build import plain
from m4graph.topology.ns3_text import (
    LARGEST_ID,
    add_link,
    link_lines,
    read_links,
    read_switches,
    warn_of_count,
)
from m4graph.topology.validation import validate

_FIRST_LINES = {
    3: ["num_nodes", "num_switches", "num_links"],
    4: ["num_nodes", "num_switches", "num_tors", "num_links"],
}


def read_hpcc(path: Path) -> nx.Graph:
    """Reads the graph of :func:`read_hpcc_with_notes`; warns if the count of links is wrong."""
    graph, notes = read_hpcc_with_notes(path)
    warn_of_count(notes)
    return graph


def read_hpcc_with_notes(path: Path) -> tuple[nx.Graph, list[str]]:
    """Reads ``num_nodes num_switches num_links``, the switch ids, and for each link
    ``node node rate delay error_rate``, as in ``0 16 10Gbps 1000ns 0``.

    PowerTCP's first line has a fourth number, that of the top-of-rack switches, before the links.
    More lines of links than that line says are read, too; what follows them is left out. As in
    ns-3, a rate without a unit is in bit/s. Two lines of the same nodes are parallel cables, of
    which ns-3 itself uses the last one only.

    Returns:
        tuple: The graph with the ids of the file, where a switch may have any id, and a line for
        each thing that is not as it should be.

    Raises:
        TopologyError: If a line is wrong, or a link has an error rate (loss is not modelled).
    """
    lines = read_lines(path, TopologyError)
    num_nodes, num_switches, num_links = _counts(path, lines)
    switches, start = read_switches(path, lines, num_switches, num_nodes)
    links, notes = read_links(path, lines[start:], num_links)
    if num_nodes - num_switches > 2 * len(links):
        raise TopologyError(
            f"{path}: expected a link for each of {num_nodes - num_switches} hosts "
            f"(got {len(links)} links)"
        )
    graph = nx.MultiGraph(name=path.stem)
    is_switch = set(switches)
    for node in range(num_nodes):
        graph.add_node(node, kind="switch" if node in is_switch else "host")
    for line in links:
        add_link(graph, line)
    return plain(graph), notes


@plain_call
def to_hpcc(network: nx.Graph | NetworkArrays, path: str | Path) -> None:
    """Writes a network in this format; links are sorted by node ids.

    Raises:
        TopologyError: If the network is not valid, or has NVSwitches.
    """
    arrays = validate(network)
    if len(arrays.nvswitches):
        raise TopologyError(
            f"node {arrays.nvswitches[0]}: expected no NVSwitch, HPCC's format has none; "
            "SimAI's has (got one)"
        )
    switches = range(arrays.num_hosts, arrays.num_nodes)
    lines = [
        f"{arrays.num_nodes} {len(switches)} {arrays.num_links // 2}",
        " ".join(map(str, switches)),
    ]
    lines += link_lines(arrays)
    Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")


def _counts(path: Path, lines: list[Line]) -> tuple[int, int, int]:
    first = lines[0] if lines else Line(f"{path}, line 1", [], TopologyError)
    names = _FIRST_LINES.get(len(first.cells))
    if names is None:
        raise TopologyError(
            f"{first.where}: expected {' '.join(_FIRST_LINES[3])} (got {first.cells})"
        )
    count = {name: first.integer(name, i, 0, LARGEST_ID) for i, name in enumerate(names)}
    return count["num_nodes"], count["num_switches"], count["num_links"]
