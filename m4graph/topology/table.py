"""Networks as tables: ``a,b,gbps,delay_ns``, one row for each full-duplex cable."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import networkx as nx

from m4graph.core.errors import TopologyError
from m4graph.core.schema import KeyProblem
from m4graph.core.table import Table, is_parquet, read_table, write_table
from m4graph.core.units import GBPS
from m4graph.topology.arrays import NetworkArrays, validate
from m4graph.topology.build import check_rate

_COLUMNS = {"a": int, "b": int, "gbps": float, "delay_ns": int}


def read_cables(path: Path, num_hosts: int) -> nx.Graph:
    """Reads a network from CSV or Parquet; ids below ``num_hosts`` are hosts.

    Raises:
        TopologyError: If the file is no such table, or a row is wrong; names the row.
    """
    table = read_table(path, _COLUMNS, TopologyError)
    cables: dict[tuple[int, int], tuple[int, int]] = {}
    for row, gbps in enumerate(table["gbps"].tolist()):
        a, b, delay_ns = (_natural(table, row, column) for column in ("a", "b", "delay_ns"))
        if (min(a, b), max(a, b)) in cables:
            where = table.where(row)
            raise TopologyError(f"{where}: expected one row for each cable (got {a}-{b} again)")
        try:
            rate_bps = check_rate("gbps", gbps)
        except KeyProblem as error:
            raise TopologyError(f"{table.where(row, 'gbps')}: {error.problem}") from None
        cables[min(a, b), max(a, b)] = rate_bps, delay_ns
    nodes = {node for ends in cables for node in ends}
    # A host beyond all cables has none: one is enough to be refused.
    nodes |= set(range(min(num_hosts, max(nodes, default=0) + 2)))
    graph = nx.Graph(name=path.stem)
    for node in sorted(nodes):
        graph.add_node(node, kind="host" if node < num_hosts else "switch")
    for (a, b), (rate_bps, delay_ns) in cables.items():
        graph.add_edge(a, b, rate_bps=rate_bps, delay_ns=delay_ns)
    return graph


def to_csv(network: nx.Graph | NetworkArrays, path: str | Path) -> None:
    """Writes the cables of a network as CSV, or as Parquet if the path ends in ``.parquet``.

    Rows are sorted by node ids. Names, labels, tiers and racks are not kept: a table holds what
    a simulation depends on, and ``from_file(path, num_hosts=...)`` reads it back.

    Raises:
        TopologyError: If the network is not valid.
    """
    arrays = validate(network)
    rates_bps = arrays.link_rate_bps[::2]
    rates = rates_bps / GBPS if is_parquet(path) else list(map(_gbps, rates_bps.tolist()))
    write_table(
        path,
        {
            "a": arrays.link_src[::2],
            "b": arrays.link_dst[::2],
            "gbps": rates,
            "delay_ns": arrays.link_delay_ns[::2],
        },
    )


def _natural(table: Table, row: int, column: str) -> int:
    value = int(table[column][row])
    if not 0 <= value < 2**31:
        where = table.where(row, column)
        raise TopologyError(f"{where}: expected an integer from 0 to {2**31 - 1} (got {value})")
    return value


def _gbps(rate_bps: int) -> str:
    return f"{(Decimal(rate_bps) / GBPS).normalize():f}"
