"""Output folders and files that appear whole or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from m4graph.core.errors import InputError


def check_output_folder(folder: Path) -> None:
    """Checks, before hours of work, that results can be written to a folder, new or old.

    Folders on the way to a new one are not made yet; :func:`whole_folder` makes them.

    Raises:
        InputError: If it or a folder above it is a file, or nothing can be written there.
    """
    there = folder
    while not there.exists():
        there = there.parent
    if not there.is_dir():
        what = "a folder for the output" if there == folder else f"{there} to be a folder"
        raise InputError(f"{folder}: expected {what} (got a file)")
    try:
        Path(tempfile.mkdtemp(prefix=".m4graph-", dir=there)).rmdir()
    except OSError as error:
        problem = error.strerror or str(error)
        raise InputError(f"{folder}: expected a folder to write to (got {problem})") from None


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Gives a scratch folder, and moves its files into place when the block ends without error.

    A new folder appears in one step. In a folder that is there already, each file is replaced in
    one step, and files of other names stay.
    """
    beside = folder if folder.is_dir() else folder.parent
    beside.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=beside))
    try:
        yield scratch
        if folder.is_dir():
            for path in sorted(scratch.iterdir()):
                os.replace(path, folder / path.name)
        else:
            scratch.chmod(0o777 & ~_umask())
            os.replace(scratch, folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Gives the path of a half file, and puts it in place when the block ends without error.

    It is called ``.<name>.<random>``, beside the file, so that nobody writes to that of another
    process. A process that is killed leaves it.
    """
    half = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        yield half
        os.replace(half, path)
    finally:
        half.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
