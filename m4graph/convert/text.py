"""The notations that the text files share."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

from m4graph.core.text import MAX_INTEGER, Line
from m4graph.core.units import NS_PER_S

_SECONDS = re.compile(r"[0-9]{1,10}(\.[0-9]{1,30})?([eE][-+]?[0-9]{1,2})?")


def write_lines(path: Path, lines: list[str]) -> None:
    """Writes lines, each ended."""
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def parse_seconds_ns(line: Line, name: str, column: int) -> int:
    """Reads a time in seconds, as in ``1.000003749``, in ns.

    Raises:
        InputError: If it is no time, or not a whole number of ns.
    """
    cell = line.cells[column]
    expected = "expected a time in seconds, in whole ns"
    if _SECONDS.fullmatch(cell) is None:
        raise line.error(name, expected, cell)
    time_ns = Decimal(cell) * NS_PER_S
    if time_ns != int(time_ns) or time_ns > MAX_INTEGER:
        raise line.error(name, expected, cell)
    return int(time_ns)


def spell_seconds(time_ns: int) -> str:
    """Spells a time in seconds; :func:`parse_seconds_ns` gives the same ns back."""
    return f"{time_ns // NS_PER_S}.{time_ns % NS_PER_S:09d}"
