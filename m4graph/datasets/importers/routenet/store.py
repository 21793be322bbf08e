"""From an archive to files of graphs that are read one by one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch_geometric.data import HeteroData

from m4graph.core.files import whole_file
from m4graph.datasets.importers.routenet.archive import Archive
from m4graph.datasets.importers.routenet.sample import read_samples
from m4graph.datasets.store.items import pack_items, save_tensors
from m4graph.datasets.store.processing import callable_text

ENDING = ".tar.gz"

_CHUNK_BYTES = 64 * 2**20
"""Graphs of so many bytes are kept before they are written."""

_VERSION = "routenet 1"


@dataclass(frozen=True)
class ArchiveStore:
    """Stores archives; a note says of each that it is done, and in which files its graphs stand.

    Args:
        raw (Path): The folder of archives.
        processed (Path): The folder of files.
        pre_filter (callable, optional): Tells which graphs to store. (default: ``None``)
        pre_transform (callable, optional): What to store of a graph. (default: ``None``)
    """

    raw: Path
    processed: Path
    pre_filter: Callable[[HeteroData], bool] | None = None
    pre_transform: Callable[[HeteroData], Any] | None = None

    def note(self, archive: Path) -> Path:
        """The file of an archive's note."""
        name = archive.relative_to(self.raw).as_posix().removesuffix(ENDING)
        return self.processed / f"{name.replace('/', '__')}.json"

    def read_note(self, archive: Path) -> dict[str, Any]:
        """What a note says: ``files`` with their numbers of graphs, and simulations left out."""
        return dict(json.loads(self.note(archive).read_text(encoding="utf-8")))

    def differs(self, archive: Path) -> bool:
        """Whether an archive has to be stored, as it was not or is another one."""
        try:
            note = self.read_note(archive)
            there = all((self.processed / name).exists() for name in note["files"])
            return not there or note["made_of"] != self._made_of(archive)
        except (OSError, ValueError, KeyError, TypeError):
            return True

    def __call__(self, archive: Path) -> None:
        """Writes the files of an archive, and last its note.

        Raises:
            InputError: If something in it is malformed.
        """
        note, made_of = self.note(archive), self._made_of(archive)
        note.unlink(missing_ok=True)
        files: dict[str, int] = {}
        unstable = 0
        chunk: list[Any] = []
        for graph in self._graphs(archive):
            if graph is None:
                unstable += 1
                continue
            chunk.append(graph)
            if sum(map(_num_bytes, chunk)) >= _CHUNK_BYTES:
                self._write(note, chunk, files)
                chunk = []
        if chunk:
            self._write(note, chunk, files)
        index = {"files": files, "unstable": unstable, "made_of": made_of}
        with whole_file(note) as half:
            half.write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")

    def _graphs(self, archive: Path) -> Iterator[Any]:
        for graph in read_samples(Archive(archive)):
            if graph is None:
                yield None
            elif self.pre_filter is None or self.pre_filter(graph):
                yield graph if self.pre_transform is None else self.pre_transform(graph)

    def _write(self, note: Path, chunk: list[Any], files: dict[str, int]) -> None:
        file = note.with_name(f"{note.stem}-{len(files)}.safetensors")
        save_tensors(file, *pack_items(chunk))
        files[file.name] = len(chunk)

    def _made_of(self, archive: Path) -> dict[str, Any]:
        status = archive.stat()
        return {
            "version": _VERSION,
            "bytes": status.st_size,
            "mtime_ns": status.st_mtime_ns,
            "pre_filter": callable_text(self.pre_filter),
            "pre_transform": callable_text(self.pre_transform),
        }


def _num_bytes(graph: Any) -> int:
    tensors = (value for store in graph.stores for value in store.values())
    return sum(value.nbytes for value in tensors if hasattr(value, "nbytes"))
