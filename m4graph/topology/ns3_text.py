"""What the text formats of ns-3's RDMA model share: ids of switches, and lines of links."""

from __future__ import annotations

import warnings
from decimal import Decimal
from pathlib import Path

import networkx as nx

from m4graph.core.errors import InputError, TopologyError
from m4graph.core.text import Line
from m4graph.core.units import GBPS, parse_delay_ns, parse_ns3_rate_bps
from m4graph.topology.arrays import NetworkArrays

LARGEST_ID = 2**31 - 1
"""No node may have a larger id."""

COUNT_IS_WRONG = "expected the number of links,"
"""What the note of a wrong count says."""


def read_switches(
    path: Path, lines: list[Line], num_switches: int, num_nodes: int
) -> tuple[list[int], int]:
    """Reads the ids of the switches, from the second line on; and the first row after them.

    Raises:
        TopologyError: If one is no id, or there are not as many.
    """
    switches: dict[int, None] = {}
    row = 1
    while len(switches) < num_switches and row < len(lines):
        line = lines[row]
        for column in range(len(line.cells)):
            switch = line.integer("switch", column, 0, LARGEST_ID)
            if switch >= num_nodes or switch in switches:
                raise TopologyError(
                    f"{line.where}: expected each switch id once, below {num_nodes} (got {switch})"
                )
            switches[switch] = None
        row += 1
    if len(switches) != num_switches:
        raise TopologyError(f"{path}: expected {num_switches} switch ids (got {len(switches)})")
    return list(switches), row


def read_links(path: Path, lines: list[Line], stated: int) -> tuple[list[Line], list[str]]:
    """The lines of links, and a line for each thing that is not as it should be.

    Raises:
        TopologyError: If there are fewer than the first line of the file says.
    """
    count = min(stated, len(lines))
    while count < len(lines) and _is_link(lines[count]):
        count += 1
    if count < stated:
        raise TopologyError(f"{path}: expected {stated} lines of links (got {count})")
    notes = []
    if count > stated:
        notes.append(f"{path}, line 1: {COUNT_IS_WRONG} {count}, all of which are read ({stated})")
    if count < len(lines):
        left = len(lines) - count
        notes.append(f"{path}: {left} lines after the {count} links are left out")
    return lines[:count], notes


def warn_of_count(notes: list[str]) -> None:
    """Warns if there are more links than the first line of a file says."""
    for note in notes:
        if COUNT_IS_WRONG in note:
            warnings.warn(note, stacklevel=5)


def _is_link(line: Line) -> bool:
    return len(line.cells) == 5 and all(cell.isdecimal() for cell in line.cells[:2])


def add_link(graph: nx.MultiGraph, line: Line) -> None:
    """Adds the cable of a line ``node node rate delay error_rate``.

    Raises:
        TopologyError: If it is none between nodes of the graph, or loses packets.
    """
    cells, where = line.cells, line.where
    if len(cells) != 5:
        raise TopologyError(f"{where}: expected node node rate delay error_rate (got {cells})")
    a, b = (line.integer("node", column, 0, LARGEST_ID) for column in (0, 1))
    if a not in graph or b not in graph:
        raise TopologyError(
            f"{where}: expected a link between nodes below {len(graph)} (got {a} {b})"
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


def link_lines(arrays: NetworkArrays) -> list[str]:
    """A line for each cable, by node ids."""
    lines = []
    for link in range(0, arrays.num_links, 2):
        gbps = (Decimal(int(arrays.link_rate_bps[link])) / GBPS).normalize()
        lines.append(
            f"{arrays.link_src[link]} {arrays.link_dst[link]} {gbps:f}Gbps "
            f"{arrays.link_delay_ns[link]}ns 0"
        )
    return lines
