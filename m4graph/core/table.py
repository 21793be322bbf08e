"""Reads and writes tables with fixed columns: CSV and Parquet by the path's ending, and frames."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from m4graph.core.cells import frame_cells, is_parquet, read_cells
from m4graph.core.errors import InputError
from m4graph.core.integers import as_integer, parse_integer

if TYPE_CHECKING:
    import pandas as pd


class OptionalText(str):
    """Kind of a column of text in which a cell may be empty."""


class Name(str):
    """Kind of a column of text in which integers may stand, too; they are read as text."""


class OptionalInt(int):
    """Kind of a column of integers in which a cell may be empty; it is masked then."""


_EXPECTED = {
    int: "an integer of 64 bits",
    OptionalInt: "an integer of 64 bits or an empty cell",
    float: "a finite number",
    str: "text",
    Name: "text or an integer",
    OptionalText: "text or an empty cell",
}
_NUMBER = re.compile(r"\s*[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]{1,2})?\s*")


@dataclass(frozen=True, eq=False)
class Table:
    """Columns of a file or frame, and where in it each row stands.

    Args:
        source (Path or str): The file, or ``"frame"``.
        columns (dict[str, numpy.ndarray]): int64, float64 or object (``str``) ``[num_rows]``; empty
            cells of :class:`OptionalInt` are masked.
        numbers (numpy.ndarray): int64 ``[num_rows]``: line of a CSV file, else row, from 0.
        names (list[str]): All columns, also those that were passed over.
    """

    source: Path | str
    columns: dict[str, np.ndarray]
    numbers: np.ndarray
    names: list[str]

    def __getitem__(self, column: str) -> np.ndarray:
        return self.columns[column]

    def where(self, row: int, column: str | None = None) -> str:
        """Names a row, or a cell, for an error message."""
        return _where(self.source, self.numbers[row], column)


def read_table(
    source: Any,
    columns: Mapping[str, type],
    error: type[InputError] = InputError,
    only_these: bool = True,
    optional: Mapping[str, type] | None = None,
) -> Table:
    """Reads a table.

    Args:
        source (str, Path or frame): A file that ends in ``.csv`` or ``.parquet``, or a frame: of
            pandas, or of a library that gives one (``to_pandas``) or an Arrow stream.
        columns (Mapping[str, type]): The columns, all of them needed, each with ``int``, ``float``,
            ``str``, :class:`Name`, :class:`OptionalInt` or :class:`OptionalText`.
        error (type, optional): Class of the errors. (default: :class:`InputError`)
        only_these (bool): No other column is allowed; else others are passed over. (default:
            ``True``)
        optional (Mapping[str, type], optional): Columns that need not be there.
            (default: ``None``)

    Raises:
        InputError: If it cannot be read or is not such a table; names the file, the row and the
            column.
    """
    if isinstance(source, str | Path):
        source = Path(source)
        cells = read_cells(source, error)
    else:
        source, cells = "frame", frame_cells(source, error)
    columns = {
        **columns,
        **{name: kind for name, kind in (optional or {}).items() if name in cells.names},
    }
    names = [name for name in cells.names if only_these or name in columns]
    if sorted(names) != sorted(columns):
        raise error(
            f"{source}: expected the columns {','.join(columns)} "
            f"(got {','.join(cells.names) or 'none'})"
        )
    values = {}
    for name, kind in columns.items():
        column = cells.columns[cells.names.index(name)]
        bad = _first_bad(column, kind)
        if bad is not None:
            got = "an empty cell" if bad[1] is None or bad[1] == "" else repr(bad[1])
            where = _where(source, cells.numbers[bad[0]], name)
            raise error(f"{where}: expected {_EXPECTED[kind]} (got {got})")
        values[name] = _convert(column, kind)
    return Table(source, values, cells.numbers, cells.names)


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


def _where(source: Path | str, number: int, column: str | None) -> str:
    in_lines = isinstance(source, Path) and not is_parquet(source)
    row = f"{source}, {'line' if in_lines else 'row'} {number}"
    return row if column is None else f"{row}, column {column}"


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
    if kind is Name:
        return as_integer(cell) is not None
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
    Name: lambda cell: bool(cell.strip()),
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
    if isinstance(cells, np.ndarray) and code in "iuf" and kind is not Name:
        return cells.astype(dtype)
    parsers: dict[type, Callable[[Any], Any]] = {int: _whole, OptionalText: str, Name: _name}
    parse = parsers.get(kind, kind)
    return np.array([parse(cell) for cell in cells], dtype=dtype)


def _is_empty(cell: Any) -> bool:
    return cell is None or cell != cell or not str(cell).strip()


def _name(cell: Any) -> str:
    return cell.strip() if isinstance(cell, str) else str(as_integer(cell))


def _whole(cell: Any) -> int | None:
    return parse_integer(cell) if isinstance(cell, str) else as_integer(cell)


def _written(column: Any) -> list[Any]:
    """The cells of a column, with None where nothing is to stand."""
    values = column.tolist() if isinstance(column, np.ndarray) else column
    return [None if value != value else value for value in values]
