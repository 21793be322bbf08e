"""Strict, frozen configuration models, and one-line errors that name the key.

Every block of every YAML is a :class:`StrictModel`: unknown keys raise, and nothing is converted
on the way in (a boolean is no integer, ``"yes"`` is no boolean), but an integer is a number, and a
whole float, as in ``1e6``, an integer.
"""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import ErrorDetails

from m4graph.core.calls import check_methods, plain_call
from m4graph.core.errors import ConfigError, did_you_mean, one_of
from m4graph.core.integers import with_integers

_EXPECTED = {
    "int_type": "an integer",
    "int_from_float": "an integer",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "text",
    "finite_number": "a finite number",
    "model_type": "a block of keys",
    "dict_type": "a block of keys",
    "list_type": "a list",
    "tuple_type": "a list",
    "literal_error": "{expected}",
    "greater_than": "a value above {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "a value below {lt}",
    "less_than_equal": "at most {le}",
    "string_too_short": "text of at least {min_length} characters",
    "string_pattern_mismatch": "text that matches {pattern}",
    "too_short": "at least {min_length} entries",
    "too_long": "at most {max_length} entries",
}


_LONGEST = 60
_SHORT = reprlib.Repr()
_SHORT.maxlevel = 4
_SHORT.maxlist = _SHORT.maxtuple = _SHORT.maxdict = 20
_SHORT.maxstring = _SHORT.maxlong = _SHORT.maxother = 2 * _LONGEST
"""Looks at no more of a value than is shown: a list may hold a billion others."""


class KeyProblem(ConfigError):
    """A bad key, or a bad value of a key; its message starts with the key.

    Args:
        key (str): Dotted path of the key, as in ``"network.ecn.pmax"``.
        problem (str): What was expected, and what came.
    """

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(f"{key}: {problem}" if key else problem)
        self.key = key
        self.problem = problem

    def __reduce__(self) -> tuple[type[KeyProblem], tuple[str, str]]:
        return KeyProblem, (self.key, self.problem)


class StrictModel(BaseModel):
    """A frozen block of keys that refuses unknown keys and wrong types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @plain_call
    def __init__(self, /, **keys: Any) -> None:
        try:
            super().__init__(**keys)
        except ValidationError as error:
            name = type(self).__name__
            raise _key_problem(type(self), _worst(error), name) from None

    # Blocks inside of others are validated as before: without a call of ``__init__``.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        check_methods(cls)

    @model_validator(mode="before")
    @classmethod
    def _read_integers(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        return with_integers(
            data, {name: field.annotation for name, field in cls.model_fields.items()}
        )

    @classmethod
    def parse(cls, data: object, key: str = "") -> Self:
        """Validates a block of keys; an instance is given back as it is.

        Args:
            data (Mapping or instance): The block.
            key (str): Dotted path of the block, for the message. (default: ``""``)

        Raises:
            KeyProblem: For the first bad key.
        """
        if isinstance(data, cls):
            return data
        if isinstance(data, Mapping):
            data = dict(data)
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            raise _key_problem(cls, _worst(error), key) from None


def unknown_key(key: str, name: str, valid: Iterable[str]) -> KeyProblem:
    """The error for a key that does not exist; it lists the valid ones and proposes the closest.

    Args:
        key (str): Dotted path of the block that holds the key.
        name (str): The key.
        valid (Iterable[str]): The keys that the block may have.
    """
    names = list(valid)
    hint = did_you_mean(name, names)
    return KeyProblem(join_key(key, name), f"unknown key: expected {one_of(names)}{hint}")


@contextmanager
def keys_inside(key: str) -> Iterator[None]:
    """Puts the key of a block in front of the keys of what goes wrong in it."""
    try:
        yield
    except KeyProblem as problem:
        raise KeyProblem(join_key(key, problem.key), problem.problem) from None


def join_key(*parts: object) -> str:
    """Joins the parts of a dotted key, without the empty ones."""
    return ".".join(str(part) for part in parts if part != "")


def spell(value: object) -> str:
    """Spells a value as it would stand in YAML, in a few words."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, Mapping):
        return "a block of keys"
    text = _SHORT.repr(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def _worst(error: ValidationError) -> ErrorDetails:
    """A key that does not exist, if there is one: it may be why another is missing."""
    problems = error.errors()
    return next((each for each in problems if each["type"] == "extra_forbidden"), problems[0])


def _key_problem(model: type[BaseModel], error: ErrorDetails, key: str) -> KeyProblem:
    where = [str(part) for part in error["loc"]]
    if error["type"] == "extra_forbidden":
        block = _model_at(model, where[:-1])
        valid = [name for name in block.model_fields if name != "kind"]
        return unknown_key(join_key(key, *where[:-1]), where[-1], valid)
    # Behind a key that takes one of several types stands pydantic's name of the type.
    keys = [part for part in where if part.isidentifier() or part.isdecimal()]
    full_key = join_key(key, *keys)
    if error["type"] == "missing":
        return KeyProblem(full_key, "missing key")
    if error["type"] == "value_error":
        inner = error.get("ctx", {}).get("error")
        if isinstance(inner, KeyProblem):
            return KeyProblem(join_key(full_key, inner.key), inner.problem)
        return KeyProblem(full_key, error["msg"].removeprefix("Value error, "))
    template = _EXPECTED.get(error["type"], error["msg"])
    expected = template.format(**error.get("ctx", {}))
    return KeyProblem(full_key, f"expected {expected} (got {spell(error['input'])})")


def _model_at(model: type[BaseModel], where: list[str]) -> type[BaseModel]:
    for name in where:
        field = model.model_fields.get(name)
        annotation: Any = field.annotation if field is not None else None
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            break
        model = annotation
    return model
