"""Networks from files, by the ending of the file's name."""

from __future__ import annotations

from pathlib import Path

import networkx as nx

from m4graph.core.calls import plain_call
from m4graph.core.checks import check_count
from m4graph.core.errors import TopologyError, one_of
from m4graph.core.schema import KeyProblem, spell
from m4graph.core.text import read_lines
from m4graph.topology.astra_sim import read_astra_sim
from m4graph.topology.canonical import from_networkx
from m4graph.topology.graph_file import read_gml, read_graphml, read_json
from m4graph.topology.hpcc import read_hpcc
from m4graph.topology.simai import NUM_WORDS as SIMAI_WORDS
from m4graph.topology.simai import read_simai
from m4graph.topology.table import read_cables
from m4graph.topology.validation import validate
from m4graph.topology.wan import one_host_per_node


def read_ns3_text(path: Path) -> nx.Graph:
    """Reads the text of HPCC, or that of SimAI, whose first line has more words.

    Raises:
        TopologyError: If a line is wrong.
    """
    lines = read_lines(path, TopologyError)
    is_simai = bool(lines) and len(lines[0].cells) == SIMAI_WORDS
    return read_simai(path) if is_simai else read_hpcc(path)


TABLES = (".csv", ".parquet")
READERS = {
    ".graphml": read_graphml,
    ".gml": read_gml,
    ".json": read_json,
    ".txt": read_ns3_text,
    "": read_ns3_text,
    ".yml": read_astra_sim,
    ".yaml": read_astra_sim,
}
FORMATS = {"simai": read_simai, "hpcc": read_hpcc, "astra_sim": read_astra_sim}
ONE_PER_NODE = "one per node"


@plain_call
def from_file(
    file: str | Path,
    num_hosts: int | None = None,
    format: str | None = None,
    hosts: str | None = None,
    gbps: float | None = None,
    delay_ns: int | None = None,
) -> nx.Graph:
    """Reads a network.

    =======================  ====================================================================
    ``.csv``, ``.parquet``   ``a,b,gbps,delay_ns``, a row for each cable; ids below ``num_hosts``
                             are hosts, unless ``nodes.csv`` beside it says what each node is
    ``.graphml``, ``.gml``,  GraphML, GML, or node-link JSON; attributes as for ``from_networkx``
    ``.json``
    ``.txt``, or no ending   ns-3's RDMA model: HPCC, or SimAI if the first line has six words
    ``.yml``, ``.yaml``      network of ASTRA-sim's analytical backend
    =======================  ====================================================================

    In a table, the ids are used as they stand. In the other formats hosts may have any label; they
    are then numbered as in :func:`~m4graph.topology.from_networkx`. With :obj:`hosts`, host ``i``
    is at the ``i``-th node of the file.

    Args:
        file (str or Path): The path of the file.
        num_hosts (int, optional): Number of hosts. A table without ``nodes.csv`` needs it; where
            the files say themselves what is a host, it is compared. (default: ``None``)
        format (str, optional): ``"simai"``, ``"hpcc"`` or ``"astra_sim"``, whatever the ending.
            (default: by the ending)
        hosts (str, optional): ``"one per node"``, for a file that has routers only, as those of
            the Internet Topology Zoo and of TopoHub: all are switches, with a host each. Cables
            that say no rate have their ``LinkSpeedRaw``, in bit/s, as that. (default: ``None``)
        gbps (float, optional): With :obj:`hosts`, the rate of their cables, and of cables that say
            none. (default: ``10``)
        delay_ns (int, optional): With :obj:`hosts`, the delay of their cables, and of cables that
            say none. ``None``: 1000 for those of hosts, and for others 5000 for each km of
            ``dist``, or of the great circle between ``Latitude`` and ``Longitude`` of their ends.
            (default: ``None``)

    Raises:
        TopologyError: If the file cannot be read or is wrong; names the file and the place in it.
        KeyProblem: If the number of hosts is not that of the file, or a parameter is bad.
    """
    path = Path(file)
    suffix = path.suffix.lower()
    if format is not None and format not in FORMATS:
        raise KeyProblem("format", f"expected {one_of(FORMATS)} (got {spell(format)})")
    if format is None and suffix not in TABLES and suffix not in READERS:
        valid = ", ".join((*TABLES, *filter(None, READERS)))
        raise TopologyError(f"{path}: expected a file that ends in one of {valid}, or in none")
    if num_hosts is not None:
        check_count("num_hosts", num_hosts)
    if hosts not in (None, ONE_PER_NODE):
        raise KeyProblem("hosts", f"expected {ONE_PER_NODE!r} (got {spell(hosts)})")
    for name, value in (("gbps", gbps), ("delay_ns", delay_ns)):
        if value is not None and hosts is None:
            raise KeyProblem(name, f"expected it beside hosts: {ONE_PER_NODE} only (got {value})")
    try:
        if format is None and suffix in TABLES:
            graph = read_cables(path, num_hosts)
        else:
            graph = (READERS[suffix] if format is None else FORMATS[format])(path)
    except OSError as error:
        raise TopologyError(
            f"{path}: expected a file to read (got {error.strerror or error})"
        ) from None
    graph.graph.setdefault("name", path.stem)
    if hosts is not None:
        graph = one_host_per_node(graph, path, 10 if gbps is None else gbps, delay_ns)
    try:
        if format is None and suffix in TABLES:
            validate(graph)
        else:
            graph = from_networkx(graph)
    except TopologyError as error:
        raise TopologyError(f"{path}: {error}") from None
    found = sum(kind == "host" for _, kind in graph.nodes(data="kind"))
    if num_hosts is not None and found != num_hosts:
        raise KeyProblem("num_hosts", f"expected {found}, as in {path} (got {num_hosts})")
    return graph
