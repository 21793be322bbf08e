"""Networks as tables: ``a,b,gbps,delay_ns``, one row for each full-duplex cable; and beside it,
where some nodes are more than hosts and switches, ``id,kind,server,rail``.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import networkx as nx
import numpy as np

from m4graph.core.calls import plain_call
from m4graph.core.cells import is_parquet
from m4graph.core.errors import TopologyError, one_of
from m4graph.core.schema import KeyProblem
from m4graph.core.table import OptionalInt, Table, read_table, write_table
from m4graph.core.units import GBPS
from m4graph.topology.arrays import NetworkArrays
from m4graph.topology.build import check_rate, plain
from m4graph.topology.validation import KINDS, validate

_COLUMNS = {"a": int, "b": int, "gbps": float, "delay_ns": int}
_NODE_COLUMNS = {"id": int, "kind": str, "server": OptionalInt, "rail": OptionalInt}


def read_cables(path: Path, num_hosts: int | None) -> nx.Graph:
    """Reads a network from CSV or Parquet; equal rows are parallel cables.

    What the nodes are stands in ``nodes.csv`` (or ``.parquet``) beside it. Without that file, ids
    below :obj:`num_hosts` are hosts, and others switches.

    Raises:
        TopologyError: If a file is no such table, or a row is wrong; names the row.
        KeyProblem: If neither the number of hosts nor that file is there.
    """
    table = read_table(path, _COLUMNS, TopologyError)
    graph = nx.MultiGraph(name=path.stem)
    described = nodes_file(path)
    if described is not None:
        _add_nodes(graph, described)
    elif num_hosts is None:
        raise KeyProblem("num_hosts", f"expected the number of hosts in {path} (got none)")
    else:
        ends = np.union1d(table["a"], table["b"]).tolist()
        # A host beyond all cables has none: one is enough to be refused.
        hosts = range(min(num_hosts, max(ends, default=0) + 2))
        for node in sorted({*ends, *hosts}):
            graph.add_node(node, kind="host" if node < num_hosts else "switch")
    for row, gbps in enumerate(table["gbps"].tolist()):
        a, b, delay_ns = (_natural(table, row, column) for column in ("a", "b", "delay_ns"))
        try:
            rate_bps = check_rate("gbps", gbps)
        except KeyProblem as error:
            raise TopologyError(f"{table.where(row, 'gbps')}: {error.problem}") from None
        if not (a in graph and b in graph):
            raise TopologyError(
                f"{table.where(row)}: expected two nodes of {described} (got {a} and {b})"
            )
        graph.add_edge(a, b, rate_bps=rate_bps, delay_ns=delay_ns)
    return plain(graph)


def nodes_file(cables: Path) -> Path | None:
    """The table of nodes beside one of cables, if there is one."""
    beside = (cables.with_name(f"nodes{ending}") for ending in (".csv", ".parquet"))
    return next((path for path in beside if path.exists()), None)


def _add_nodes(graph: nx.Graph, path: Path) -> None:
    table = read_table(path, _NODE_COLUMNS, TopologyError)
    for row, kind in enumerate(table["kind"].tolist()):
        node = _natural(table, row, "id")
        if kind not in KINDS:
            known = one_of(KINDS)
            raise TopologyError(f"{table.where(row, 'kind')}: expected {known} (got {kind!r})")
        if node in graph:
            raise TopologyError(f"{table.where(row)}: expected a new id (got {node} again)")
        graph.add_node(node, kind=kind)
        for name in ("server", "rail"):
            if not np.ma.getmaskarray(table[name])[row]:
                graph.nodes[node][name] = _natural(table, row, name)


@plain_call
def to_csv(network: nx.Graph | NetworkArrays, path: str | Path) -> None:
    """Writes the cables of a network as CSV, or as Parquet if the path ends in ``.parquet``.

    Rows are sorted by node ids. Where there are NVSwitches, servers or rails, ``nodes.csv`` (or
    ``nodes.parquet``) beside it says what each node is. Names, labels, tiers and racks are not
    kept: the tables hold what a simulation depends on, and ``from_file(path, num_hosts=...)`` reads
    them back.

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
    if any(map(len, (arrays.nvswitches, arrays.server, arrays.rail))):
        path = Path(path)
        write_table(path.with_name(f"nodes{path.suffix}"), _nodes(arrays))


def _nodes(arrays: NetworkArrays) -> dict[str, np.ndarray]:
    kind = np.full(arrays.num_nodes, "switch", object)
    kind[: arrays.num_hosts] = "host"
    kind[arrays.nvswitches] = "nvswitch"
    none = np.full(arrays.num_nodes, -1)
    given = {
        name: np.ma.masked_less(numbers if len(numbers) else none, 0)
        for name, numbers in (("server", arrays.server), ("rail", arrays.rail))
    }
    return {"id": np.arange(arrays.num_nodes), "kind": kind, **given}


def _natural(table: Table, row: int, column: str) -> int:
    value = int(table[column][row])
    if not 0 <= value < 2**31:
        where = table.where(row, column)
        raise TopologyError(f"{where}: expected an integer from 0 to {2**31 - 1} (got {value})")
    return value


def _gbps(rate_bps: int) -> str:
    return f"{(Decimal(rate_bps) / GBPS).normalize():f}"
