"""The flows of a run: who sends how much to whom, and when."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import networkx as nx
import numpy as np
from numpy.typing import ArrayLike, NDArray

from m4graph.core.calls import plain_call
from m4graph.core.errors import WorkloadError
from m4graph.core.table import read_table, to_frame, write_table
from m4graph.topology.canonical import host_labels
from m4graph.workload.checks import Rule, check_flows, int64_columns, read_only
from m4graph.workload.frame import read_flows

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS = {"id": int, "src": int, "dst": int, "bytes": int, "start_ns": int}
_KEPT = {"priority_group": 7, "destination_port": 2**16 - 1}
"""Columns that may be there, and their largest value."""
_INT32 = ("src", "dst", *_KEPT)


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
    @plain_call
    def from_arrays(
        cls,
        id: ArrayLike,
        src: ArrayLike,
        dst: ArrayLike,
        size_bytes: ArrayLike,
        start_ns: ArrayLike,
        num_hosts: int | None = None,
        priority_group: ArrayLike | None = None,
        destination_port: ArrayLike | None = None,
    ) -> Workload:
        """Checks and sorts flows.

        Args:
            id (array_like): Integers ``[num_flows]``; the other columns likewise.
            src (array_like): Sending hosts.
            dst (array_like): Receiving hosts.
            size_bytes (array_like): Payload in bytes.
            start_ns (array_like): Start times in ns.
            num_hosts (int, optional): If given, host ids must be below it.
            priority_group (array_like, optional): Kept for other simulators.
            destination_port (array_like, optional): The same.

        Raises:
            WorkloadError: If a column holds no integers or has another length than the rest, or a
                flow breaks a rule; names the flow and the column.
        """
        kept = {"priority_group": priority_group, "destination_port": destination_port}
        columns = int64_columns(
            id=id,
            src=src,
            dst=dst,
            size_bytes=size_bytes,
            start_ns=start_ns,
            **{name: values for name, values in kept.items() if values is not None},
        )
        check_flows(
            columns,
            num_hosts,
            lambda row, name: f"workload, {name}",
            _own_rules(columns),
        )
        return cls._sorted(columns)

    @classmethod
    @plain_call
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

    @classmethod
    @plain_call
    def from_frame(cls, frame: Any, network: nx.Graph) -> Workload:
        """Takes flows from a table of one's own: columns ``src``, ``dst``, ``size_bytes`` (or
        ``bytes``) and one of ``start_ns``, ``start_us``, ``start_ms`` and ``start_s``; others are
        passed over.

        Hosts are named by their labels (see :func:`m4graph.topology.from_networkx`), or by their
        ids where no label is a number. Starts in another unit are rounded to whole ns. Without a
        column ``id``, ids are the numbers of the rows.

        Args:
            frame (frame or path): A frame of pandas, or of a library that gives one
                (``to_pandas``, as polars does) or an Arrow stream; or a file that ends in ``.csv``
                or ``.parquet``.
            network (networkx.Graph): The network.

        Raises:
            WorkloadError: If there is no such table, or a flow breaks a rule; names the row, the
                column and the flow.
        """
        flows = read_flows(frame, network)
        check_flows(flows.columns, None, flows.where, _own_rules(flows.columns), flows.given)
        return cls._sorted(flows.columns)

    def to_frame(self, network: nx.Graph | None = None) -> pd.DataFrame:
        """One row for each flow: ``id, src, dst, size_bytes, start_ns``, and what else there is.

        Args:
            network (networkx.Graph, optional): Hosts are named by its labels, as
                :meth:`from_frame` reads them. (default: by their ids)
        """
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        columns = {name: values for name, values in given.items() if values is not None}
        labels = None if network is None else host_labels(network)
        if labels is not None:
            columns |= {end: [labels[host] for host in columns[end]] for end in ("src", "dst")}
        return to_frame(columns)

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


def _own_rules(columns: dict[str, NDArray[np.int64]]) -> list[Rule]:
    rules: list[Rule] = [("start_ns", columns["start_ns"] >= 0, "a time of 0 or above")]
    for name, last in _KEPT.items():
        if name in columns:
            good = (columns[name] >= 0) & (columns[name] <= last)
            rules.append((name, good, f"an integer of 0 to {last}"))
    return rules
