"""Labelled runs as files: raw ones read with one clear error, processed ones as safetensors.

A processed file holds the arrays of one run as they are, so that it is read at the speed of the
disk, and in its header what a dataset wants to know of all runs before it reads any.
"""

from __future__ import annotations

import json
import os
import struct
import zipfile
import zlib
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from m4graph.errors import InputError
from m4graph.graph.run import FlowNetwork, LabelledRun

_NETWORK = "network."
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


def save_processed(run: LabelledRun, path: Path, metadata: dict[str, str]) -> None:
    """Writes a run and words about it; the file appears whole or not at all."""
    arrays = _arrays(run, "") | _arrays(run.network, _NETWORK)
    half = path.with_name(f".{path.name}")
    save_file(arrays, half, metadata)
    os.replace(half, path)


def load_processed(path: Path) -> LabelledRun:
    """Reads what :func:`save_processed` wrote.

    Raises:
        InputError: If the file is missing or damaged.
    """
    try:
        arrays = load_file(path)
        network = FlowNetwork(**_part(FlowNetwork, arrays, _NETWORK))
        return LabelledRun(network=network, **_part(LabelledRun, arrays, ""))
    except (OSError, KeyError, SafetensorError) as error:
        raise InputError(f"{path}: expected a processed run (got {error})") from None


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


def _arrays(owner: Any, prefix: str) -> dict[str, np.ndarray]:
    found = {field.name: getattr(owner, field.name) for field in fields(owner)}
    return {
        prefix + name: np.ascontiguousarray(value)
        for name, value in found.items()
        if isinstance(value, np.ndarray)
    }


def _part(owner: type[Any], arrays: dict[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    names = [field.name for field in fields(owner) if field.name != "network"]
    return {name: arrays[prefix + name] for name in names}
