"""The types that functions and classes give their parameters."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Any, get_type_hints


def parameter_hints(plugin: Callable[..., Any]) -> dict[str, Any]:
    """The type of each parameter; anything, if it has none, or one that only type checkers know.

    Args:
        plugin (Callable): A function or a class.
    """
    parameters = inspect.signature(plugin).parameters.values()
    return {each.name: _hint(plugin, each) for each in parameters}


def _hint(plugin: Callable[..., Any], parameter: inspect.Parameter) -> Any:
    if parameter.annotation is parameter.empty:
        return Any
    holder = type("Holder", (), {"__annotations__": {parameter.name: parameter.annotation}})
    try:
        return get_type_hints(holder, vars(sys.modules[plugin.__module__]))[parameter.name]
    except Exception:  # An annotation may be anything.
        return Any
