"""Reads and writes CSV and Parquet tables with fixed columns; the path's ending chooses."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from m4graph.core.errors import InputError
from m4graph.core.integers import as_integer, parse_integer

if TYPE_CHECKING:
    import pandas as pd


class OptionalText(str):
    """Kind of a column of text in which a cell may be empty."""


class OptionalInt(int):
    """Kind of a column of integers in which a cell may be empty; it is masked then."""


_EXPECTED = {
    int: "an integer of 64 bits",
    OptionalInt: "an integer of 64 bits or an empty cell",
    float: "a finite number",
    str: "text",
    OptionalText: "text or an empty cell",
}
_INDEX = re.compile(r"__index_level_\d+__")
_LONGEST_CELL = 2**31 - 1
_NUMBER = re.compile(r"\s*[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]{1,2})?\s*")


@dataclass(frozen=True, eq=False)
class Table:
    """Columns of a file, and where in the file each row stands.

    Args:
        path (Path): The file.
        columns (dict[str, numpy.ndarray]): int64, float64 or object (``str``) ``[num_rows]``; empty
            cells of :class:`OptionalInt` are masked.
        numbers (numpy.ndarray): int64 ``[num_rows]``: line of a CSV file, row of a Parquet file.
    """

    path: Path
    columns: dict[str, np.ndarray]
    numbers: np.ndarray

    def __getitem__(self, column: str) -> np.ndarray:
        return self.columns[column]

    def where(self, row: int, column: str | None = None) -> str:
        """Names a row, or a cell, for an error message."""
        return _where(self.path, self.numbers[row], column)


def read_table(
    path: str | Path,
    columns: Mapping[str, type],
    error: type[InputError] = InputError,
    only_these: bool = True,
    optional: Mapping[str, type] | None = None,
) -> Table:
    """Reads a table.

    Args:
        path (str or Path): A file that ends in ``.csv`` or ``.parquet``.
        columns (Mapping[str, type]): The columns, all of them needed, each with ``int``, ``float``,
            ``str``, :class:`OptionalInt` or :class:`OptionalText`.
        error (type, optional): Class of the errors. (default: :class:`InputError`)
        only_these (bool): No other column is allowed; else others are passed over. (default:
            ``True``)
        optional (Mapping[str, type], optional): Columns that need not be there.
            (default: :obj:`None`)

    Raises:
        InputError: If the file cannot be read or is not such a table; names the file, the row
            and the column.
    """
    path = Path(path)
    cells = _read_cells(path, error)
    columns = {
        **columns,
        **{name: kind for name, kind in (optional or {}).items() if name in cells.names},
    }
    names = [name for name in cells.names if only_these or name in columns]
    if sorted(names) != sorted(columns):
        raise error(
            f"{path}: expected the columns {','.join(columns)} "
            f"(got {','.join(cells.names) or 'none'})"
        )
    values = {}
    for name, kind in columns.items():
        column = cells.columns[cells.names.index(name)]
        bad = _first_bad(column, kind)
        if bad is not None:
            got = "an empty cell" if bad[1] is None or bad[1] == "" else repr(bad[1])
            where = _where(path, cells.numbers[bad[0]], name)
            raise error(f"{where}: expected {_EXPECTED[kind]} (got {got})")
        values[name] = _convert(column, kind)
    return Table(path, values, cells.numbers)


def write_table(path: str | Path, columns: Mapping[str, Any]) -> None:
    """Writes a table, as Parquet if the path ends in ``.parquet``, else as CSV.

    Args:
        path (str or Path): The file; its folder must exist.
        columns (Mapping[str, array_like]): The columns ``[num_rows]`` by name. NaN, and what is
            masked, is an empty cell.
    """
    if is_parquet(path):
        to_frame(columns).to_parquet(path, index=False)
        return
    with Path(path).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*map(_written, columns.values()), strict=True))


def to_frame(columns: Mapping[str, Any]) -> pd.DataFrame:
    """Columns as a frame; integers of which some may be masked are of pandas' type ``Int64``."""
    import pandas as pd

    return pd.DataFrame(
        {
            name: pd.array(values.tolist(), dtype="Int64")
            if isinstance(values, np.ma.MaskedArray)
            else values
            for name, values in columns.items()
        }
    )


def is_parquet(path: str | Path) -> bool:
    """Whether a table of this name is Parquet, and not CSV."""
    return Path(path).suffix.lower() == ".parquet"


def _where(path: Path, number: int, column: str | None) -> str:
    row = f"{path}, {'row' if is_parquet(path) else 'line'} {number}"
    return row if column is None else f"{row}, column {column}"


class _Cells(NamedTuple):
    """What a file holds, unchecked: text from CSV, anything from Parquet."""

    names: list[str]
    columns: Sequence[Sequence[Any] | np.ndarray]
    numbers: np.ndarray


