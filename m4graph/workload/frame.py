"""Flows in a table of somebody else's: hosts by name or id, starts in any unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from m4graph.core.errors import WorkloadError, did_you_mean
from m4graph.core.table import Name, Table, read_table
from m4graph.core.units import NS_PER_MS, NS_PER_S, NS_PER_US
from m4graph.topology.arrays import NetworkArrays
from m4graph.topology.canonical import host_labels
from m4graph.topology.validation import validate

_SIZES = ("size_bytes", "bytes")
_NS_PER = {"start_ns": 1, "start_us": NS_PER_US, "start_ms": NS_PER_MS, "start_s": NS_PER_S}
_ENDS = ("src", "dst")
_KEPT = ("priority_group", "destination_port")
_OPTIONAL = {
    **dict.fromkeys(("id", *_SIZES, "start_ns", *_KEPT), int),
    **dict.fromkeys(("start_us", "start_ms", "start_s"), float),
}
_LATEST_NS = 2**62


@dataclass(frozen=True)
class FrameFlows:
    """Flows as they stood in a table.

    Args:
        table (Table): The table.
        columns (dict[str, numpy.ndarray]): int64 ``[num_flows]``, under the names that a
            :class:`~m4graph.workload.Workload` has for them.
        origin (dict[str, str]): The column of the table from which each was made.
    """

    table: Table
    columns: dict[str, NDArray[np.int64]]
    origin: dict[str, str]

    def where(self, row: int, column: str) -> str:
        """Names a cell, for a message."""
        return self.table.where(row, self.origin.get(column, column))

    @property
    def given(self) -> dict[str, NDArray[Any]]:
        """As ``columns``, but in the units of the table."""
        return self.columns | {name: self.table[origin] for name, origin in self.origin.items()}


def read_flows(frame: Any, network: nx.Graph | NetworkArrays) -> FrameFlows:
    """Reads the flows of a table; see :meth:`m4graph.workload.Workload.from_frame`.

    Raises:
        WorkloadError: If a column is missing, a cell is no such value, or there is no such host.
    """
    kinds = dict.fromkeys(_ENDS, Name)
    table = read_table(frame, kinds, WorkloadError, only_these=False, optional=_OPTIONAL)
    size, start = _one_of(table, _SIZES, "a size"), _one_of(table, tuple(_NS_PER), "a start")
    hosts = _Hosts(network)
    made = {
        "id": np.arange(len(table.numbers)),
        **{name: hosts.ids(table, name) for name in _ENDS},
        "size_bytes": table[size],
        "start_ns": _start_ns(table, start),
    }
    kept = {name: table[name] for name in ("id", *_KEPT) if name in table.columns}
    return FrameFlows(table, made | kept, {"size_bytes": size, "start_ns": start})


class _Hosts:
    """The ids of hosts by what they are called; by id, too, where no host is called by a number."""

    def __init__(self, network: nx.Graph | NetworkArrays) -> None:
        ids = [str(host) for host in range(validate(network).num_hosts)]
        names = [str(label) for label in host_labels(network) or ids]
        self._ids = {name: host for host, name in enumerate(names)}
        if len(self._ids) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise WorkloadError(f"network: expected hosts of different labels (got two {twice!r})")
        if not any(name.isdecimal() for name in names):
            self._ids |= {name: host for host, name in enumerate(ids)}

    def ids(self, table: Table, column: str) -> NDArray[np.int64]:
        names = table[column]
        found = np.array([self._ids.get(name, -1) for name in names], np.int64)
        if (found < 0).any():
            row = int(np.argmax(found < 0))
            raise WorkloadError(
                f"{table.where(row, column)}: expected a host of the network "
                f"(got {names[row]!r}){did_you_mean(names[row], self._ids)}"
            )
        return found


def _one_of(table: Table, names: tuple[str, ...], what: str) -> str:
    there = [name for name in names if name in table.columns]
    if len(there) != 1:
        expected = ", ".join(names)
        got = ",".join(there or table.names)
        raise WorkloadError(f"{table.source}: expected {what}, one of {expected} (got {got})")
    return there[0]


def _start_ns(table: Table, column: str) -> NDArray[np.int64]:
    given: NDArray[np.int64] = table[column]
    if column == "start_ns":
        return given
    ns_per_unit = _NS_PER[column]
    start_ns = np.rint(given * ns_per_unit)
    late = np.abs(start_ns) >= _LATEST_NS
    if late.any():
        row = int(np.argmax(late))
        latest = f"{_LATEST_NS // ns_per_unit} {column.removeprefix('start_')}"
        raise WorkloadError(
            f"{table.where(row, column)}: expected a time before {latest} (got {given[row]})"
        )
    return start_ns.astype(np.int64)
