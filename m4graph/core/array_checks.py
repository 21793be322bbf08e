"""Checks of arrays that come from a file: the first that is wrong is named in one line."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from m4graph.core.errors import InputError

Array = NDArray[Any]


class Checker:
    """Checks arrays one by one; an error names the file and the array.

    Args:
        where (str): The file.
    """

    def __init__(self, where: str) -> None:
        self._where = where

    def refuse(self, name: str, expected: str, got: object) -> None:
        """Raises the error."""
        raise InputError(f"{self._where}: {name}: expected {expected} (got {got})")

    def array(self, name: str, array: Array, dtype: str, length: int) -> None:
        """An array of this type, and of one dimension and this length."""
        if array.dtype != dtype or array.shape != (length,):
            self.refuse(name, f"{np.dtype(dtype)} [{length}]", f"{array.dtype} {[*array.shape]}")

    def values(self, name: str, array: Array, low: float, high: float) -> None:
        """Finite values in ``[low, high]``."""
        bad = ~((array >= low) & (array <= high))
        if bad.any():
            at = int(bad.argmax())
            self.refuse(name, f"values in {low:g} .. {high:g}", f"{array[at]} at {at}")

    def rule(self, name: str, good: Array, expected: str) -> None:
        """Something that holds at each place."""
        if not good.all():
            self.refuse(name, expected, f"something else at {int(good.argmin())}")

    def pointers(self, name: str, ptr: Array, rows: int, length: int, least: int = 0) -> None:
        """Where the rows of a table begin and end: ``rows + 1`` of them, from 0 to its length."""
        self.array(name, ptr, "i8", rows + 1)
        if ptr[0] != 0 or ptr[-1] != length:
            self.refuse(name, f"0 first and {length} last", f"{ptr[0]} and {ptr[-1]}")
        # A difference may wrap: so the order is looked at.
        self.rule(name, ptr[1:] >= ptr[:-1], "values that do not fall")
        self.rule(name, ptr[1:] - ptr[:-1] >= least, f"steps of at least {least}")
