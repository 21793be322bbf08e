"""Labelled runs as files: raw ones read with one clear error, and the headers of processed ones,
which hold what a dataset wants to know of all runs before it reads any.
"""

from __future__ import annotations

import json
import struct
import zipfile
import zlib
from pathlib import Path

from m4graph.core.errors import InputError
from m4graph.runs.labelled_run import LabelledRun

_HEADER = struct.Struct("<Q")


def load_raw(path: Path) -> LabelledRun:
    """Reads a run that ``m4graph generate`` wrote.

    Raises:
        InputError: If it is missing or damaged.
    """
    try:
        return LabelledRun.load(path)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise InputError(f"{path}: expected a labelled run (got {error})") from None


def read_metadata(path: Path) -> dict[str, str]:
    """Reads the words about a run, and nothing else.

    Raises:
        InputError: If the file is missing or damaged.
    """
    try:
        with path.open("rb") as file:
            (size,) = _HEADER.unpack(file.read(_HEADER.size))
            return dict(json.loads(file.read(size))["__metadata__"])
    except (OSError, KeyError, ValueError, struct.error, OverflowError, MemoryError) as error:
        raise InputError(f"{path}: expected a processed run (got {error})") from None
