"""Lines and cells of text files, and the notations that these share."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from m4graph.core.errors import InputError
from m4graph.core.units import NS_PER_S

MAX_INTEGER = 2**63 - 1
_INTEGER = re.compile(r"[0-9]{1,19}")
_SECONDS = re.compile(r"[0-9]{1,10}(\.[0-9]{1,30})?([eE][-+]?[0-9]{1,2})?")


@dataclass(frozen=True)
class Line:
    """The words of a line, and where it stands, for an error message."""

    where: str
    cells: list[str]

    def integer(self, name: str, column: int, minimum: int = 0, maximum: int = MAX_INTEGER) -> int:
        """Reads the cell of a column as an integer.

        Raises:
            InputError: If it is none, or out of range; names the line and the column.
        """
        cell = self.cells[column]
        if _INTEGER.fullmatch(cell) is None or not minimum <= int(cell) <= maximum:
            upper = "or above" if maximum == MAX_INTEGER else f"to {maximum}"
            raise self.error(name, f"expected an integer of {minimum} {upper}", cell)
        return int(cell)

    def error(self, name: str, expected: str, got: object) -> InputError:
        """The error for a bad cell of this line."""
        return InputError(f"{self.where}, {name}: {expected} (got {got!r})")


def read_lines(path: Path) -> list[Line]:
    """Reads the words of each line that is not blank.

    Raises:
        InputError: If the file cannot be read, or is no text.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"{path}: expected a file to read (got {reason})") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: expected text in UTF-8 (got {error})") from None
    numbered = ((number, line.split()) for number, line in enumerate(text.splitlines(), 1))
    return [Line(f"{path}, line {number}", cells) for number, cells in numbered if cells]


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
