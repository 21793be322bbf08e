"""Arrays that grow, columns that have names, and values that are the same."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np


def grown(array: np.ndarray, length: int) -> np.ndarray:
    """An array with room for more entries at its end; new ones are 0."""
    larger = np.zeros((length, *array.shape[1:]), array.dtype)
    larger[: len(array)] = array
    return larger


def columns_by_name(names: Sequence[str]) -> Any:
    """The number of each column as an attribute: ``X.log_wait`` for ``names.index("log_wait")``.

    Compiled code takes it as a constant.
    """
    return namedtuple("Columns", names)(*range(len(names)))


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal: arrays entry by entry, dataclasses field by field."""
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other)
    if is_dataclass(one):
        names = [each.name for each in fields(one)]
        return all(same(getattr(one, name), getattr(other, name)) for name in names)
    return bool(one == other)
