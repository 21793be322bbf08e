"""Reads and writes CSV and Parquet tables with fixed columns; the path's ending chooses."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow

from m4graph.core.errors import InputError


class OptionalText(str):
    """Kind of a column of text in which a cell may be empty."""


_EXPECTED = {
    int: "an integer of 64 bits",
    float: "a finite number",
    str: "text",
    OptionalText: "text or an empty cell",
}
_INTEGER = re.compile(r"\s*[-+]?[0-9]{1,19}\s*")
_NUMBER = re.compile(r"\s*[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]{1,2})?\s*")


@dataclass(frozen=True, eq=False)
class Table:
    """Columns of a file, and where in the file each row stands.

    Args:
        path (Path): The file.
        columns (dict[str, numpy.ndarray]): int64, float64 or object (``str``) ``[num_rows]``.
        places (numpy.ndarray): int64 ``[num_rows]``: line of a CSV file, row of a Parquet file.
    """

    path: Path
    columns: dict[str, np.ndarray]
    places: np.ndarray

    def __getitem__(self, column: str) -> np.ndarray:
        return self.columns[column]

    def where(self, row: int, column: str | None = None) -> str:
        """Names a row, or a cell, for an error message."""
        return _where(self.path, self.places[row], column)


def read_table(
    path: str | Path, columns: Mapping[str, type], error: type[InputError] = InputError
) -> Table:
    """Reads a table.

    Args:
        path (str or Path): A file that ends in ``.csv`` or ``.parquet``.
        columns (Mapping[str, type]): The columns, all of them needed and no other allowed, each
            with ``int``, ``float``, ``str`` or :class:`OptionalText`.
        error (type, optional): Class of the errors. (default: :class:`InputError`)

    Raises:
        InputError: If the file cannot be read or is not such a table; names the file, the row
            and the column.
    """
    path = Path(path)
    frame = _read_frame(path, error)
    found = [str(name).strip() for name in frame.columns]
    if sorted(found) != sorted(columns):
        raise error(
            f"{path}: expected the columns {','.join(columns)} (got {','.join(found) or 'none'})"
        )
    frame.columns = pd.Index(found)
    places = frame.index.to_numpy(dtype=np.int64)
    values = {}
    for name, kind in columns.items():
        cells = frame[name]
        bad = _first_bad(cells, kind)
        if bad is not None:
            got = "an empty cell" if bad[1] == "" else repr(bad[1])
            place = _where(path, places[bad[0]], name)
            raise error(f"{place}: expected {_EXPECTED[kind]} (got {got})")
        values[name] = _convert(cells, kind)
    return Table(path, values, places)


def write_table(path: str | Path, columns: Mapping[str, Any]) -> None:
    """Writes a table, as Parquet if the path ends in ``.parquet``, else as CSV.

    Args:
        path (str or Path): The file; its folder must exist.
        columns (Mapping[str, array_like]): The columns ``[num_rows]`` by name.
    """
    frame = pd.DataFrame(dict(columns))
    if is_parquet(path):
        frame.to_parquet(path, index=False)
    else:
        frame.to_csv(path, index=False, lineterminator="\n")


def is_parquet(path: str | Path) -> bool:
    """Whether a table of this name is Parquet, and not CSV."""
    return Path(path).suffix.lower() == ".parquet"


def _where(path: Path, place: int, column: str | None) -> str:
    row = f"{path}, {'row' if is_parquet(path) else 'line'} {place}"
    return row if column is None else f"{row}, column {column}"


def _read_frame(path: Path, error: type[InputError]) -> pd.DataFrame:
    """Reads all cells; the index of the frame is the place of each row."""
    kind = "Parquet" if is_parquet(path) else "CSV"
    if not is_parquet(path) and path.suffix.lower() != ".csv":
        raise error(f"{path}: expected a file that ends in .csv or .parquet")
    try:
        return _read_parquet(path) if is_parquet(path) else _read_csv(path)
    except OSError as problem:
        reason = problem.strerror or problem
        raise error(f"{path}: expected a file to read (got {reason})") from None
    except (ValueError, pd.errors.ParserWarning, pyarrow.ArrowException) as problem:
        reason = str(problem).splitlines()[0]
        raise error(f"{path}: expected a {kind} file (got {reason})") from problem


def _read_parquet(path: Path) -> pd.DataFrame:
    return pd.read_parquet(path).reset_index(drop=True)


def _read_csv(path: Path) -> pd.DataFrame:
    """Reads cells as text: pandas would otherwise guess, and turn an empty cell into a number."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        try:
            frame = pd.read_csv(
                path,
                dtype=object,
                index_col=False,
                na_filter=False,
                skip_blank_lines=False,
                encoding="utf-8-sig",
            )
        except pd.errors.EmptyDataError:
            return pd.DataFrame()
    frame.index += 2
    return frame[~frame.isin(["", None, np.nan]).all(axis=1)]


def _first_bad(cells: pd.Series, kind: type) -> tuple[int, object] | None:
    """Finds a cell that is not of the kind: its row among those read, and what stands there."""
    if kind in (int, float) and pd.api.types.is_integer_dtype(cells.dtype) and not cells.hasnans:
        return None
    if kind is float and pd.api.types.is_float_dtype(cells.dtype):
        good = np.isfinite(cells.to_numpy(np.float64))
    else:
        fits = _FITS[kind]
        good = np.array([isinstance(cell, str) and fits(cell) for cell in cells], dtype=bool)
    if good.all():
        return None
    row = int(np.argmin(good))
    value = cells.iloc[row]
    return row, value.item() if isinstance(value, np.generic) else value


def _is_integer(cell: str) -> bool:
    return _INTEGER.fullmatch(cell) is not None and -(2**63) <= int(cell) < 2**63


def _is_number(cell: str) -> bool:
    return _NUMBER.fullmatch(cell) is not None


_FITS: dict[type, Callable[[str], bool]] = {
    int: _is_integer,
    float: _is_number,
    str: bool,
    OptionalText: lambda cell: True,
}


def _convert(cells: pd.Series, kind: type) -> np.ndarray:
    dtype = {int: np.int64, float: np.float64}.get(kind, object)
    if pd.api.types.is_numeric_dtype(cells.dtype):
        return np.asarray(cells, dtype=dtype)
    parse = str if kind is OptionalText else kind
    return np.array([parse(cell) for cell in cells], dtype=dtype)
