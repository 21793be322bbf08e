"""Options of simulators as a shell gives them: ``--option SIMULATOR.key=value``."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from m4graph.core.calls import plain_call
from m4graph.core.errors import ConfigError, one_of
from m4graph.core.hints import parameter_hints
from m4graph.core.integers import with_integers
from m4graph.core.schema import KeyProblem, join_key, spell, unknown_key
from m4graph.core.yaml_file import Override, apply_overrides, locate
from m4graph.simulators import base
from m4graph.simulators.base import option_names

FLAG = "--option"


@plain_call
def read_options(arguments: Iterable[str], simulators: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Reads options from ``SIMULATOR.key=value``, with values in YAML.

    Args:
        arguments (Iterable[str]): One for each option. A key inside an option that is a block has
            more dots, as in ``packet.recording.interval_us=10``.
        simulators (Sequence[str]): Names of the simulators that run.

    Returns:
        dict: The options of those simulators that have been given any, by their names as they are
            registered.

    Raises:
        ConfigError: If an argument is something else, the simulator is none of these, it has no
            such option (the message lists the valid ones), or the value is of a wrong type.
    """
    names = [base.SIMULATORS.spelling(name) for name in simulators]
    overrides = []
    for argument in arguments:
        given = Override.parse(argument, FLAG)
        simulator, _, key = given.key.partition(".")
        name = base.SIMULATORS.spelling(simulator)
        if name not in names or not key:
            expected = one_of(f"{each}.KEY" for each in names)
            raise ConfigError(f"{given}: expected {expected} (got {given.key!r})")
        overrides.append(Override(join_key(name, key), given.text, FLAG))
    found = apply_overrides({}, overrides)
    try:
        for name, options in found.items():
            found[name] = _checked(name, options)
    except KeyProblem as problem:
        raise locate(problem, FLAG, overrides) from None
    return found


def _checked(simulator: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Options whose names and types are those of the constructor's signature."""
    factory = base.SIMULATORS.resolve(simulator)
    valid = option_names(factory)
    for name in options:
        if name not in valid:
            raise unknown_key(simulator, name, valid)
    hints = parameter_hints(factory)
    checked = with_integers(options, hints)
    for name, value in checked.items():
        forms = _forms(hints[name])
        if forms and not any(fits(value) for fits in forms.values()):
            problem = f"expected {' or '.join(forms)} (got {spell(value)})"
            raise KeyProblem(join_key(simulator, name), problem)
    return checked


def _forms(hint: Any) -> dict[str, Callable[[Any], bool]]:
    """How values of a type may look in YAML; none, where that is for the simulator to say."""
    origin = get_origin(hint) or hint
    if origin in (Union, UnionType):
        return {form: fits for part in get_args(hint) for form, fits in _forms(part).items()}
    if origin is Literal:
        return {one_of(map(str, get_args(hint))): lambda value: value in get_args(hint)}
    if not isinstance(origin, type):
        return {}
    found = ({form: fits} for kinds, form, fits in _FORMS if issubclass(origin, kinds))
    return next(found, {})


def _is_number(value: Any, kinds: type | UnionType) -> bool:
    return isinstance(value, kinds) and not isinstance(value, bool)


_FORMS: tuple[tuple[type | tuple[type, ...], str, Callable[[Any], bool]], ...] = (
    (bool, "true or false", lambda value: isinstance(value, bool)),
    (int, "an integer", lambda value: _is_number(value, int)),
    (float, "a number", lambda value: _is_number(value, int | float)),
    ((str, os.PathLike), "text", lambda value: isinstance(value, str)),
    (type(None), "null", lambda value: value is None),
    ((Mapping, BaseModel), "a block of keys", lambda value: isinstance(value, dict)),
    (Collection, "a list", lambda value: isinstance(value, list)),
)
"""Types, and the form of their values. The first row that fits counts: a ``bool`` is an ``int``."""
