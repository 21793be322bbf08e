"""Networks from files, by the ending of the file's name."""

from __future__ import annotations

from pathlib import Path

import networkx as nx

from m4graph.core.checks import check_count
from m4graph.core.errors import TopologyError
from m4graph.core.schema import KeyProblem
from m4graph.topology.arrays import validate
from m4graph.topology.canonical import from_networkx
from m4graph.topology.graph_file import read_graphml, read_json
from m4graph.topology.hpcc import read_hpcc
from m4graph.topology.table import read_cables

TABLES = (".csv", ".parquet")
READERS = {".graphml": read_graphml, ".json": read_json, ".txt": read_hpcc}


def from_file(file: str | Path, num_hosts: int | None = None) -> nx.Graph:
    """Reads a network.

    =======================  ====================================================================
    ``.csv``, ``.parquet``   ``a,b,gbps,delay_ns``, a row for each cable; ids below ``num_hosts``
                             are hosts
    ``.graphml``, ``.json``  GraphML, or node-link JSON; attributes as for ``from_networkx``
    ``.txt``                 ns-3's RDMA model (HPCC)
    =======================  ====================================================================

    In a table, the ids are used as they stand. In the other formats hosts may have any label; they
    are then numbered as in :func:`~m4graph.topology.from_networkx`.

    Args:
        file (str or Path): The path of the file.
        num_hosts (int, optional): Number of hosts. A table needs it; where the file says itself
            what is a host, it is compared. (default: :obj:`None`)

    Raises:
        TopologyError: If the file cannot be read or is wrong; names the file and the place in it.
        KeyProblem: If the number of hosts is not that of the file.
    """
    path = Path(file)
    suffix = path.suffix.lower()
    if suffix not in TABLES and suffix not in READERS:
        valid = ", ".join((*TABLES, *READERS))
        raise TopologyError(f"{path}: expected a file that ends in one of {valid}")
    if num_hosts is not None:
        check_count("num_hosts", num_hosts)
    elif suffix in TABLES:
        raise KeyProblem("num_hosts", f"expected the number of hosts in {path} (got none)")
    try:
        graph = _read(path, suffix, num_hosts)
    except OSError as error:
        raise TopologyError(
            f"{path}: expected a file to read (got {error.strerror or error})"
        ) from None
    found = sum(kind == "host" for _, kind in graph.nodes(data="kind"))
    if num_hosts is not None and found != num_hosts:
        raise KeyProblem("num_hosts", f"expected {found}, as in {path} (got {num_hosts})")
    return graph


def _read(path: Path, suffix: str, num_hosts: int | None) -> nx.Graph:
    table = num_hosts is not None and suffix in TABLES
    graph = read_cables(path, num_hosts or 0) if table else READERS[suffix](path)
    graph.graph.setdefault("name", path.stem)
    try:
        if not table:
            return from_networkx(graph)
        validate(graph)
    except TopologyError as error:
        raise TopologyError(f"{path}: {error}") from None
    return graph
