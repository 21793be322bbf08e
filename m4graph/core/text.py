"""Lines and words of text files, and where they stand, for messages."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from m4graph.core.errors import InputError
from m4graph.core.integers import parse_integer

MAX_INTEGER = 2**63 - 1


@dataclass(frozen=True)
class Line:
    """The words of a line.

    Args:
        where (str): File and number of the line.
        cells (list[str]): The words.
        problem (type, optional): Class of the errors. (default: :class:`InputError`)
    """

    where: str
    cells: list[str]
    problem: type[InputError] = InputError

    def integer(self, name: str, column: int, minimum: int = 0, maximum: int = MAX_INTEGER) -> int:
        """Reads the cell of a column as an integer.

        Raises:
            InputError: If it is none, or out of range; names the line and the column.
        """
        cell = self.cells[column]
        value = parse_integer(cell)
        if value is None or not minimum <= value <= maximum:
            upper = "or above" if maximum == MAX_INTEGER else f"to {maximum}"
            raise self.error(name, f"expected an integer of {minimum} {upper}", cell)
        return value

    def error(self, name: str, expected: str, got: object) -> InputError:
        """The error for a bad cell of this line."""
        return self.problem(f"{self.where}, {name}: {expected} (got {got!r})")


def read_lines(path: Path, problem: type[InputError] = InputError) -> list[Line]:
    """Reads the words of each line that is not blank.

    Args:
        path (Path): The file.
        problem (type, optional): Class of the errors. (default: :class:`InputError`)

    Raises:
        InputError: If the file cannot be read, or is no text.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        reason = error.strerror or error
        raise problem(f"{path}: expected a file to read (got {reason})") from None
    except UnicodeDecodeError as error:
        raise problem(f"{path}: expected text in UTF-8 (got {error})") from None
    numbered = ((number, line.split()) for number, line in enumerate(text.splitlines(), 1))
    return [Line(f"{path}, line {number}", cells, problem) for number, cells in numbered if cells]


def first_line(error: BaseException) -> str:
    """What an error says, without further lines; its name where it says nothing."""
    return (str(error).splitlines() or [type(error).__name__])[0]
