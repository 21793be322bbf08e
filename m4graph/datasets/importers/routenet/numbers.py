"""Numbers and tables in the lines of an archive."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from m4graph.core.errors import InputError

MAX_INTEGER = 2**16 - 1
"""Of nodes, ports, queues of a port, and types of service: no network has more."""


def number(cell: str, where: str, name: str) -> float:
    """Reads a finite number.

    Raises:
        InputError: If it is none; names the line and what it should have been.
    """
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"{where}: expected a number as {name} (got {cell!r})")
    return value


def integer(cell: object, where: str, name: str, minimum: int = 0) -> int:
    """Reads an integer.

    Raises:
        InputError: If it is none, below the minimum, or above :data:`MAX_INTEGER`.
    """
    try:
        value = int(str(cell))
    except ValueError:
        value = minimum - 1
    if value < minimum:
        raise InputError(
            f"{where}: expected an integer of {minimum} or above as {name} (got {str(cell)!r})"
        )
    if value > MAX_INTEGER:
        raise InputError(
            f"{where}: expected an integer of at most {MAX_INTEGER} as {name} (got {str(cell)!r})"
        )
    return value


def measured(cells: str, names: Sequence[str], where: str) -> list[float]:
    """Reads numbers between commas; ``nan``: not known. Those after the named ones are left out.

    Raises:
        InputError: If there are fewer, or one is no number.
    """
    found = cells.split(",")
    try:
        if len(found) >= len(names):
            return [float(cell) for cell in found[: len(names)]]
    except ValueError:
        pass
    raise InputError(f"{where}: expected {len(names)} numbers: {', '.join(names)} (got {cells!r})")


def pairs(line: str, num_nodes: int, where: str) -> list[str]:
    """Splits a line into what it says of each pair of nodes: ``(0, 0)``, ``(0, 1)`` and so on.

    Raises:
        InputError: If these are fewer or more.
    """
    cells = line.removesuffix(";").split(";")
    if len(cells) != num_nodes**2:
        raise InputError(
            f"{where}: expected {num_nodes**2} entries between semicolons, one for each pair of "
            f"{num_nodes} nodes (got {len(cells)})"
        )
    return cells


def pair_name(index: int, num_nodes: int) -> str:
    """Names a pair, for an error message."""
    return f"nodes {index // num_nodes} to {index % num_nodes}"


def head(line: str, where: str) -> tuple[str, str]:
    """Splits a line at its ``|``.

    Raises:
        InputError: If it has none.
    """
    first, bar, rest = line.partition("|")
    if not bar:
        raise InputError(f"{where}: expected a '|' after the numbers of the whole network")
    return first, rest


def columns(rows: Sequence[Sequence[float]], width: int) -> NDArray[np.float32]:
    """Rows of numbers as a table, float32 ``[num_rows, width]``."""
    return np.array(rows, np.float32).reshape(-1, width)
