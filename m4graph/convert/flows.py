"""``flows.txt``: the number of flows, then a line for each.

A line is ``[id] src dst priority_group destination_port bytes start_s``; m4's has the id, HPCC's
has not, and the flows are then counted from 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from m4graph.convert.formats import TextFormat
from m4graph.convert.text import parse_seconds_ns, spell_seconds, write_lines
from m4graph.core.errors import InputError
from m4graph.core.text import Line, read_lines
from m4graph.workload import Workload

_USUAL = {"priority_group": 3, "destination_port": 100}
_COLUMNS = ["id", "src", "dst", "priority_group", "destination_port", "bytes", "start_s"]
_Flow = tuple[int, int, int, int, int, int, int]


def read_flows(
    path: Path, style: TextFormat, host_of_node: Mapping[int, int]
) -> tuple[Workload, list[str]]:
    """Reads the flows, and what was left out.

    ns-3 reads as many lines as the first one says; lines after these are left out here, too.
    Priority groups and ports become columns of the workload, if one is not the usual.

    Args:
        path (Path): The file.
        style (TextFormat): Whether lines start with an id.
        host_of_node (Mapping[int, int]): Host ids by the ids of the topology's file.

    Raises:
        InputError: If the file is no such text, a flow breaks a rule, or flows do not stand in the
            order ``(start, id)``, in which ns-3 starts them; names the line.
    """
    lines = read_lines(path)
    if not lines or len(lines[0].cells) != 1:
        got = " ".join(lines[0].cells) if lines else "an empty file"
        raise InputError(f"{path}, line 1: expected the number of flows (got {got})")
    count = lines[0].integer("number of flows", 0)
    if len(lines) <= count:
        raise InputError(f"{path}: expected {count} lines of flows (got {len(lines) - 1})")
    flows: list[_Flow] = []
    for row, line in enumerate(lines[1 : count + 1]):
        flow = _flow(line, style, host_of_node, row)
        if flows and (flow[4], flow[0]) < (flows[-1][4], flows[-1][0]):
            order = "(start_s, id)" if style.with_ids else "start_s"
            raise InputError(f"{line.where}: expected flows in ascending order of {order}")
        flows.append(flow)
    columns = np.array(flows, dtype=np.int64).reshape(-1, 7).T
    kept = dict(zip(_USUAL, columns[5:], strict=True))
    notes = [
        f"{path}: {name} is kept in flows.csv, but no simulator of m4graph heeds it: all flows are "
        f"taken to be of {name} {usual}"
        for name, usual in _USUAL.items()
        if (kept[name] != usual).any()
    ]
    try:
        workload = Workload.from_arrays(*columns[:5], **(kept if notes else {}))
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    left = len(lines) - 1 - count
    if left:
        notes.append(f"{path}: {left} lines after the {count} flows are left out")
    return workload, notes


def write_flows(path: Path, style: TextFormat, workload: Workload) -> None:
    """Writes the flows as :func:`read_flows` reads them, in the order of their starts."""
    columns: list[NDArray[np.integer]] = [workload.id, workload.src, workload.dst]
    columns += [*kept_columns(workload).values(), workload.size_bytes, workload.start_ns]
    lines = [f"{workload.num_flows}"]
    for row in zip(*(column.tolist() for column in columns), strict=True):
        flow, src, dst, group, port, size, start = row
        flow_id = f"{flow} " if style.with_ids else ""
        lines.append(f"{flow_id}{src} {dst} {group} {port} {size} {spell_seconds(start)}")
    write_lines(path, lines)


def kept_columns(workload: Workload) -> dict[str, NDArray[np.integer]]:
    """Priority groups and destination ports ``[num_flows]``, the usual where there are none."""
    return {
        name: np.full(workload.num_flows, usual) if kept is None else kept
        for name, usual in _USUAL.items()
        for kept in [getattr(workload, name)]
    }


def _flow(line: Line, style: TextFormat, host_of_node: Mapping[int, int], row: int) -> _Flow:
    columns = _COLUMNS if style.with_ids else _COLUMNS[1:]
    if len(line.cells) != len(columns):
        got = " ".join(line.cells)
        raise InputError(f"{line.where}: expected {' '.join(columns)} (got {got!r})")
    column = {name: index for index, name in enumerate(columns)}
    flow_id = line.integer("id", 0) if style.with_ids else row
    src, dst = (_host(line, name, column[name], host_of_node) for name in ("src", "dst"))
    if src == dst:
        raise line.error("dst", "expected another host than src", line.cells[column["dst"]])
    group = line.integer("priority_group", column["priority_group"], 0, 7)
    port = line.integer("destination_port", column["destination_port"], 0, 2**16 - 1)
    size_bytes = line.integer("bytes", column["bytes"], minimum=1)
    start_ns = parse_seconds_ns(line, "start_s", column["start_s"])
    return flow_id, src, dst, size_bytes, start_ns, group, port


def _host(line: Line, name: str, column: int, host_of_node: Mapping[int, int]) -> int:
    host = host_of_node.get(line.integer(name, column))
    if host is None:
        raise line.error(name, "expected a host of the topology", line.cells[column])
    return host
