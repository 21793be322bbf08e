"""What counts as an integer, also where it is written as a float, as in ``1e10``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, TypeGuard, get_args

import numpy as np

_INTEGER = re.compile(r"[-+]?[0-9]{1,19}")
_NUMBER = re.compile(r"[-+]?([0-9]{1,40}\.?[0-9]{0,40}|\.[0-9]{1,40})([eE][-+]?[0-9]{1,2})?")
_FIRST_AMBIGUOUS_FLOAT = 2**53
"""Two integers are this float; below, each has one of its own."""


def is_integer(value: object) -> TypeGuard[int | np.integer]:
    """Tells whether a value is an integer of Python or numpy; ``True`` is none."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def parse_integer(text: str) -> int | None:
    """Reads an integer, exactly: ``"12"``, ``"1000.0"`` and ``"1e10"``, but not ``"1000.5"``."""
    text = text.strip()
    if _INTEGER.fullmatch(text):
        return int(text)
    if not _NUMBER.fullmatch(text):
        return None
    value = Decimal(text)
    return int(value) if value == int(value) else None


def as_integer(value: Any) -> int | None:
    """The integer that a number is: one of Python or numpy, or a float that can be no other one."""
    if is_integer(value):
        return int(value)
    if not isinstance(value, float | np.floating):
        return None
    number = float(value)
    return int(number) if abs(number) < _FIRST_AMBIGUOUS_FLOAT and number.is_integer() else None


def whole_as_integers(value: Any) -> Any:
    """A value with integers where floats stand for them, at any depth of lists and blocks."""
    if isinstance(value, list | tuple):
        return [whole_as_integers(each) for each in value]
    if isinstance(value, Mapping):
        return {name: whole_as_integers(each) for name, each in value.items()}
    integer = as_integer(value)
    return value if integer is None else integer


def with_integers(values: Mapping[str, Any], hints: Mapping[str, Any]) -> dict[str, Any]:
    """Values with integers where floats stand for them, as in ``num_flows: 1e4``.

    Args:
        values (Mapping): Values by name.
        hints (Mapping): Types by name; only those that hold integers, or lists or blocks of them,
            and no other numbers, change anything.
    """
    return {
        name: whole_as_integers(value) if _holds_integers(hints.get(name)) else value
        for name, value in values.items()
    }


def _holds_integers(hint: Any) -> bool:
    kinds, left = set[Any](), [hint]
    while left:
        kinds.add(kind := left.pop())
        left += get_args(kind)
    integers = any(kind is int or is_integer(kind) for kind in kinds)
    return integers and kinds.isdisjoint((float, Any))
