"""Compiled kernels: a cache key that sees every source file."""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

_IMPORT = re.compile(
    r"^[ \t]*(?:from ([\w.]+) import (\([^)]*\)|.*)|import ([\w.]+))", re.MULTILINE
)
_HOLDS_KERNELS = re.compile(r"\b(\w*njit|register_jitable|\w*kernel)\b")


@cache
def source_digest(*modules: str) -> str:
    """Hash of the Python sources of modules or packages, and of all that they import of ours.

    Results that are kept carry it: they are made anew when any of these files changes.

    Args:
        *modules: Dotted names of importable modules; of a package, all files count.
    """
    return _digest_of(_followed(modules, lambda source: True))


@cache
def kernel_digest(*modules: str) -> str:
    """Hash of the sources that compiled code depends on: of modules, and of what they import.

    numba's disk cache looks only at the file of the function that it caches, not at the functions
    called from it. A kernel that closes over this digest is compiled anew when any of them changes.
    Imports are followed through files that hold kernels; of others, which give them constants, the
    file itself counts.

    Args:
        *modules: Dotted names of importable modules; of a package, all files count.
    """
    return _digest_of(_followed(modules, lambda source: _HOLDS_KERNELS.search(source) is not None))


def _followed(modules: Sequence[str], through: Callable[[str], bool]) -> dict[Path, bytes]:
    """The files of modules and of what they import, from our own package and theirs."""
    found: dict[Path, bytes] = {}
    waiting = [path for module in modules for path in _all_files(module)]
    tops = {module.partition(".")[0] for module in modules}
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found[path] = path.read_bytes()
        source = found[path].decode()
        if through(source):
            names = (name for name in _imported(source) if name.partition(".")[0] in tops)
            waiting += [file for name in names if (file := _file_of(name)) is not None]
    return found


def _digest_of(sources: dict[Path, bytes]) -> str:
    digest = hashlib.sha256()
    for path in sorted(sources):
        digest.update(sources[path])
    return digest.hexdigest()[:16]


def _imported(source: str) -> Iterator[str]:
    """Dotted names that a source imports; of ``from a import b`` both ``a`` and ``a.b``."""
    for origin, names, plain in _IMPORT.findall(source):
        yield origin or plain
        yield from (f"{origin}.{name}" for name in re.findall(r"\w+", names))


@cache
def _file_of(module: str) -> Path | None:
    """The file of a module, whether or not it has been imported; ``None``: there is none."""
    top, *parts = module.split(".")
    spec = find_spec(top)
    if spec is None or not spec.submodule_search_locations:
        return Path(spec.origin) if spec is not None and spec.origin and not parts else None
    base = Path(spec.submodule_search_locations[0]).joinpath(*parts)
    candidates = (base / "__init__.py", base.with_suffix(".py"))
    return next((path for path in candidates if path.is_file()), None)


def _all_files(module: str) -> list[Path]:
    file = _file_of(module)
    if file is None:
        raise ModuleNotFoundError(f"no sources of {module!r}")
    return sorted(file.parent.rglob("*.py")) if file.name == "__init__.py" else [file]


def functions_digest(functions: Iterable[Callable[..., object]]) -> str:
    """Hash of the sources around functions: of their modules, or of the packages these are in.

    For kernels that other people write. What they import from further packages is not looked at.

    Args:
        functions: Each of an imported module; one without a file has no sources to look at.
    """
    digest = hashlib.sha256()
    for name in sorted({function.__module__ for function in functions}):
        top, module = sys.modules[name.partition(".")[0]], sys.modules[name]
        if hasattr(top, "__path__") and top.__file__ is not None:
            digest.update(source_digest(top.__name__).encode())
        elif getattr(module, "__file__", None) is not None:  # Also in a package without __init__.
            digest.update(Path(str(module.__file__)).read_bytes())
    return digest.hexdigest()[:16]
