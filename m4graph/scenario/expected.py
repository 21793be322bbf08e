"""Recorded completion times (``expected.csv``) that are the truth of a comparison."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from m4graph.core.errors import InputError
from m4graph.core.table import is_parquet, write_table
from m4graph.workload import AnyWorkload

EXPECTED_FILES = ("expected.csv", "expected.parquet")
"""Their names in a scenario's folder; the first that is there counts."""

COLUMNS = ("id", "fct_ns", "ideal_fct_ns")


@dataclass(frozen=True, eq=False)
class ExpectedTimes:
    """Recorded times, in the workload's order.

    Shapes:
        - ``fct_ns``, ``ideal_fct_ns``: ``[num_flows]``, int64; an FCT of -1: did not finish
    """

    fct_ns: NDArray[np.int64]
    ideal_fct_ns: NDArray[np.int64]


def read_expected(path: Path, workload: AnyWorkload) -> ExpectedTimes:
    """Reads ``id,fct_ns,ideal_fct_ns`` from CSV or Parquet; other columns are ignored.

    A flow that did not finish has an empty ``fct_ns``.

    Raises:
        InputError: If the file is no such table, a value is wrong, or the flows are not exactly
            those of the workload; names the file and the row or flow.
    """
    rows = _parquet_rows(path) if is_parquet(path) else _csv_rows(path)
    row_of_flow = {int(flow): row for row, flow in enumerate(workload.id)}
    times = np.zeros((2, workload.num_flows), dtype=np.int64)
    seen = np.zeros(workload.num_flows, dtype=bool)
    for where, cells in rows:
        flow = _integer(where, "id", cells[0], minimum=0)
        row = row_of_flow.get(flow)
        if row is None:
            raise InputError(f"{where}, column id: expected a flow of the workload (got {flow})")
        if seen[row]:
            raise InputError(f"{where}, column id: expected each flow once (got {flow} again)")
        seen[row] = True
        times[0, row] = _integer(where, "fct_ns", cells[1], minimum=1) if cells[1].strip() else -1
        times[1, row] = _integer(where, "ideal_fct_ns", cells[2], minimum=1)
    if not seen.all():
        missing = int(workload.id[np.argmin(seen)])
        raise InputError(f"{path}: expected a row for each flow (got none for flow {missing})")
    return ExpectedTimes(times[0], times[1])


def write_expected(path: Path, expected: ExpectedTimes, workload: AnyWorkload) -> None:
    """Writes recorded times, sorted by flow id, as CSV or Parquet by the file's ending."""
    order = np.argsort(workload.id, kind="stable")
    fct_ns = np.ma.masked_less(expected.fct_ns[order], 0)
    columns = (workload.id[order], fct_ns, expected.ideal_fct_ns[order])
    write_table(path, dict(zip(COLUMNS, columns, strict=True)))


def _csv_rows(path: Path) -> Iterator[tuple[str, list[str]]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            header = [name.strip() for name in next(reader, [])]
            places = _places(path, header)
            for cells in reader:
                where = f"{path}, line {reader.line_num}"
                if cells and len(cells) != len(header):
                    raise InputError(f"{where}: expected {len(header)} cells (got {len(cells)})")
                if cells:
                    yield where, [cells[place] for place in places]
    except OSError as error:
        raise InputError(f"{path}: expected a file to read (got {error.strerror})") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: expected a CSV file in UTF-8 (got {error})") from None


def _parquet_rows(path: Path) -> Iterator[tuple[str, list[str]]]:
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    try:
        table = ParquetFile(path).read()
    except (OSError, ArrowException) as error:
        got = " ".join(str(error).split())
        raise InputError(f"{path}: expected a Parquet file (got {got})") from None
    columns = [table.column(place).to_pylist() for place in _places(path, table.column_names)]
    for row, values in enumerate(zip(*columns, strict=True)):
        yield f"{path}, row {row}", ["" if value is None else str(value) for value in values]


def _places(path: Path, header: list[str]) -> list[int]:
    for name in COLUMNS:
        if header.count(name) != 1:
            found = ",".join(header) or "none"
            raise InputError(f"{path}: expected a column {name} (got the columns {found})")
    return [header.index(name) for name in COLUMNS]


def _integer(where: str, column: str, cell: str, minimum: int) -> int:
    try:
        value = int(cell)
    except ValueError:
        value = minimum - 1
    if not minimum <= value < 2**63:
        raise InputError(
            f"{where}, column {column}: expected an integer of {minimum} or above (got {cell!r})"
        )
    return value
