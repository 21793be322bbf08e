"""The text format of ns-3's RDMA model (HPCC): switches by id, then one line for each link."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import networkx as nx

from m4graph.core.errors import InputError, TopologyError
from m4graph.core.text import Line, read_lines
from m4graph.core.units import GBPS, parse_delay_ns, parse_ns3_rate_bps
from m4graph.topology.arrays import NetworkArrays, validate

_LARGEST_ID = 2**31 - 1
_FIRST_LINES = {
    3: ["num_nodes", "num_switches", "num_links"],
    4: ["num_nodes", "num_switches", "num_tors", "num_links"],
}
_NUM_WORDS_OF_SIMAI = 6


def read_hpcc(path: Path) -> nx.Graph:
    """Reads the graph of :func:`read_hpcc_with_notes`."""
    return read_hpcc_with_notes(path)[0]


def read_hpcc_with_notes(path: Path) -> tuple[nx.Graph, list[str]]:
    """Reads ``num_nodes num_switches num_links``, the switch ids, and for each link
    ``node node rate delay error_rate``, as in ``0 16 10Gbps 1000ns 0``.

    PowerTCP's first line has a fourth number, that of the top-of-rack switches, before the links.
    As ns-3 does, lines after the links are left out, and a rate without a unit is in bit/s.

    Returns:
        tuple: The graph with the ids of the file, where a switch may have any id, and a line for
        each thing that was left out.

    Raises:
        TopologyError: If a line is wrong, or a link has an error rate (loss is not modelled).
    """
    lines = read_lines(path, TopologyError)
    num_nodes, num_switches, num_links = _counts(path, lines)
    switches, start = _switches(path, lines, num_switches, num_nodes)
    links = lines[start : start + num_links]
    if len(links) != num_links:
        raise TopologyError(f"{path}: expected {num_links} lines of links (got {len(links)})")
    if num_nodes - num_switches > 2 * num_links:
        raise TopologyError(
            f"{path}: expected a link for each of {num_nodes - num_switches} hosts "
            f"(got {num_links} links)"
        )
    graph = nx.Graph(name=path.stem)
    for node in range(num_nodes):
        graph.add_node(node, kind="switch" if node in switches else "host")
    for line in links:
        _add_link(graph, line)
    left = len(lines) - start - num_links
    notes = [f"{path}: {left} lines after the {num_links} links are left out"] if left else []
    return graph, notes


def to_hpcc(network: nx.Graph | NetworkArrays, path: str | Path) -> None:
    """Writes a network in this format; links are sorted by node ids.

    Raises:
        TopologyError: If the network is not valid.
    """
    arrays = validate(network)
    switches = range(arrays.num_hosts, arrays.num_nodes)
    lines = [
        f"{arrays.num_nodes} {len(switches)} {arrays.num_links // 2}",
        " ".join(map(str, switches)),
    ]
    for link in range(0, arrays.num_links, 2):
        gbps = (Decimal(int(arrays.link_rate_bps[link])) / GBPS).normalize()
        lines.append(
            f"{arrays.link_src[link]} {arrays.link_dst[link]} {gbps:f}Gbps "
            f"{arrays.link_delay_ns[link]}ns 0"
        )
    Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")


def _counts(path: Path, lines: list[Line]) -> tuple[int, int, int]:
    first = lines[0] if lines else Line(f"{path}, line 1", [], TopologyError)
    names = _FIRST_LINES.get(len(first.cells))
    if names is None:
        simai = ", as in a topology of SimAI, which is not read yet"
        raise TopologyError(
            f"{first.where}: expected {' '.join(_FIRST_LINES[3])} (got {first.cells}"
            f"{simai if len(first.cells) == _NUM_WORDS_OF_SIMAI else ''})"
        )
    count = {name: first.integer(name, i, 0, _LARGEST_ID) for i, name in enumerate(names)}
    return count["num_nodes"], count["num_switches"], count["num_links"]


def _switches(
    path: Path, lines: list[Line], num_switches: int, num_nodes: int
) -> tuple[set[int], int]:
    switches: set[int] = set()
    row = 1
    while len(switches) < num_switches and row < len(lines):
        line = lines[row]
        for column in range(len(line.cells)):
            switch = line.integer("switch", column, 0, _LARGEST_ID)
            if switch >= num_nodes or switch in switches:
                raise TopologyError(
                    f"{line.where}: expected each switch id once, below {num_nodes} (got {switch})"
                )
            switches.add(switch)
        row += 1
    if len(switches) != num_switches:
        raise TopologyError(f"{path}: expected {num_switches} switch ids (got {len(switches)})")
    return switches, row


def _add_link(graph: nx.Graph, line: Line) -> None:
    cells, where = line.cells, line.where
    if len(cells) != 5:
        raise TopologyError(f"{where}: expected node node rate delay error_rate (got {cells})")
    a, b = (line.integer("node", column, 0, _LARGEST_ID) for column in (0, 1))
    if a not in graph or b not in graph:
        raise TopologyError(
            f"{where}: expected a link between nodes below {len(graph)} (got {a} {b})"
        )
    if graph.has_edge(a, b):
        raise TopologyError(
            f"{where}: expected one link between two nodes, parallel cables are not read yet "
            f"(got {a} {b} again)"
        )
    try:
        rate_bps, delay_ns = parse_ns3_rate_bps(cells[2]), parse_delay_ns(cells[3])
        error_rate = float(cells[4])
    except InputError as error:
        raise TopologyError(f"{where}: {error}") from None
    except ValueError:
        error_rate = -1.0
    if error_rate != 0:
        raise TopologyError(
            f"{where}: expected the error rate 0, loss is left out (got {cells[4]})"
        )
    graph.add_edge(a, b, rate_bps=rate_bps, delay_ns=delay_ns)
