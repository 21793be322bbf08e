"""Arrays that grow, and columns that have names."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Sequence
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
