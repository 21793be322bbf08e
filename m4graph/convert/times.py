"""``fct.txt``: a line for each flow that finished, in the order in which they did.

A line is ``[id] src_ip dst_ip source_port destination_port bytes start_ns fct_ns ideal_fct_ns``,
the addresses in hexadecimal digits; m4's has the id, HPCC's has not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from m4graph.convert.flows import kept_columns
from m4graph.convert.formats import TextFormat
from m4graph.convert.text import write_lines
from m4graph.core.errors import InputError
from m4graph.core.text import Line, read_lines
from m4graph.scenario.expected import ExpectedTimes
from m4graph.workload import Workload

_COLUMNS = [
    "id", "src_ip", "dst_ip", "source_port", "destination_port", "bytes", "start_ns", "fct_ns",
    "ideal_fct_ns",
]  # fmt: skip
_ADDRESS = re.compile(r"[0-9a-fA-F]{8}")


def address(node: int) -> int:
    """The IP address that ns-3's RDMA model gives a node, as an integer of 32 bits."""
    return 0x0B000001 + (node // 256 << 16) + (node % 256 << 8)


def read_times(
    path: Path,
    style: TextFormat,
    workload: Workload,
    source_port: NDArray[np.int32],
    host_of_node: Mapping[int, int],
    ideal_fct_ns: NDArray[np.int64],
) -> ExpectedTimes:
    """Reads recorded times; a flow without a line did not finish.

    Args:
        path (Path): The file.
        style (TextFormat): Whether lines start with an id; without, ports tell flows apart.
        workload (Workload): The flows.
        source_port (numpy.ndarray): Their source ports ``[num_flows]``.
        host_of_node (Mapping[int, int]): Host ids by the ids of the topology's file.
        ideal_fct_ns (numpy.ndarray): Ideal times ``[num_flows]`` of flows that did not finish.

    Raises:
        InputError: If the file is no such text, or a line does not belong to exactly one flow, of
            that size and start; names the line.
    """
    ends = zip(workload.src.tolist(), workload.dst.tolist(), source_port.tolist(), strict=True)
    flow_ids, destination_port = workload.id.tolist(), kept_columns(workload)["destination_port"]
    keys: list[object] = flow_ids if style.with_ids else list(ends)
    row_of = {key: row for row, key in enumerate(keys)}
    host_of = {address(node): host for node, host in host_of_node.items()}
    fct_ns = np.full(workload.num_flows, -1, dtype=np.int64)
    ideal_ns = np.array(ideal_fct_ns, dtype=np.int64)
    for line in read_lines(path):
        cell = _cells(line, style)
        src, dst = (_host(line, name, cell(name), host_of) for name in ("src_ip", "dst_ip"))
        port = line.integer("source_port", cell("source_port"), maximum=0xFFFF)
        flow = line.integer("id", 0) if style.with_ids else (src, dst, port)
        row = row_of.get(flow)
        if row is None:
            what = f"id {flow}" if style.with_ids else f"hosts {src} and {dst}, port {port}"
            raise InputError(f"{line.where}: expected a flow of the workload (got {what})")
        _check_flow(line, cell, workload, row, (src, dst), int(destination_port[row]))
        if fct_ns[row] >= 0:
            raise InputError(f"{line.where}: expected each flow once (got {flow_ids[row]} again)")
        fct_ns[row] = line.integer("fct_ns", cell("fct_ns"), minimum=1)
        ideal_ns[row] = line.integer("ideal_fct_ns", cell("ideal_fct_ns"), minimum=1)
    return ExpectedTimes(fct_ns, ideal_ns)


def write_times(
    path: Path,
    style: TextFormat,
    workload: Workload,
    source_port: NDArray[np.int32],
    expected: ExpectedTimes,
) -> None:
    """Writes recorded times as :func:`read_times` reads them, in the order of completion."""
    end_ns = workload.start_ns + expected.fct_ns
    destination_port = kept_columns(workload)["destination_port"]
    lines = []
    for row in np.lexsort((workload.id, end_ns)).tolist():
        if expected.fct_ns[row] < 0:
            continue
        cells = (
            f"{address(int(workload.src[row])):08x}",
            f"{address(int(workload.dst[row])):08x}",
            source_port[row],
            destination_port[row],
            workload.size_bytes[row],
            workload.start_ns[row],
            expected.fct_ns[row],
            expected.ideal_fct_ns[row],
        )
        flow_id = (workload.id[row],) if style.with_ids else ()
        lines.append(" ".join(map(str, (*flow_id, *cells))))
    write_lines(path, lines)


def _cells(line: Line, style: TextFormat) -> Callable[[str], int]:
    """Checks the number of cells, and gives a function from names to columns."""
    columns = _COLUMNS if style.with_ids else _COLUMNS[1:]
    if len(line.cells) != len(columns):
        got = " ".join(line.cells)
        raise InputError(f"{line.where}: expected {' '.join(columns)} (got {got!r})")
    return columns.index


def _host(line: Line, name: str, column: int, host_of: Mapping[int, int]) -> int:
    cell = line.cells[column]
    host = host_of.get(int(cell, 16)) if _ADDRESS.fullmatch(cell) else None
    if host is None:
        raise line.error(name, "expected the address of a host in 8 hexadecimal digits", cell)
    return host


def _check_flow(
    line: Line, cell: Callable[[str], int], workload: Workload, row: int, ends: tuple[int, int],
    destination_port: int,
) -> None:  # fmt: skip
    """Compares a line with the flow that it was matched to."""
    wanted = {
        "destination_port": destination_port,
        "bytes": int(workload.size_bytes[row]),
        "start_ns": int(workload.start_ns[row]),
    }
    for name, value in wanted.items():
        if line.integer(name, cell(name)) != value:
            expected = f"expected {value}, as of flow {workload.id[row]}"
            raise line.error(name, expected, line.cells[cell(name)])
    hosts = (int(workload.src[row]), int(workload.dst[row]))
    if ends != hosts:
        raise InputError(
            f"{line.where}: expected hosts {hosts[0]} and {hosts[1]}, as of flow "
            f"{workload.id[row]} (got {ends[0]} and {ends[1]})"
        )
