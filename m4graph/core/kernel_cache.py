"""Compiled code on disk: numba's cache, which a damaged file cannot break.

numba believes its files. One that a power cut or a full disk has cut short ends every later run
with an error of pickle, a flipped bit may end it with a signal, and processes that write at once
may leave the code of another signature under a name. Here a file holds a hash of its content and
the key that it is for: what does not fit is compiled anew. Where no file can be written, the code
serves this process only, and a line says so.

The linker knows compiled functions by name, of which numba makes the end by counting from 1 in each
process. Two functions that a closure makes would get one name where one was compiled here and the
other, in another process, for the disk: a run would silently call the wrong one. So this process
counts from a number of its own.
"""

from __future__ import annotations

import hashlib
import itertools
import pickle
import secrets
import sys
from collections.abc import Callable
from typing import Any

from numba import njit
from numba.core.bytecode import FunctionIdentity
from numba.core.caching import FunctionCache, IndexDataCacheFile, NullCache

FunctionIdentity._unique_ids = itertools.count(secrets.randbits(62))


def cached_njit(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """As ``numba.njit(cache=True, **options)``, with a cache that checks its files.

    Args:
        **options: Of ``numba.njit``.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        dispatcher = njit(**options)(function)
        if not hasattr(dispatcher, "_cache"):  # NUMBA_DISABLE_JIT: it is the function itself.
            return dispatcher
        try:
            dispatcher._cache = _SealedCache(dispatcher.py_func)
        except RuntimeError as error:  # numba found no folder that it can write to.
            _say_uncached(str(error))
            dispatcher._cache = NullCache()
        return dispatcher

    return decorate


class _SealedFile(IndexDataCacheFile):  # type: ignore[misc]
    """An index of numba's, and files of code that carry their hash and key."""

    def save(self, key: Any, data: Any) -> None:
        super().save(key, (key, data))

    def load(self, key: Any) -> Any:
        try:
            sealed_key, data = super().load(key)
        except Exception:  # Whatever unpickling an old or damaged file, or none, gives.
            return None
        return data if sealed_key == key else None

    def _load_index(self) -> dict[Any, str]:
        try:
            return dict(super()._load_index())
        except Exception:
            return {}

    def _load_data(self, name: str) -> Any:
        with open(self._data_path(name), "rb") as file:
            digest, content = file.read(_DIGEST_BYTES), file.read()
        return pickle.loads(content) if _digest(content) == digest else None

    def _save_data(self, name: str, data: Any) -> None:
        content = self._dump(data)
        with self._open_for_write(self._data_path(name)) as file:
            file.write(_digest(content) + content)


class _SealedCache(FunctionCache):  # type: ignore[misc]
    """numba's cache of a function, with files that are checked."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        self._cache_file = _SealedFile(
            self._cache_path, self._impl.filename_base, self._impl.locator.get_source_stamp()
        )

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)
        except OSError as error:
            _say_uncached(f"{self.cache_path}: {error.strerror or error}")


_DIGEST_BYTES = hashlib.sha256().digest_size
_said: list[str] = []


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def _say_uncached(why: str) -> None:
    """Says it once in a process, whatever the function."""
    if _said:
        return
    _said.append(why)
    print(
        f"m4graph: compiled code is not kept, so that each process compiles anew ({why}); "
        "NUMBA_CACHE_DIR names a folder to keep it in",
        file=sys.stderr,
    )
