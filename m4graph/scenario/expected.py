"""Recorded completion times (``expected.csv``) that are the truth of a comparison."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from m4graph.core.calls import plain_call
from m4graph.core.errors import ConfigError, InputError
from m4graph.core.table import OptionalInt, read_table, write_table
from m4graph.routing.file import rows_of_flows
from m4graph.workload import AnyWorkload

EXPECTED_FILES = ("expected.csv", "expected.parquet")
"""Their names in a scenario's folder; the first that is there counts."""

_KINDS = {"id": int, "fct_ns": OptionalInt, "ideal_fct_ns": int}
_UNFINISHED = -1


@plain_call
@dataclass(frozen=True, eq=False)
class ExpectedTimes:
    """Recorded times, in the workload's order.

    Shapes:
        - ``fct_ns``, ``ideal_fct_ns``: ``[num_flows]``, int64; an FCT of -1: did not finish
    """

    fct_ns: NDArray[np.int64]
    ideal_fct_ns: NDArray[np.int64]

    def of_flows(self, rows: NDArray[np.integer] | NDArray[np.bool_]) -> ExpectedTimes:
        """The times of only some flows: their rows, or whether each one is kept."""
        return ExpectedTimes(self.fct_ns[rows], self.ideal_fct_ns[rows])


def check_expected(expected: ExpectedTimes | None, workload: AnyWorkload) -> ExpectedTimes | None:
    """Gives recorded times back, if there are any, of all flows of a workload.

    Raises:
        ConfigError: If they are those of another number of flows.
    """
    if expected is not None and (
        len(expected.fct_ns) != workload.num_flows
        or len(expected.ideal_fct_ns) != workload.num_flows
    ):
        raise ConfigError(
            f"expected: expected times of {workload.num_flows} flows (got {len(expected.fct_ns)})"
        )
    return expected


def read_expected(path: Path, workload: AnyWorkload) -> ExpectedTimes:
    """Reads ``id,fct_ns,ideal_fct_ns`` from CSV or Parquet; other columns are ignored.

    A flow that did not finish has an empty ``fct_ns``.

    Raises:
        InputError: If the file is no such table, a value is wrong, or the flows are not exactly
            those of the workload; names the file and the row or flow.
    """
    table = read_table(path, _KINDS, only_these=False)
    rows = rows_of_flows(table, workload.id)
    for name in ("fct_ns", "ideal_fct_ns"):
        bad = np.flatnonzero(np.ma.filled(table[name] < 1, False))
        if len(bad):
            where, got = table.where(bad[0], name), table[name][bad[0]]
            raise InputError(f"{where}: expected an integer of 1 or above (got {got})")
    return ExpectedTimes(
        np.ma.filled(table["fct_ns"], _UNFINISHED)[rows], table["ideal_fct_ns"][rows]
    )


def write_expected(path: Path, expected: ExpectedTimes, workload: AnyWorkload) -> None:
    """Writes recorded times, sorted by flow id, as CSV or Parquet by the file's ending."""
    order = np.argsort(workload.id, kind="stable")
    fct_ns = np.ma.masked_less(expected.fct_ns[order], 0)
    columns = (workload.id[order], fct_ns, expected.ideal_fct_ns[order])
    write_table(path, dict(zip(_KINDS, columns, strict=True)))
