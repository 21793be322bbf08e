"""Names that are imported on first use: importing their package then costs nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazy_names(
    package: str, modules: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The ``__getattr__`` and ``__dir__`` of a package.

    .. code-block:: python

        _NAMES = {"Widget": "package.widgets"}
        __all__ = sorted(_NAMES)
        __getattr__, __dir__ = lazy_names(__name__, _NAMES)

    Args:
        package (str): The package.
        modules (Mapping[str, str]): For each name the module that holds it. One that is called
            ``package.name`` is itself what the name stands for.
    """

    def get(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = import_module(modules[name])
        value = module if modules[name] == f"{package}.{name}" else getattr(module, name)
        setattr(sys.modules[package], name, value)
        return value

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *modules})

    return get, names


def load(dotted: str) -> Any:
    """What a dotted name stands for, as in ``"package.module:attribute"``."""
    module, _, attribute = dotted.partition(":")
    return getattr(import_module(module), attribute)
