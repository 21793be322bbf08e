"""Outputs of links, kept on disk under a hash of all that they depend on.

docs/guides/what-if.md.
"""

from __future__ import annotations

import hashlib
import sqlite3
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.lib.recfunctions import repack_fields
from numpy.typing import NDArray

from m4graph.core.files import check_output_folder
from m4graph.scenario.cautions import Caution
from m4graph.simulators.parsimon.layout import LINK_INPUT
from m4graph.simulators.parsimon.link_model import LinkInputs, LinkOutputs
from m4graph.simulators.parsimon.workers import LinkModel, Workers

FILE = "links.sqlite"

_OF_LINK = [name for name in LINK_INPUT.names or () if not name.startswith(("first_", "after_"))]
"""What a link has of itself; where its flows and NICs stand among those of others is left out."""

_LINKS_A_LOOK = 64
_PATIENCE_S = 60.0
_KEY_BYTES, _CHECK_BYTES = 16, 8
_NUMBER = np.dtype("<i8")


class LinkCache:
    """One file of SQLite, which several processes may use at a time and a killed one leaves whole.

    A damaged file is made anew; where nothing can be read or written, nothing is kept. Both are
    warned of: answers are right without it.

    Args:
        path (Path): The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: sqlite3.Connection | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._open()
        except (sqlite3.Error, OSError) as error:
            self._fail(error)

    def get(self, keys: Iterable[bytes]) -> dict[bytes, bytes]:
        """The values of those keys that have one, whole as it was put."""
        found: dict[bytes, bytes] = {}
        if self._file is None:
            return found
        wanted = list(keys)
        marks = ",".join("?" * len(wanted))
        try:
            rows = self._file.execute(
                f"SELECT key, value FROM links WHERE key IN ({marks})", wanted
            )
            for key, value in rows.fetchall():
                check, payload = value[:_CHECK_BYTES], value[_CHECK_BYTES:]
                if check == _hash(payload, _CHECK_BYTES):
                    found[key] = payload
        except (sqlite3.Error, TypeError) as error:
            self._fail(error)
        return found

    def put(self, values: dict[bytes, bytes]) -> None:
        """Keeps values, all or none of them."""
        if self._file is None:
            return
        rows = [(key, _hash(value, _CHECK_BYTES) + value) for key, value in values.items()]
        try:
            with self._file:
                self._file.executemany("INSERT OR REPLACE INTO links VALUES (?, ?)", rows)
        except sqlite3.Error as error:
            self._fail(error)

    def close(self) -> None:
        """Lets go of the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self) -> None:
        file = sqlite3.connect(self._path, timeout=_PATIENCE_S)
        with file:
            file.execute("CREATE TABLE IF NOT EXISTS links (key BLOB PRIMARY KEY, value BLOB)")
        self._file = file

    def _fail(self, error: Exception) -> None:
        """Makes a damaged file anew; goes on without any where the disk does not let it."""
        self.close()
        # Locks, full disks and rights are operational errors; the file itself is right.
        is_damaged = not isinstance(error, sqlite3.OperationalError | OSError)
        what = "made anew" if is_damaged else "nothing is kept"
        warnings.warn(f"cache {self._path}: {what} ({error})", Caution, stacklevel=4)
        if is_damaged:
            with suppress(sqlite3.Error, OSError):
                for path in (self._path, self._path.with_name(f"{self._path.name}-journal")):
                    path.unlink(missing_ok=True)
                self._open()


@dataclass(frozen=True)
class CachedWorkers:
    """Workers that simulate only links of which nothing is known from before.

    Args:
        workers (Workers): Simulate those.
        folder (Path): Where outputs are kept.

    Raises:
        InputError: If that is a file, or nothing can be written there.
    """

    workers: Workers
    folder: Path

    def __post_init__(self) -> None:
        check_output_folder(self.folder)

    def run(
        self,
        model: LinkModel,
        links: NDArray[np.int64],
        num_packets: NDArray[np.int64],
        make_inputs: Callable[[NDArray[np.int64]], LinkInputs],
        progress: Callable[[int], None],
    ) -> Iterator[tuple[NDArray[np.int64], LinkOutputs]]:
        """As :meth:`.Workers.run`; links that are known come first."""
        identity = model.identity()
        new: dict[int, _Place] = {}
        with closing(LinkCache(self.folder / FILE)) as cache:
            for first in range(0, len(links), _LINKS_A_LOOK):
                some = links[first : first + _LINKS_A_LOOK]
                places = _places(identity, make_inputs(some))
                values = cache.get(place.key for place in places)
                for link, place in zip(some.tolist(), places, strict=True):
                    if place.key in values:
                        yield np.array([link]), _outputs(values[place.key])
                    else:
                        new[link] = place
            is_new = np.isin(links, list(new))
            progress(int(num_packets[~is_new].sum()))
            batches = self.workers.run(
                model, links[is_new], num_packets[is_new], make_inputs, progress
            )
            for batch, outputs in batches:
                cache.put(_values([new[link] for link in batch.tolist()], outputs))
                yield batch, outputs


class _Place(NamedTuple):
    """Where a link's outputs stand."""

    key: bytes
    num_flows: int


def _places(identity: bytes, inputs: LinkInputs) -> list[_Place]:
    own = repack_fields(inputs.links[_OF_LINK])
    places = []
    for link, values in zip(inputs.links, own, strict=True):
        flows = inputs.flows[link["first_row"] : link["after_row"]]
        nic_bps = inputs.nic_bps[link["first_nic"] : link["after_nic"]]
        parts = (identity, values.tobytes(), flows.tobytes(), nic_bps.tobytes())
        lengths = np.array([len(part) for part in parts]).tobytes()
        places.append(_Place(_hash(lengths + b"".join(parts), _KEY_BYTES), len(flows)))
    return places


def _outputs(value: bytes) -> LinkOutputs:
    most_queued_bytes, times_ns = np.split(np.frombuffer(value, _NUMBER), [1])
    fct_ns, sending_ns = np.split(times_ns, 2)
    return LinkOutputs(fct_ns, sending_ns, most_queued_bytes, from_cache=True)


def _values(places: Sequence[_Place], outputs: LinkOutputs) -> dict[bytes, bytes]:
    cuts = np.cumsum([place.num_flows for place in places])[:-1]
    columns = np.split(outputs.fct_ns, cuts), np.split(outputs.sending_ns, cuts)
    return {
        place.key: np.concatenate(([most_bytes], fct_ns, sending_ns)).astype(_NUMBER).tobytes()
        for place, most_bytes, fct_ns, sending_ns in zip(
            places, outputs.most_queued_bytes, *columns, strict=True
        )
    }


def _hash(content: bytes, num_bytes: int) -> bytes:
    return hashlib.blake2b(content, digest_size=num_bytes).digest()