def _read_cells(path: Path, error: type[InputError]) -> _Cells:
    kind = "a Parquet file" if is_parquet(path) else "a CSV file in UTF-8"
    if not is_parquet(path) and path.suffix.lower() != ".csv":
        raise error(f"{path}: expected a file that ends in .csv or .parquet")
    try:
        return _read_parquet(path) if is_parquet(path) else _read_csv(path)
    except OSError as problem:
        reason = problem.strerror or problem
        raise error(f"{path}: expected a file to read (got {reason})") from None
    except (ValueError, csv.Error) as problem:
        reason = str(problem).splitlines()[0]
        raise error(f"{path}: expected {kind} (got {reason})") from problem


def _read_parquet(path: Path) -> _Cells:
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile
    from pyarrow.types import is_floating

    try:
        table = ParquetFile(path).read()
    except ArrowException as problem:
        raise ValueError(problem) from problem
    # An index that pandas has written along.
    table = table.select([name for name in table.column_names if not _INDEX.fullmatch(name)])
    columns = [
        each.to_pylist() if each.null_count and not is_floating(each.type) else each.to_numpy()
        for each in table.columns
    ]
    return _Cells(table.column_names, columns, np.arange(table.num_rows))


def _read_csv(path: Path) -> _Cells:
    csv.field_size_limit(_LONGEST_CELL)
    rows, numbers = [], []
    with path.open(newline="", encoding="utf-8-sig") as file:
        # Blank in place of a comment, so that lines are counted.
        lines = ("\n" if line.lstrip().startswith("#") else line for line in file)
        reader = csv.reader(lines, strict=True)
        names = [name.strip() for name in next(filter(any, reader), [])]
        while names and not names[-1]:
            names.pop()
        for row in reader:
            while len(row) > len(names) and not row[-1].strip():
                row.pop()
            if len(row) > len(names):
                got = f"{len(row)} cells below {len(names)} names"
                raise ValueError(f"{got} in line {reader.line_num}")
            if any(row):
                rows.append(row + [""] * (len(names) - len(row)))
                numbers.append(reader.line_num)
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    return _Cells(names, columns, np.array(numbers, np.int64))


def _first_bad(cells: Sequence[Any] | np.ndarray, kind: type) -> tuple[int, object] | None:
    """Finds a cell that is not of the kind: its row among those read, and what stands there."""
    type_code = cells.dtype.kind if isinstance(cells, np.ndarray) else "O"
    if (kind in (int, float) and type_code == "i") or (kind is float and type_code == "u"):
        return None
    if kind is float and type_code == "f":
        good = np.isfinite(cells)
    else:
        good = np.array([_fits(cell, kind) for cell in cells], dtype=bool)
    if good.all():
        return None
    row = int(np.argmin(good))
    value = cells[row]
    return row, value.item() if isinstance(value, np.generic) else value


def _fits(cell: object, kind: type) -> bool:
    if isinstance(cell, str):
        return _FITS[kind](cell)
    if kind is OptionalInt and _is_empty(cell):
        return True
    if kind in (int, OptionalInt):
        value = as_integer(cell)
        return value is not None and -(2**63) <= value < 2**63
    return isinstance(cell, kind)


def _is_integer(cell: str) -> bool:
    value = parse_integer(cell)
    return value is not None and -(2**63) <= value < 2**63


def _is_number(cell: str) -> bool:
    return _NUMBER.fullmatch(cell) is not None


_FITS: dict[type, Callable[[str], bool]] = {
    int: _is_integer,
    float: _is_number,
    str: bool,
    OptionalInt: lambda cell: not cell.strip() or _is_integer(cell),
    OptionalText: lambda cell: True,
}


def _convert(cells: Sequence[Any] | np.ndarray, kind: type) -> np.ndarray:
    code = cells.dtype.kind if isinstance(cells, np.ndarray) else "O"
    if kind is OptionalInt and code != "i":
        empty = [_is_empty(cell) for cell in cells]
        filled = [0 if none else _whole(cell) for cell, none in zip(cells, empty, strict=True)]
        return np.ma.masked_array(np.array(filled, dtype=np.int64), empty)
    dtype = {int: np.int64, OptionalInt: np.int64, float: np.float64}.get(kind, object)
    if isinstance(cells, np.ndarray) and code in "iuf":
        return cells.astype(dtype)
    parsers: dict[type, Callable[[Any], Any]] = {int: _whole, OptionalText: str}
    parse = parsers.get(kind, kind)
    return np.array([parse(cell) for cell in cells], dtype=dtype)


def _is_empty(cell: Any) -> bool:
    return cell is None or cell != cell or not str(cell).strip()


def _whole(cell: Any) -> int | None:
    return parse_integer(cell) if isinstance(cell, str) else as_integer(cell)


def _written(column: Any) -> list[Any]:
    """The cells of a column, with None where nothing is to stand."""
    values = column.tolist() if isinstance(column, np.ndarray) else column
    return [None if value != value else value for value in values]
