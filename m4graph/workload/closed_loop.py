"""Flows that wait for other flows: who follows whom, and how many a rack has under way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from m4graph.core.calls import plain_call
from m4graph.core.checks import check_count
from m4graph.core.errors import WorkloadError
from m4graph.core.table import OptionalText, read_table, write_table
from m4graph.workload.checks import check_flows, int64_columns, read_only
from m4graph.workload.dependencies import join_ids, parse_ids, refuse_circles, rows_of
from m4graph.workload.workload import Workload

_COLUMNS = {
    "id": int,
    "src": int,
    "dst": int,
    "bytes": int,
    "ready_ns": int,
    "after": OptionalText,
    "delay_ns": int,
}
_MAX_TIME_NS = 2**62


@plain_call
@dataclass(frozen=True, eq=False)
class ClosedLoopWorkload:
    """Flows whose start depends on the completion of others, sorted by ``(ready_ns, id)``.

    A flow is *ready* at ``ready_ns``, or ``delay_ns`` after the last of the flows that it waits for
    has completed, whichever is later. A ready flow starts, unless its sender's rack has
    ``limit_per_rack`` flows under way: then it waits for one of these to complete. Of the flows
    that wait in a rack the one that was ready first starts first, of several the one with the
    smallest id. A rack is the hosts at one switch.

    Made by :meth:`from_arrays`, :meth:`from_file` or :func:`closed_loop`, which check it; all
    arrays are read-only.

    Fields:
        - id: int64 ``[num_flows]``, unique, 0 or above
        - src, dst: int32 ``[num_flows]``, host ids, different in each row
        - size_bytes: int64 ``[num_flows]``, payload, 1 or above
        - ready_ns: int64 ``[num_flows]``, no start is earlier
        - after_ptr: int64 ``[num_flows + 1]``, after: int64 ``[num_dependencies]``; the flow in row
          ``i`` waits for those in the rows ``after[after_ptr[i]:after_ptr[i + 1]]``
        - delay_ns: int64 ``[num_flows]``, from the last of these completions to the flow; 0 for a
          flow that waits for none
        - limit_per_rack: int or None
    """

    id: NDArray[np.int64]
    src: NDArray[np.int32]
    dst: NDArray[np.int32]
    size_bytes: NDArray[np.int64]
    ready_ns: NDArray[np.int64]
    after_ptr: NDArray[np.int64]
    after: NDArray[np.int64]
    delay_ns: NDArray[np.int64]
    limit_per_rack: int | None = None

    @property
    def num_flows(self) -> int:
        """Number of flows."""
        return len(self.id)

    @property
    def start_ns(self) -> NDArray[np.int64]:
        """Refused: starts follow from completions.

        Raises:
            WorkloadError: Always.
        """
        raise WorkloadError(
            "closed-loop workload: expected an open-loop workload, whose starts are known "
            "beforehand (got one whose flows wait for others)"
        )

    @classmethod
    def from_arrays(
        cls,
        id: ArrayLike,
        src: ArrayLike,
        dst: ArrayLike,
        size_bytes: ArrayLike,
        ready_ns: ArrayLike,
        after_ptr: ArrayLike,
        after: ArrayLike,
        delay_ns: ArrayLike,
        limit_per_rack: int | None = None,
        num_hosts: int | None = None,
    ) -> ClosedLoopWorkload:
        """Checks and sorts flows.

        Args:
            id (array_like): Integers ``[num_flows]``; other columns likewise.
            src (array_like): Sending hosts.
            dst (array_like): Receiving hosts.
            size_bytes (array_like): Payload in bytes.
            ready_ns (array_like): Earliest starts in ns.
            after_ptr (array_like): Where each flow's part of ``after`` begins, ``[num_flows + 1]``.
            after (array_like): **Ids** of the flows that each flow waits for.
            delay_ns (array_like): Time from the last of their completions to the flow.
            limit_per_rack (int, optional): Flows that a rack has under way at most.
            num_hosts (int, optional): If given, host ids must be below it.

        Raises:
            WorkloadError: If a column holds no integers or has another length than the rest, a
                flow breaks a rule, waits for one that does not exist, or flows wait for each
                other in a circle; names the flow and the column.
        """
        columns = int64_columns(
            id=id, src=src, dst=dst, size_bytes=size_bytes, ready_ns=ready_ns, delay_ns=delay_ns
        )
        ptr = int64_columns(after_ptr=after_ptr)["after_ptr"]
        waits = int64_columns(after=after)["after"]
        num_flows = len(columns["id"])
        if len(ptr) != num_flows + 1 or (ptr[0], ptr[-1]) != (0, len(waits)) or _falls(ptr):
            raise WorkloadError(
                f"workload, after_ptr: expected {num_flows + 1} pointers that rise from 0 to "
                f"{len(waits)} (got {len(ptr)} that do not)"
            )
        return cls._checked(
            columns, ptr, waits, limit_per_rack, num_hosts, lambda row, name: f"workload, {name}"
        )

    @classmethod
    def from_file(
        cls, path: str | Path, limit_per_rack: int | None = None, num_hosts: int | None = None
    ) -> ClosedLoopWorkload:
        """Reads flows from a table ``id,src,dst,bytes,ready_ns,after,delay_ns``.

        ``after`` is the ids that a flow waits for, joined by ``-``; empty for none. Rows may be in
        any order.

        Args:
            path (str or Path): A file that ends in ``.csv`` or ``.parquet``.
            limit_per_rack (int, optional): Flows that a rack has under way at most.
            num_hosts (int, optional): If given, host ids must be below it.

        Raises:
            WorkloadError: If the file is no such table, or as :meth:`from_arrays`; names the file,
                the row, the column and the flow.
        """
        table = read_table(path, _COLUMNS, WorkloadError)
        ptr, after = parse_ids(table, "after")
        columns = {name: values for name, values in table.columns.items() if name != "after"}
        columns["size_bytes"] = columns.pop("bytes")
        return cls._checked(
            columns,
            ptr,
            after,
            limit_per_rack,
            num_hosts,
            lambda row, name: table.where(row, "bytes" if name == "size_bytes" else name),
        )

    def to_csv(self, path: str | Path) -> None:
        """Writes the flows as :meth:`from_file` reads them; Parquet if the path ends so.

        Args:
            path (str or Path): The file; its folder must exist.
        """
        after = join_ids(self.after_ptr, self.id[self.after])
        columns = (
            self.id, self.src, self.dst, self.size_bytes, self.ready_ns, after, self.delay_ns,
        )  # fmt: skip
        write_table(path, dict(zip(_COLUMNS, columns, strict=True)))

    def to_block(self, file: str) -> dict[str, Any]:
        """The ``workload`` block of a scenario that reads the flows from a file."""
        return {"kind": "closed_loop", "file": file, "limit_per_rack": self.limit_per_rack}

    def with_limit(self, limit_per_rack: int | None) -> ClosedLoopWorkload:
        """The same flows with another limit, or none.

        Raises:
            WorkloadError: If the limit is below 1.
        """
        return replace(self, limit_per_rack=_checked_limit(limit_per_rack))

    def __repr__(self) -> str:
        return (
            f"ClosedLoopWorkload(num_flows={self.num_flows}, "
            f"total_bytes={self.size_bytes.sum()}, num_dependencies={len(self.after)}, "
            f"limit_per_rack={self.limit_per_rack})"
        )

    @classmethod
    def _checked(
        cls,
        columns: dict[str, NDArray[np.int64]],
        ptr: NDArray[np.int64],
        after: NDArray[np.int64],
        limit_per_rack: int | None,
        num_hosts: int | None,
        where: Callable[[int, str], str],
    ) -> ClosedLoopWorkload:
        flow_id, num_waits = columns["id"], np.diff(ptr)
        times = [
            (name, (columns[name] >= 0) & (columns[name] < _MAX_TIME_NS), f"0 to {_MAX_TIME_NS} ns")
            for name in ("ready_ns", "delay_ns")
        ]
        waits_or_none = (num_waits > 0) | (columns["delay_ns"] == 0)
        idle = ("delay_ns", waits_or_none, "0 for a flow that waits for none")
        check_flows(columns, num_hosts, where, [*times, idle])
        waiting = np.repeat(np.arange(len(flow_id)), num_waits)
        rows = rows_of(flow_id, after, waiting, where)
        refuse_circles(flow_id, waiting, rows, where)

        order = np.lexsort((flow_id, columns["ready_ns"]))
        new_row = np.empty(len(order), np.int64)
        new_row[order] = np.arange(len(order))
        new_ptr = np.concatenate(([0], np.cumsum(num_waits[order])))
        # The dependencies of the flow that moved to row i start at ptr[order[i]].
        entry = np.arange(len(after)) + np.repeat(ptr[:-1][order] - new_ptr[:-1], num_waits[order])
        return cls(
            **{
                name: read_only(values[order], np.int32 if name in ("src", "dst") else np.int64)
                for name, values in columns.items()
            },
            after_ptr=read_only(new_ptr, np.int64),
            after=read_only(new_row[rows[entry]], np.int64),
            limit_per_rack=_checked_limit(limit_per_rack),
        )


@plain_call
def closed_loop(
    workload: Workload, limit_per_rack: int | None = None, backlog: bool = False
) -> ClosedLoopWorkload:
    """Open-loop flows as a closed loop: a limit of flows under way in each rack.

    Args:
        workload (Workload): The flows.
        limit_per_rack (int, optional): Flows that a rack has under way at most; the next one is
            released when one completes.
        backlog (bool, optional): All flows are ready when the first one starts, so that only the
            limit paces them, in the order of their ids; this is the closed loop of m4. Otherwise
            no flow starts before its ``start_ns``. (default: ``False``)

    Reference:
        Li et al., "m4: A Learned Flow-level Network Simulator", arXiv 2503.01770, where racks work
        off a backlog with 1 to 19 flows under way.

    Raises:
        WorkloadError: If the limit is below 1.
    """
    if not isinstance(workload, Workload):
        raise WorkloadError(f"workload: expected a Workload (got {type(workload).__name__})")
    num_flows = workload.num_flows
    ready_ns = workload.start_ns
    if backlog and num_flows:
        ready_ns = np.full(num_flows, ready_ns[0])
    return ClosedLoopWorkload.from_arrays(
        id=workload.id,
        src=workload.src,
        dst=workload.dst,
        size_bytes=workload.size_bytes,
        ready_ns=ready_ns,
        after_ptr=np.zeros(num_flows + 1, np.int64),
        after=np.zeros(0, np.int64),
        delay_ns=np.zeros(num_flows, np.int64),
        limit_per_rack=limit_per_rack,
    )


def _falls(ptr: NDArray[np.int64]) -> bool:
    return bool((np.diff(ptr) < 0).any())


def _checked_limit(limit: int | None) -> int | None:
    return None if limit is None else check_count("limit_per_rack", limit)
