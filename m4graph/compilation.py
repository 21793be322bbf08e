"""Compiled kernels: a cache key that sees every source file, and a word to the user who waits."""

from __future__ import annotations

import hashlib
import importlib
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_PATIENCE_S = 1.0


@cache
def source_digest(package: str) -> str:
    """Hash of all Python sources of a package, or of a module.

    numba's disk cache looks only at the file of the function that it caches, not at the functions
    called from it. A kernel that closes over this digest is compiled anew when any of them changes.

    Args:
        package: Dotted name of an importable package or module.
    """
    module = importlib.import_module(package)
    folders = [Path(folder) for folder in sorted(getattr(module, "__path__", []))]
    sources = [path for folder in folders for path in sorted(folder.rglob("*.py"))]
    digest = hashlib.sha256()
    for path in sources or [Path(str(module.__file__))]:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def functions_digest(functions: Iterable[Callable[..., object]]) -> str:
    """Hash of the sources around functions: of their modules, or of the packages these are in.

    For kernels that other people write. What they import from further packages is not looked at.

    Args:
        functions: Each of an imported module; one without a file has no sources to look at.
    """
    digest = hashlib.sha256()
    for name in sorted({function.__module__ for function in functions}):
        top = sys.modules[name.partition(".")[0]]
        if hasattr(top, "__path__"):
            digest.update(source_digest(top.__name__).encode())
        elif getattr(top, "__file__", None) is not None:
            digest.update(Path(str(top.__file__)).read_bytes())
    return digest.hexdigest()[:16]


@dataclass
class CompileTime:
    """Seconds that a compilation (or the loading of its cached result) took."""

    seconds: float = 0.0


@contextmanager
def announced_compilation(what: str) -> Iterator[CompileTime]:
    """Times a first call of a kernel; says on stderr what is going on if it takes long.

    Args:
        what: The kernel's name, for the message.
    """
    spent = CompileTime()
    message = f"m4graph: compiling the {what} (once; the result is cached) ..."
    timer = threading.Timer(_PATIENCE_S, lambda: print(message, file=sys.stderr, flush=True))
    timer.daemon = True
    timer.start()
    started = time.perf_counter()
    try:
        yield spent
    finally:
        timer.cancel()
        spent.seconds = time.perf_counter() - started
