"""Archives of simulations, read line by line: nothing is unpacked, nothing is kept.

Each text file of an archive has a line for each simulation. An archive can only be read from its
start on, so every file has a reader of its own, and all of them move on together.
"""

from __future__ import annotations

import gzip
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO

from m4graph.core.errors import InputError

RESULTS, TRAFFIC, INPUTS = "simulationResults.txt", "traffic.txt", "input_files.txt"
FLOW_RESULTS, STABILITY, LINK_USAGE = (
    "flowSimulationResults.txt", "stability.txt", "linkUsage.txt",
)  # fmt: skip
NEEDED, OPTIONAL = (RESULTS, TRAFFIC, INPUTS), (FLOW_RESULTS, STABILITY, LINK_USAGE)
GRAPHS, ROUTINGS, LINK_RATES = "graphs", "routings", "links_bw"

MAX_TEXT_BYTES = 256 * 2**20
"""Of a line, and of all topologies and routings together: what an archive has in memory."""

_BROKEN = (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError)


@dataclass(frozen=True)
class Simulation:
    """The lines of one simulation, by the names of their files.

    Args:
        archive (Path): Where they stand.
        number (int): In which line, from 1.
        lines (dict): What stands there.
    """

    archive: Path
    number: int
    lines: dict[str, str]

    def where(self, file: str) -> str:
        """Names a line, for an error message."""
        return f"{self.archive}, {file}, line {self.number}"


@dataclass(frozen=True)
class Archive:
    """A ``.tar.gz`` of simulations.

    Args:
        path (Path): The file; the folders ``graphs`` and ``routings`` are beside it, or inside.
    """

    path: Path
    _inside: dict[str, str] = field(default_factory=dict, repr=False)
    """Texts of the topologies and routings inside, once they have been looked for."""

    def simulations(self) -> Iterator[Simulation]:
        """Reads all simulations, one after the other.

        Raises:
            InputError: If the archive is damaged, lacks a file, or one has fewer lines.
        """
        members = self._members()
        names = [name for name in (*NEEDED, *OPTIONAL) if name in members]
        for name in NEEDED:
            if name not in names:
                raise InputError(f"{self.path}: expected a file {name} inside (got none)")
        readers = {name: self._lines(members[name], name) for name in names}
        number = 0
        while True:
            number += 1
            lines = {name: next(reader, None) for name, reader in readers.items()}
            if lines[RESULTS] is None and not any(lines.values()):
                return
            there = {name: line for name, line in lines.items() if line is not None}
            for name in names:
                if name not in there:
                    raise InputError(
                        f"{self.path}, {name}: expected a line for each simulation "
                        f"(got {number - 1}, others have more)"
                    )
            yield Simulation(self.path, number, there)

    def text(self, folder: str, name: str, where: str) -> str:
        """Reads a topology, a routing or a list of rates, beside the archive or inside.

        Args:
            folder (str): :data:`GRAPHS`, :data:`ROUTINGS` or :data:`LINK_RATES`.
            name (str): Of the file.
            where (str): What names it, for the message.

        Raises:
            InputError: If there is no such file.
        """
        key = f"{folder}/{name}"
        if key in self._inside:
            return self._inside[key]
        path = self.path.parent / folder / name
        try:
            if ".." in PurePosixPath(name).parts or PurePosixPath(name).is_absolute():
                raise FileNotFoundError
            return path.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:  # no text, or a name that no file has
            got = getattr(error, "strerror", None) or "no such text file"
            raise InputError(f"{where}: expected a file {key} (got {got})") from None

    def _members(self) -> dict[str, str]:
        """The files inside by their last names; takes note of topologies and routings."""
        found: dict[str, str] = {}
        total = 0
        with self._opened() as tar:
            for member in tar:
                name = PurePosixPath(member.name)
                if name.parent.name in (GRAPHS, ROUTINGS, LINK_RATES):
                    file = tar.extractfile(member) if member.isfile() else None
                    if file is not None:
                        self._check_size(member.name, member.size)
                        key = f"{name.parent.name}/{name.name}"
                        self._inside[key] = file.read().decode("utf-8", "replace")
                        total += member.size
                        self._check_size("topologies and routings", total)
                elif member.isfile():
                    found[name.name] = member.name
        return found

    def _check_size(self, name: str, size: int) -> None:
        if size > MAX_TEXT_BYTES:
            raise InputError(
                f"{self.path}, {name}: expected at most {MAX_TEXT_BYTES} bytes (got {size})"
            )

    def _lines(self, member_name: str, file: str) -> Iterator[str]:
        """The lines of a file, without blank ones at its end."""
        with self._opened() as tar:
            member = next(member for member in tar if member.name == member_name)
            text = tar.extractfile(member)
            assert text is not None  # it is a file: _members looked
            blank = False
            for number, line in enumerate(_decoded(text, f"{self.path}, {file}"), 1):
                if blank and line:
                    raise InputError(
                        f"{self.path}, {file}, line {number - 1}: expected a simulation "
                        "(got a blank line)"
                    )
                blank = not line
                if line:
                    yield line

    @contextmanager
    def _opened(self) -> Iterator[tarfile.TarFile]:
        try:
            with _tar(self.path) as tar:
                yield tar
        except _BROKEN as error:
            got = str(error) or type(error).__name__
            raise InputError(f"{self.path}: expected an archive .tar.gz (got {got})") from None
        except OSError as error:
            raise InputError(f"{self.path}: expected a file to read (got {error})") from None


def _tar(path: Path) -> tarfile.TarFile:
    try:
        return tarfile.open(path, "r|gz")
    except TypeError:  # Python's word for a header of gzip that ends early.
        raise EOFError("a header that ends early") from None


def _decoded(text: IO[bytes], where: str) -> Iterator[str]:
    lines = iter(lambda: text.readline(MAX_TEXT_BYTES + 1), b"")
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_TEXT_BYTES:
            raise InputError(f"{where}, line {number}: expected at most {MAX_TEXT_BYTES} bytes")
        try:
            yield line.decode("ascii").strip()
        except UnicodeDecodeError:
            raise InputError(f"{where}, line {number}: expected plain text (got others)") from None
