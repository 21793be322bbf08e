"""Wrong calls of public functions and classes: one line in place of Python's ``TypeError``."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, cast

from m4graph.core.errors import ConfigError, did_you_mean, one_of

T = TypeVar("T", bound=Callable[..., Any])

_OWNERS = ("self", "cls", "_cls")
_MAKERS = ("__init__", "__new__")


def plain_call(target: T) -> T:
    """Decorates a function or a class that is called by people: an argument that it does not have,
    or one that is missing, is a :class:`~m4graph.core.errors.ConfigError` that says so, and names
    the closest.

    Of a class this goes for how it is made, and for its methods, inherited ones of ours among them.
    A right call costs 0.1 us more.
    """
    if isinstance(target, type):
        _check_making(target)
        check_methods(target)
        return target
    return cast(T, _checked(target))


def _check_making(made: type) -> None:
    maker = "__new__" if issubclass(made, tuple) else "__init__"
    function: Any = getattr(made, maker)
    if function is object.__init__:
        function = _without_arguments
    if not hasattr(function, _CHECKED):
        checked = _checked(function)
        setattr(made, maker, staticmethod(checked) if maker == "__new__" else checked)


def check_methods(made: type) -> None:
    """As :func:`plain_call`, for the methods of a class, inherited ones of ours among them."""
    for owner in made.__mro__:
        if owner.__module__.partition(".")[0] == _PACKAGE:
            for name, member in list(vars(owner).items()):
                if not name.startswith("_") and name != _TRACED:
                    _check_member(owner, name, member)


def _check_member(owner: type, name: str, member: Any) -> None:
    kind = type(member) if isinstance(member, classmethod | staticmethod) else None
    function = member.__func__ if kind else member
    if inspect.isfunction(function) and not hasattr(function, _CHECKED):
        checked = _checked(function)
        setattr(owner, name, kind(checked) if kind else checked)


_CHECKED = "checks_arguments"
_PACKAGE = __name__.partition(".")[0]
_TRACED = "forward"  # torch traces it when it exports a model


def _without_arguments(self: object) -> None:
    pass


_without_arguments.__name__ = "__init__"


def _checked(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except TypeError:
            name, signature = function.__qualname__, inspect.signature(function)
            if function.__name__ in _MAKERS and args:
                name, signature = _made_by(call, args[0], name, signature)
            _check_arguments(name, signature, args, kwargs)
            raise

    setattr(call, _CHECKED, True)
    return call


def _made_by(
    call: Callable[..., Any], owner: Any, qualname: str, signature: inspect.Signature
) -> tuple[str, inspect.Signature]:
    """The class that is made, if ``call`` makes it; what a subclass calls has its own name."""
    made = owner if isinstance(owner, type) else type(owner)
    if all(getattr(made, maker) is not call for maker in _MAKERS):
        return qualname.rpartition(".")[0], signature
    keys = getattr(made, "__signature__", None)  # pydantic's
    if keys is not None:
        first = next(iter(signature.parameters.values()))
        signature = keys.replace(parameters=[first, *keys.parameters.values()])
    return made.__name__, signature


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
                f"{name}: unknown argument: expected {one_of(named) if named else 'none'} "
                f"(got {argument!r}){did_you_mean(argument, named)}"
            ) from None
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        raise ConfigError(f"{name}: expected the arguments {', '.join(named)} ({error})") from None
