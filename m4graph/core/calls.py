"""Wrong calls of public functions: one line in place of Python's ``TypeError``."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ParamSpec, TypeVar

from m4graph.core.errors import ConfigError, did_you_mean
from m4graph.core.schema import one_of

P = ParamSpec("P")
R = TypeVar("R")

_OWNERS = ("self", "cls")


def plain_call(function: Callable[P, R]) -> Callable[P, R]:
    """Decorates a function that is called by people: an argument that it does not have, or one that
    is missing, is a :class:`~m4graph.core.errors.ConfigError` that says so, and names the closest.

    A right call costs nothing more.
    """
    name = function.__qualname__.removesuffix(".__init__")

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except TypeError:
            _check_arguments(name, inspect.signature(function), args, kwargs)
            raise

    return call


def _check_arguments(
    name: str, signature: inspect.Signature, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> None:
    """Raises what is wrong with the arguments of a call; nothing, if they are right."""
    parameters = signature.parameters.values()
    named = [
        each.name
        for each in parameters
        if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY) and each.name not in _OWNERS
    ]
    takes_any = any(each.kind is each.VAR_KEYWORD for each in parameters)
    for argument in kwargs:
        if argument not in named and not takes_any:
            raise ConfigError(
                f"{name}: unknown argument: expected {one_of(named)} (got {argument!r})"
                f"{did_you_mean(argument, named)}"
            ) from None
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        raise ConfigError(f"{name}: expected the arguments {', '.join(named)} ({error})") from None
