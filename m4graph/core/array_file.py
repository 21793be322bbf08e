"""``.npz`` files that anyone may have written or damaged."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from m4graph.core.errors import InputError

_BOMB_BYTES, _BOMB_RATIO = 2**30, 200
"""Arrays that need more than this, and this many times their file, are not read."""


def read_arrays(
    path: Path, names: Iterable[str], what: str, optional: Iterable[str] = ()
) -> dict[str, NDArray[Any]]:
    """Reads arrays of an ``.npz`` file; nothing is unpickled.

    Args:
        path (Path): The file.
        names (Iterable[str]): Of the arrays.
        what (str): What it should be, for the message, as ``"a labelled run"``.
        optional (Iterable[str], optional): Arrays to read where they are there. (default: none)

    Raises:
        InputError: If it is missing or damaged, lacks an array, or would fill the memory.
    """
    try:
        with path.open("rb") as file:
            arrays = np.lib.npyio.NpzFile(file)
            _check_size(arrays, path, what)
            there = [name for name in optional if name in arrays]
            return {name: arrays[name] for name in (*names, *there)}
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{path}: expected {what} (got no such file)") from None
    except Exception as error:  # zipfile, zlib and numpy have a dozen for what is damaged.
        got = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{path}: expected {what} (got {got})") from None


def _check_size(arrays: Any, path: Path, what: str) -> None:
    size = sum(info.file_size for info in arrays.zip.infolist())
    most = max(_BOMB_BYTES, _BOMB_RATIO * path.stat().st_size)
    if size > most:
        raise InputError(f"{path}: expected {what} of at most {most} bytes (got {size} inside)")
