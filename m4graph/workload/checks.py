"""The columns of flows, and the rules that every kind of workload keeps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from m4graph.core.errors import WorkloadError

_MAX_NODE = 2**31 - 1

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
    given: Mapping[str, NDArray[Any]] | None = None,
) -> None:
    """Checks each rule on all flows; ``where(row, column)`` names a place for the message, and
    ``given`` holds what a user wrote there, if that is not what ``columns`` hold.

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
                f"(got {(given or columns)[name][row]})"
            )


def read_only(array: np.ndarray, dtype: type) -> np.ndarray:
    """A copy of an array that nobody can change."""
    array = array.astype(dtype)
    array.setflags(write=False)
    return array


def _integers(name: str, values: ArrayLike) -> NDArray[np.int64]:
    array = np.asarray(values)
    if array.ndim != 1:
        raise WorkloadError(f"workload, {name}: expected one dimension (got {array.ndim})")
    if len(array) and (array.dtype.kind not in "iu" or (array > 2**63 - 1).any()):
        raise WorkloadError(f"workload, {name}: expected int64 (got {array.dtype})")
    return array.astype(np.int64)
