"""The text format of ns-3's RDMA model (HPCC): switches by id, then one line for each link."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import networkx as nx

from m4graph.core.errors import InputError, TopologyError
from m4graph.core.units import GBPS, parse_delay_ns, parse_ns3_rate_bps
from m4graph.topology.arrays import NetworkArrays, validate

Line = tuple[str, list[str]]


def read_hpcc(path: Path) -> nx.Graph:
    """Reads ``num_nodes num_switches num_links``, the switch ids, and for each link
    ``node node rate delay error_rate``, as in ``0 16 10Gbps 1000ns 0``.

    Gives the graph with the ids of the file, where a switch may have any id.

    Raises:
        TopologyError: If a line is wrong, or a link has an error rate (loss is not modelled).
    """
    lines = _lines(path)
    where, first = lines[0] if lines else (f"{path}, line 1", [])
    if len(first) != 3:
        raise TopologyError(f"{where}: expected num_nodes num_switches num_links (got {first})")
    num_nodes, num_switches, num_links = (_integer(where, text) for text in first)
    switches, start = _switches(path, lines, num_switches, num_nodes)
    links = lines[start:]
    if len(links) != num_links:
        raise TopologyError(f"{path}: expected {num_links} lines of links (got {len(links)})")
    graph = nx.Graph(name=path.stem)
    for node in range(num_nodes):
        graph.add_node(node, kind="switch" if node in switches else "host")
    for where, cells in links:
        _add_link(graph, where, cells)
    return graph


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


def _lines(path: Path) -> list[Line]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise TopologyError(f"{path}: expected text in UTF-8 (got {error})") from None
    numbered = ((number, line.split()) for number, line in enumerate(text.splitlines(), 1))
    return [(f"{path}, line {number}", cells) for number, cells in numbered if cells]


def _switches(
    path: Path, lines: list[Line], num_switches: int, num_nodes: int
) -> tuple[set[int], int]:
    switches: set[int] = set()
    row = 1
    while len(switches) < num_switches and row < len(lines):
        where, cells = lines[row]
        for cell in cells:
            switch = _integer(where, cell)
            if switch >= num_nodes or switch in switches:
                raise TopologyError(
                    f"{where}: expected each switch id once, below {num_nodes} (got {switch})"
                )
            switches.add(switch)
        row += 1
    if len(switches) != num_switches:
        raise TopologyError(f"{path}: expected {num_switches} switch ids (got {len(switches)})")
    return switches, row


def _add_link(graph: nx.Graph, where: str, cells: list[str]) -> None:
    if len(cells) != 5:
        raise TopologyError(f"{where}: expected node node rate delay error_rate (got {cells})")
    a, b = _integer(where, cells[0]), _integer(where, cells[1])
    if a not in graph or b not in graph or graph.has_edge(a, b):
        raise TopologyError(
            f"{where}: expected a new link between nodes below {len(graph)} (got {a} {b})"
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


def _integer(where: str, text: str) -> int:
    if not text.isdecimal() or int(text) >= 2**31:
        raise TopologyError(f"{where}: expected an integer of 0 or above (got {text!r})")
    return int(text)
