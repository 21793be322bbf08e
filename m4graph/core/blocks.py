"""Building what a configuration names: the one grammar of everything that has a ``kind``.

A plug-in is asked for by its name, by a block ``{kind: name, parameter: value, ...}``, or by the
plug-in itself (a class, say) in the place of its name. ``kind: file`` may be left out of a block
that has a ``file``. Names are those of a :class:`~m4graph.core.registry.Registry`, which forgives
case, ``_`` and ``-``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from m4graph.core.calls import plain_call
from m4graph.core.errors import ConfigError, one_of
from m4graph.core.hints import parameter_hints
from m4graph.core.integers import with_integers
from m4graph.core.registry import Registry
from m4graph.core.schema import (
    KeyProblem,
    StrictModel,
    join_key,
    keys_inside,
    spell,
    unknown_key,
)

T = TypeVar("T")

Spec = str | Mapping[str, Any]
"""A name, or a block of parameters with ``kind``."""


@plain_call
class Choice(NamedTuple):
    """A plug-in that was asked for, and what it is to be made with.

    Fields:
        - name (str): As it is registered; of a plug-in that was given itself, its own name
        - plugin: A class or a function
        - parameters (dict): The block without ``kind``
    """

    name: str
    plugin: Any
    parameters: dict[str, Any]


@plain_call
def build(
    registry: Registry[Any], spec: object, key: str, base: type[T], default: str | None = None
) -> T:
    """Makes an object from its name or its block; one that is there already is given back.

    A plug-in that is a :class:`~m4graph.core.schema.StrictModel` is given the block, with the
    ``kind`` as the model itself spells it. Any other one is called with the parameters.

    Args:
        registry (Registry): The plug-ins by name.
        spec (str, Mapping or object): A name, a block, a plug-in, or an object.
        key (str): Dotted path of the key that the object is asked for by.
        base (type): Class or protocol of all such objects.
        default (str, optional): The kind of a block that does not say it. (default: ``None``)

    Raises:
        KeyProblem: If the kind or a key is unknown or missing, or a value is bad.
    """
    if isinstance(spec, base) and not isinstance(spec, type):
        return spec
    chosen = choose(registry, spec, key, default)
    made: T
    if _is_model(chosen.plugin):
        made = chosen.plugin.parse(_with_kind(chosen), key)
    else:
        check_keys(chosen.plugin, chosen.parameters, key)
        with keys_inside(key):
            made = chosen.plugin(**with_integers(chosen.parameters, parameter_hints(chosen.plugin)))
    return made


@plain_call
def choose(registry: Registry[Any], spec: object, key: str, default: str | None = None) -> Choice:
    """Finds the plug-in that a name or a block asks for.

    Args:
        registry (Registry): The plug-ins by name.
        spec (str, Mapping or plug-in): A name, a block, or a plug-in itself.
        key (str): Dotted path of the key that it is asked for by.
        default (str, optional): The kind of a block that does not say it. (default: ``None``)

    Raises:
        KeyProblem: If it is none of these, or the kind is unknown or missing.
    """
    if not isinstance(spec, Mapping):
        if not (isinstance(spec, str) or callable(spec)):
            raise KeyProblem(key, f"expected a name or a block of keys (got {spell(spec)})")
        return Choice(*_find(registry, spec, key), {})
    parameters = dict(spec)
    where = join_key(key, "kind")
    if "file" in spec and "file" in registry:
        default = "file"
    if "kind" not in spec and default is None:
        raise KeyProblem(where, f"missing key: expected {one_of(registry.names())}")
    kind = parameters.pop("kind", default)
    if not (isinstance(kind, str) or callable(kind)):
        raise KeyProblem(where, f"expected {one_of(registry.names())} (got {spell(kind)})")
    return Choice(*_find(registry, kind, where), parameters)


@plain_call
def check_keys(plugin: Callable[..., Any], parameters: Mapping[str, Any], key: str) -> None:
    """Checks that a function or class takes parameters of these names.

    Raises:
        KeyProblem: If one is unknown or missing, or ``file`` is no path.
    """
    known = inspect.signature(plugin).parameters.values()
    named = {
        parameter.name: parameter.default is not parameter.empty
        for parameter in known
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    }
    takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in known)
    for name in parameters:
        if name not in named and not takes_any:
            raise unknown_key(key, str(name), named)
    for name, optional in named.items():
        if not optional and name not in parameters:
            raise KeyProblem(join_key(key, name), "missing key")
    file = parameters.get("file", "")
    if not isinstance(file, str | Path):
        raise KeyProblem(join_key(key, "file"), f"expected the path of a file (got {spell(file)})")


def _find(registry: Registry[Any], kind: Any, key: str) -> tuple[str, Any]:
    if not isinstance(kind, str):
        return getattr(kind, "__name__", repr(kind)), kind
    try:
        plugin = registry.resolve(kind)
    except ConfigError as error:
        raise KeyProblem(key, str(error)) from None
    return registry.spelling(kind), plugin


def _is_model(plugin: Any) -> bool:
    return isinstance(plugin, type) and issubclass(plugin, StrictModel)


def _with_kind(chosen: Choice) -> dict[str, Any]:
    field = chosen.plugin.model_fields.get("kind")
    if field is None:
        return chosen.parameters
    own = field.default if isinstance(field.default, str) else chosen.name
    return {"kind": own, **chosen.parameters}
