"""The flows of a run: who sends how much to whom, and when."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from m4graph.core.errors import WorkloadError
from m4graph.core.table import read_table, write_table

_COLUMNS = {"id": int, "src": int, "dst": int, "bytes": int, "start_ns": int}
_KEPT = {"priority_group": 7, "destination_port": 2**16 - 1}
"""Columns that may be there, and their largest value."""
_INT32 = ("src", "dst", *_KEPT)
_MAX_NODE = 2**31 - 1


@dataclass(frozen=True, eq=False)
class Workload:
    """Flows, sorted by ``(start_ns, id)``. Made by :meth:`from_arrays` or :meth:`from_file`, which
    check them; all arrays are read-only.

    Fields:
        - id: int64 ``[num_flows]``, unique, 0 or above
        - src, dst: int32 ``[num_flows]``, host ids, different in each row
        - size_bytes: int64 ``[num_flows]``, payload, 1 or above
        - start_ns: int64 ``[num_flows]``, 0 or above
        - priority_group, destination_port: int32 ``[num_flows]`` or ``None``; kept for other
          simulators, as those of m4graph take all flows for one class with one port
    """

    id: NDArray[np.int64]
    src: NDArray[np.int32]
    dst: NDArray[np.int32]
    size_bytes: NDArray[np.int64]
    start_ns: NDArray[np.int64]
    priority_group: NDArray[np.int32] | None = None
    destination_port: NDArray[np.int32] | None = None

    @property
    def num_flows(self) -> int:
        """Number of flows."""
        return len(self.id)

    @classmethod
    def empty(cls) -> Workload:
        """No flows: of an idle network, to which they are added while it runs."""
        none = np.zeros(0, np.int64)
        return cls.from_arrays(none, none, none, none, none)

    @classmethod
    def from_arrays(
        cls,
        id: ArrayLike,
        src: ArrayLike,
        dst: ArrayLike,
        size_bytes: ArrayLike,
        start_ns: ArrayLike,
        num_hosts: int | None = None,
        **kept: ArrayLike,
    ) -> Workload:
        """Checks and sorts flows.

        Args:
            id (array_like): Integers ``[num_flows]``; the other columns likewise.
            src (array_like): Sending hosts.
            dst (array_like): Receiving hosts.
            size_bytes (array_like): Payload in bytes.
            start_ns (array_like): Start times in ns.
            num_hosts (int, optional): If given, host ids must be below it.
            **kept (array_like): ``priority_group`` and ``destination_port``.

        Raises:
            WorkloadError: If a column holds no integers or has another length than the rest, or a
                flow breaks a rule; names the flow and the column.
        """
        columns = int64_columns(
            id=id, src=src, dst=dst, size_bytes=size_bytes, start_ns=start_ns, **kept
        )
        check_flows(
            columns,
            num_hosts,
            lambda row, name: f"workload, {name}",
            _own_rules(columns),
        )
        return cls._sorted(columns)

    @classmethod
    def from_file(cls, path: str | Path, num_hosts: int | None = None) -> Workload:
        """Reads flows from a table ``id,src,dst,bytes,start_ns``, in any order of rows, with or
        without the columns ``priority_group`` and ``destination_port``.

        Args:
            path (str or Path): A file that ends in ``.csv`` or ``.parquet``.
            num_hosts (int, optional): If given, host ids must be below it.

        Raises:
            WorkloadError: If the file is no such table, or a flow breaks a rule; names the file,
                the row, the column and the flow.
        """
        table = read_table(path, _COLUMNS, WorkloadError, optional=dict.fromkeys(_KEPT, int))
        columns = {
            "size_bytes" if name == "bytes" else name: values
            for name, values in table.columns.items()
        }
        check_flows(
            columns,
            num_hosts,
            lambda row, name: table.where(row, "bytes" if name == "size_bytes" else name),
            _own_rules(columns),
        )
        return cls._sorted(columns)

    def to_csv(self, path: str | Path) -> None:
        """Writes the flows as :meth:`from_file` reads them; Parquet if the path ends so.

        Args:
            path (str or Path): The file; its folder must exist.
        """
        columns = (self.id, self.src, self.dst, self.size_bytes, self.start_ns)
        kept = {name: getattr(self, name) for name in _KEPT if getattr(self, name) is not None}
        write_table(path, dict(zip(_COLUMNS, columns, strict=True)) | kept)

    def to_block(self, file: str) -> dict[str, Any]:
        """The ``workload`` block of a scenario that reads the flows from a file."""
        return {"file": file}

    def of_rows(self, rows: NDArray[np.integer] | NDArray[np.bool_]) -> Workload:
        """Only some flows.

        Args:
            rows (np.ndarray): Their rows, ascending; or whether each one is kept, bool
                ``[num_flows]``.
        """
        columns = {field.name: getattr(self, field.name) for field in fields(self)}
        return Workload(
            **{
                name: read_only(values[rows], values.dtype)
                for name, values in columns.items()
                if values is not None
            }
        )

    def __repr__(self) -> str:
        return f"Workload(num_flows={self.num_flows}, total_bytes={self.size_bytes.sum()})"

    @classmethod
    def _sorted(cls, columns: dict[str, NDArray[np.int64]]) -> Workload:
        order = np.lexsort((columns["id"], columns["start_ns"]))
        return cls(
            **{
                name: read_only(values[order], np.int32 if name in _INT32 else np.int64)
                for name, values in columns.items()
            }
        )


Rule = tuple[str, NDArray[np.bool_], str]
"""A column, which of its rows are good, and what was expected."""


def int64_columns(**given: ArrayLike) -> dict[str, NDArray[np.int64]]:
    """Columns of a workload as int64.

    Raises:
        WorkloadError: If one holds no integers, or they are not of one length.
    """
    columns = {name: _integers(name, values) for name, values in given.items()}
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        raise WorkloadError(f"workload: expected columns of one length (got {lengths})")
    return columns


def check_flows(
    columns: dict[str, NDArray[np.int64]],
    num_hosts: int | None,
    where: Callable[[int, str], str],
    more_rules: Sequence[Rule],
) -> None:
    """Checks each rule on all flows; ``where(row, column)`` names a place for the message.

    Raises:
        WorkloadError: For the first row that breaks one.
    """
    flow_id, src, dst = columns["id"], columns["src"], columns["dst"]
    first_row = np.zeros(len(flow_id), dtype=bool)
    first_row[np.unique(flow_id, return_index=True)[1]] = True
    last_host = _MAX_NODE if num_hosts is None else num_hosts - 1
    host = f"a host in 0 .. {last_host}"
    rules = [
        ("id", flow_id >= 0, "an id of 0 or above"),
        ("id", first_row, "an id that no other flow has"),
        ("src", (src >= 0) & (src <= last_host), host),
        ("dst", (dst >= 0) & (dst <= last_host), host),
        ("dst", src != dst, "another host than src"),
        ("size_bytes", columns["size_bytes"] >= 1, "1 byte or more"),
        *more_rules,
    ]
    for name, good, expected in rules:
        if not good.all():
            row = int(np.argmin(good))
            raise WorkloadError(
                f"{where(row, name)}: flow {flow_id[row]}: expected {expected} "
                f"(got {columns[name][row]})"
            )


def read_only(array: np.ndarray, dtype: type) -> np.ndarray:
    """A copy of an array that nobody can change."""
    array = array.astype(dtype)
    array.setflags(write=False)
    return array


def _own_rules(columns: dict[str, NDArray[np.int64]]) -> list[Rule]:
    rules: list[Rule] = [("start_ns", columns["start_ns"] >= 0, "a time of 0 or above")]
    for name, last in _KEPT.items():
        if name in columns:
            good = (columns[name] >= 0) & (columns[name] <= last)
            rules.append((name, good, f"an integer of 0 to {last}"))
    return rules


def _integers(name: str, values: ArrayLike) -> NDArray[np.int64]:
    array = np.asarray(values)
    if array.ndim != 1:
        raise WorkloadError(f"workload, {name}: expected one dimension (got {array.ndim})")
    if len(array) and (array.dtype.kind not in "iu" or (array > 2**63 - 1).any()):
        raise WorkloadError(f"workload, {name}: expected int64 (got {array.dtype})")
    return array.astype(np.int64)
