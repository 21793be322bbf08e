"""``config.txt``: a line ``KEY value...`` for each setting, ``{comments}`` left out."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

from m4graph.core.errors import InputError
from m4graph.core.text import Line, read_lines
from m4graph.core.units import MBPS, parse_ns3_rate_bps

_INTEGER_PART = re.compile(r"([0-9]{1,19})(\.[0-9]*)?")
_NUMBER = re.compile(r"[0-9]+(\.[0-9]*)?([eE][-+]?[0-9]{1,2})?")


class Settings:
    """The settings of a file, read one after the other by those who know their types.

    Args:
        path (Path): The file.

    Raises:
        InputError: If it cannot be read, or has a key twice.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.notes: list[str] = []
        self._lines: dict[str, Line] = {}
        for line in read_lines(path):
            words = re.sub(r"\{[^}]*\}", " ", " ".join(line.cells)).split()
            if not words or words[0].startswith("#"):
                continue
            if words[0] in self._lines:
                raise InputError(f"{line.where}: expected each key once (got {words[0]} again)")
            self._lines[words[0]] = Line(line.where, words[1:])

    def __contains__(self, key: str) -> bool:
        return key in self._lines

    def keys(self) -> list[str]:
        """All keys, in the file's order."""
        return list(self._lines)

    def where(self, key: str) -> str:
        """Names the line of a key for an error message."""
        line = self._lines.get(key)
        return f"{self.path if line is None else line.where}, {key}"

    def error(self, key: str, expected: str) -> InputError:
        """The error for a bad value."""
        line = self._lines.get(key)
        got = "no such key" if line is None else repr(" ".join(line.cells))
        return InputError(f"{self.where(key)}: {expected} (got {got})")

    def words(self, key: str) -> list[str]:
        """The words after a key."""
        line = self._lines.get(key)
        if line is None or not line.cells:
            raise self.error(key, "expected a value")
        return line.cells

    def word(self, key: str) -> str:
        """The only word after a key."""
        words = self.words(key)
        if len(words) > 1:
            raise self.error(key, "expected one value")
        return words[0]

    def integer(self, key: str) -> int:
        """An integer; digits after a point are left out, as ns-3 does, and noted."""
        word = self.word(key)
        match = _INTEGER_PART.fullmatch(word)
        if match is None:
            raise self.error(key, "expected an integer of 0 or above")
        if (match[2] or "").strip(".0"):
            self.notes.append(f"{self.where(key)}: taken as {match[1]}, as by ns-3 (got {word})")
        return int(match[1])

    def flag(self, key: str) -> bool:
        """0 or 1."""
        value = self.integer(key)
        if value > 1:
            raise self.error(key, "expected 0 or 1")
        return value == 1

    def number(self, key: str) -> float:
        """A number of 0 or above."""
        word = self.word(key)
        if _NUMBER.fullmatch(word) is None:
            raise self.error(key, "expected a number of 0 or above")
        return float(word)

    def rate_bps(self, key: str) -> int:
        """A rate such as ``1000Mb/s``, in bit/s."""
        try:
            return parse_ns3_rate_bps(self.word(key))
        except InputError as error:
            raise InputError(f"{self.where(key)}: {error}") from None

    def by_rate(self, key: str) -> dict[int, str]:
        """A map such as ``2 10000000000 30 40000000000 120``: words by rates in bit/s."""
        count, *words = self.words(key)
        rates = words[::2]
        if not all(word.isdecimal() for word in [count, *rates]) or len(words) != 2 * int(count):
            raise self.error(key, "expected the number of pairs, and pairs of a rate and a value")
        return dict(zip(map(int, rates), words[1::2], strict=True))


def spell_number(value: float) -> str:
    """The shortest text that gives the same float back."""
    return f"{Decimal(repr(float(value))).normalize():f}"


def spell_mbps(mbps: float) -> str | None:
    """A rate as ns-3 reads it; ``None`` if it is not a whole number of bit/s."""
    bps = Decimal(repr(float(mbps))) * MBPS
    return f"{spell_number(mbps)}Mb/s" if bps == int(bps) else None
