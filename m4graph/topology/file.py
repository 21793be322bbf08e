"""Networks from files, by the ending of the file's name."""

from __future__ import annotations

from pathlib import Path

import networkx as nx

from m4graph.core.checks import check_count
from m4graph.core.errors import TopologyError
from m4graph.core.schema import KeyProblem, spell
from m4graph.topology.arrays import validate
from m4graph.topology.canonical import from_networkx
from m4graph.topology.graph_file import read_gml, read_graphml, read_json
from m4graph.topology.hpcc import read_hpcc
from m4graph.topology.table import read_cables
from m4graph.topology.wan import one_host_per_node

TABLES = (".csv", ".parquet")
READERS = {
    ".graphml": read_graphml,
    ".gml": read_gml,
    ".json": read_json,
    ".txt": read_hpcc,
    "": read_hpcc,
}
ONE_PER_NODE = "one per node"


def from_file(
    file: str | Path,
    num_hosts: int | None = None,
    hosts: str | None = None,
    gbps: float | None = None,
    delay_ns: int | None = None,
) -> nx.Graph:
    """Reads a network.

    =======================  ====================================================================
    ``.csv``, ``.parquet``   ``a,b,gbps,delay_ns``, a row for each cable; ids below ``num_hosts``
                             are hosts
    ``.graphml``, ``.gml``,  GraphML, GML, or node-link JSON; attributes as for ``from_networkx``
    ``.json``
    ``.txt``, or no ending   ns-3's RDMA model (HPCC)
    =======================  ====================================================================

    In a table, the ids are used as they stand. In the other formats hosts may have any label; they
    are then numbered as in :func:`~m4graph.topology.from_networkx`. With :obj:`hosts`, host ``i``
    is at the ``i``-th node of the file.

    Args:
        file (str or Path): The path of the file.
        num_hosts (int, optional): Number of hosts. A table needs it; where the file says itself
            what is a host, it is compared. (default: :obj:`None`)
        hosts (str, optional): ``"one per node"``, for a file that has routers only, as those of
            the Internet Topology Zoo and of TopoHub: all are switches, with a host each. Cables
            that say no rate have their ``LinkSpeedRaw``, in bit/s, as that. (default: :obj:`None`)
        gbps (float, optional): With :obj:`hosts`, the rate of their cables, and of cables that say
            none. (default: ``10``)
        delay_ns (int, optional): With :obj:`hosts`, the delay of their cables, and of cables that
            say none. ``None``: 1000 for those of hosts, and for others 5000 for each km of
            ``dist``, or of the great circle between ``Latitude`` and ``Longitude`` of their ends.
            (default: :obj:`None`)

    Raises:
        TopologyError: If the file cannot be read or is wrong; names the file and the place in it.
        KeyProblem: If the number of hosts is not that of the file, or a parameter is bad.
    """
    path = Path(file)
    suffix = path.suffix.lower()
    if suffix not in TABLES and suffix not in READERS:
        valid = ", ".join((*TABLES, *filter(None, READERS)))
        raise TopologyError(f"{path}: expected a file that ends in one of {valid}, or in none")
    if num_hosts is not None:
        check_count("num_hosts", num_hosts)
    elif suffix in TABLES:
        raise KeyProblem("num_hosts", f"expected the number of hosts in {path} (got none)")
    if hosts not in (None, ONE_PER_NODE):
        raise KeyProblem("hosts", f"expected {ONE_PER_NODE!r} (got {spell(hosts)})")
    for name, value in (("gbps", gbps), ("delay_ns", delay_ns)):
        if value is not None and hosts is None:
            raise KeyProblem(name, f"expected it beside hosts: {ONE_PER_NODE} only (got {value})")
    try:
        graph = _read(path, suffix, num_hosts)
    except OSError as error:
        raise TopologyError(
            f"{path}: expected a file to read (got {error.strerror or error})"
        ) from None
    graph.graph.setdefault("name", path.stem)
    if hosts is not None:
        graph = one_host_per_node(graph, path, 10 if gbps is None else gbps, delay_ns)
    try:
        if suffix in TABLES:
            validate(graph)
        else:
            graph = from_networkx(graph)
    except TopologyError as error:
        raise TopologyError(f"{path}: {error}") from None
    found = sum(kind == "host" for _, kind in graph.nodes(data="kind"))
    if num_hosts is not None and found != num_hosts:
        raise KeyProblem("num_hosts", f"expected {found}, as in {path} (got {num_hosts})")
    return graph


def _read(path: Path, suffix: str, num_hosts: int | None) -> nx.Graph:
    if num_hosts is not None and suffix in TABLES:
        return read_cables(path, num_hosts)
    return READERS[suffix](path)
