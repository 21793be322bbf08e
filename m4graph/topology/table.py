"""Networks as tables: ``a,b,gbps,delay_ns``, one row for each full-duplex cable."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path

import networkx as nx
import pyarrow as pa
import pyarrow.parquet as pq

from m4graph.errors import TopologyError
from m4graph.topology.arrays import validate
from m4graph.topology.build import check_rate
from m4graph.units import GBPS

COLUMNS = ("a", "b", "gbps", "delay_ns")


def read_table(path: Path, num_hosts: int) -> nx.Graph:
    """Reads a network from CSV or Parquet; ids below ``num_hosts`` are hosts.

    Raises:
        TopologyError: If the file is no such table, or a row is wrong; names the row.
    """
    rows = _parquet_rows(path) if path.suffix.lower() == ".parquet" else _csv_rows(path)
    cables: dict[tuple[int, int], tuple[int, int]] = {}
    for where, row in rows:
        a, b = _integer(where, "a", row["a"]), _integer(where, "b", row["b"])
        if (min(a, b), max(a, b)) in cables:
            raise TopologyError(f"{where}: expected one row for each cable (got {a}-{b} again)")
        rate_bps = check_rate(f"{where}, column gbps", _number(where, "gbps", row["gbps"]))
        delay_ns = _integer(where, "delay_ns", row["delay_ns"])
        cables[min(a, b), max(a, b)] = rate_bps, delay_ns
    nodes = {node for ends in cables for node in ends}.union(range(num_hosts))
    graph = nx.Graph(name=path.stem)
    for node in sorted(nodes):
        graph.add_node(node, kind="host" if node < num_hosts else "switch")
    for (a, b), (rate_bps, delay_ns) in cables.items():
        graph.add_edge(a, b, rate_bps=rate_bps, delay_ns=delay_ns)
    return graph


def to_csv(graph: nx.Graph, path: str | Path) -> None:
    """Writes the cables of a network as CSV, or as Parquet if the path ends in ``.parquet``.

    Rows are sorted by node ids. Names, labels, tiers and racks are not kept: a table holds what
    a simulation depends on, and ``from_file(path, num_hosts=...)`` reads it back.

    Raises:
        TopologyError: If the network is not valid.
    """
    network = validate(graph)
    rates = network.link_rate_bps[::2].tolist()
    columns = [
        network.link_src[::2].tolist(),
        network.link_dst[::2].tolist(),
        [_gbps(rate) for rate in rates],
        network.link_delay_ns[::2].tolist(),
    ]
    if Path(path).suffix.lower() == ".parquet":
        columns[2] = [rate / GBPS for rate in rates]
        pq.write_table(pa.table(dict(zip(COLUMNS, columns, strict=True))), path)
        return
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(zip(*columns, strict=True))


def _csv_rows(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            header = [name.strip() for name in next(reader, [])]
            _check_columns(path, header)
            for cells in reader:
                where = f"{path}, line {reader.line_num}"
                if cells and len(cells) != len(header):
                    raise TopologyError(f"{where}: expected 4 cells (got {len(cells)})")
                if cells:
                    yield where, dict(zip(header, cells, strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise TopologyError(f"{path}: expected a CSV file in UTF-8 (got {error})") from None


def _parquet_rows(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    try:
        table = pq.read_table(path)
    except pa.ArrowException as error:
        raise TopologyError(f"{path}: expected a Parquet file (got {error})") from None
    _check_columns(path, table.column_names)
    for index, row in enumerate(table.to_pylist()):
        yield f"{path}, row {index}", {name: str(value) for name, value in row.items()}


def _check_columns(path: Path, names: list[str]) -> None:
    if sorted(names) != sorted(COLUMNS):
        raise TopologyError(
            f"{path}: expected the columns {','.join(COLUMNS)} (got {','.join(names) or 'none'})"
        )


def _integer(where: str, column: str, cell: str) -> int:
    try:
        value = int(cell)
    except ValueError:
        value = -1
    if not 0 <= value < 2**31:
        raise TopologyError(
            f"{where}, column {column}: expected an integer of 0 or above (got {cell!r})"
        )
    return value


def _number(where: str, column: str, cell: str) -> Decimal:
    try:
        return Decimal(cell)
    except InvalidOperation:
        raise TopologyError(f"{where}, column {column}: expected a number (got {cell!r})") from None


def _gbps(rate_bps: int) -> str:
    return f"{(Decimal(rate_bps) / GBPS).normalize():f}"
