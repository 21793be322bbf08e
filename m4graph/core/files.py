"""Output folders and files that appear whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from types import ModuleType

from m4graph.core.errors import InputError

try:
    import fcntl as _fcntl
except ImportError:  # Windows has none, and does not open folders either.
    fcntl: ModuleType | None = None
else:
    fcntl = _fcntl


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
        with tempfile.TemporaryFile(dir=there):  # It has no name, so that nothing can stay behind.
            pass
    except OSError as error:
        problem = error.strerror or str(error)
        raise InputError(f"{folder}: expected a folder to write to (got {problem})") from None


@contextmanager
def whole_folder(folder: Path, mark: str | None = None) -> Iterator[Path]:
    """Gives a scratch folder, and moves what is in it into place when the block ends without error.

    A new folder appears in one step. In a folder that is there already, each file and each folder
    of that name is replaced, others stay; with a ``mark``, that file is the last to come, and an
    old one the first to go, so that a folder with it is complete whatever happens in between.

    The scratch folder is called ``.<name>.half``. What a killed process has left of one is cleared
    by the next that writes the same folder.

    Args:
        folder (Path): The folder.
        mark (str, optional): Name of the file that says that all others are there.
            (default: none)
    """
    beside = folder if folder.is_dir() else folder.parent
    beside.mkdir(parents=True, exist_ok=True)
    with scratch_folder(beside / f".{folder.name}.half") as scratch:
        yield scratch
        if folder.is_dir():
            _move_into(folder, scratch, mark)
        else:
            os.replace(scratch, folder)


@contextmanager
def scratch_folder(half: Path) -> Iterator[Path]:
    """Gives an empty folder, or a numbered one; removes it at the end, unless it was moved.

    What a killed process has left of one is cleared by the next that asks for the same.
    """
    with _claimed(half, _make_folder) as scratch:
        _clear(scratch)
        yield scratch


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Gives the path of a half file, and puts it in place when the block ends without error.

    It is called ``.<name>.half``, beside the file, or numbered where another process writes to
    that. What a killed process has left of one is taken by the next that writes the same file.
    """
    with _claimed(path.with_name(f".{path.name}.half"), _make_file) as half:
        yield half
        os.replace(half, path)


@contextmanager
def _claimed(half: Path, make: Callable[[Path], None]) -> Iterator[Path]:
    """Gives a path that no living process holds, and clears those that dead ones have left."""
    if fcntl is None:
        with _own(half, make) as claimed:
            yield claimed
        return
    claimed, handle = half, -1
    for number in count(2):
        make(claimed)
        handle = os.open(claimed, os.O_RDONLY)
        if _lock(handle) and _is_at(handle, claimed):
            break
        os.close(handle)
        claimed = half.with_name(f"{half.name}-{number}")
    try:
        _clear_left(half, claimed)
        yield claimed
    finally:
        if _is_at(handle, claimed):
            _remove(claimed)
        os.close(handle)


@contextmanager
def _own(half: Path, make: Callable[[Path], None]) -> Iterator[Path]:
    """Without locks: a path with the number of this process, which nobody clears if it dies."""
    own = half.with_name(f"{half.name}-{os.getpid()}")
    make(own)
    try:
        yield own
    finally:
        _remove(own)


def _lock(handle: int) -> bool:
    """Locks an open file or folder until it is closed; ``False``: another process holds it."""
    assert fcntl is not None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in (errno.EAGAIN, errno.EACCES)  # Else: no locks on this disk.
    return True


def _is_at(handle: int, path: Path) -> bool:
    """Whether a path still leads to what was opened there."""
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except FileNotFoundError:
        return False


def _clear_left(half: Path, claimed: Path) -> None:
    """Removes the numbered ones of processes that no longer live."""
    for number in count(2):
        other = half.with_name(f"{half.name}-{number}")
        if not other.exists():
            return
        if other == claimed:
            continue
        handle = os.open(other, os.O_RDONLY)
        if _lock(handle):
            _remove(other)
        os.close(handle)


def _move_into(folder: Path, scratch: Path, mark: str | None) -> None:
    if mark is not None:
        (folder / mark).unlink(missing_ok=True)
    for path in sorted(scratch.iterdir(), key=lambda path: (path.name == mark, path.name)):
        to = folder / path.name
        if path.is_dir() and to.is_dir():
            _remove(to)
        os.replace(path, to)


def _make_folder(path: Path) -> None:
    path.mkdir(exist_ok=True)


def _make_file(path: Path) -> None:
    path.touch()


def _clear(folder: Path) -> None:
    for path in folder.iterdir():
        _remove(path)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
