"""Integers in files, also those that are written as floats, as in ``1e10``."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import numpy as np

from m4graph.core.checks import is_integer

_INTEGER = re.compile(r"[-+]?[0-9]{1,19}")
_NUMBER = re.compile(r"[-+]?([0-9]{1,40}\.?[0-9]{0,40}|\.[0-9]{1,40})([eE][-+]?[0-9]{1,2})?")
_FIRST_AMBIGUOUS_FLOAT = 2**53
"""Two integers are this float; below, each has one of its own."""


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
