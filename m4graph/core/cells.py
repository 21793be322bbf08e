"""What stands in the cells of CSV and Parquet files and of frames, before any check."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from m4graph.core.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

_INDEX = re.compile(r"__index_level_\d+__")
_LONGEST_CELL = 2**31 - 1


class Cells(NamedTuple):
    """What a file or frame holds, unchecked: text from CSV, anything from others."""

    names: list[str]
    columns: Sequence[Sequence[Any] | np.ndarray]
    numbers: np.ndarray


def frame_cells(frame: Any, error: type[InputError]) -> Cells:
    """What stands in a frame of pandas, or of a library that gives one, or an Arrow stream.

    Raises:
        InputError: If it is none.
    """
    import pandas as pd
    import pyarrow as pa

    if hasattr(frame, "to_pandas"):
        frame = frame.to_pandas()
    elif not isinstance(frame, pd.DataFrame) and hasattr(frame, "__arrow_c_stream__"):
        frame = pa.table(frame).to_pandas()
    if not isinstance(frame, pd.DataFrame):
        raise error(
            f"frame: expected a frame of pandas, of polars or of Arrow (got {type(frame).__name__})"
        )
    columns = [_frame_column(frame.iloc[:, index]) for index in range(frame.shape[1])]
    return Cells([str(name) for name in frame.columns], columns, np.arange(len(frame)))


def _frame_column(column: pd.Series) -> np.ndarray:
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "iuf":
        return column.to_numpy()
    return column.astype(object).where(column.notna(), None).to_numpy()


def read_cells(path: Path, error: type[InputError]) -> Cells:
    """What stands in a CSV or Parquet file.

    Raises:
        InputError: If it cannot be read; names the file.
    """
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


def _read_parquet(path: Path) -> Cells:
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
    return Cells(table.column_names, columns, np.arange(table.num_rows))


def _read_csv(path: Path) -> Cells:
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
    return Cells(names, columns, np.array(numbers, np.int64))


def is_parquet(path: str | Path) -> bool:
    """Whether a table of this name is Parquet, and not CSV."""
    return Path(path).suffix.lower() == ".parquet"
