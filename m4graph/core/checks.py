"""Checks of single parameters, as plug-ins and constructors need them."""

from __future__ import annotations

import math
import operator
from typing import Any

from m4graph.core.calls import plain_call
from m4graph.core.integers import is_integer
from m4graph.core.schema import KeyProblem, spell

MAX_COUNT = 2**31 - 1
"""No count may be larger unless it says so: ids of nodes and flows are 32-bit integers."""


MAX_SIGMA = 100
"""Of a log-normal law: beyond it, even the largest of all draws would be 0."""


@plain_call
def check_count(name: str, value: Any, minimum: int = 1, maximum: int = MAX_COUNT) -> int:
    """Gives an integer back if it is inside its bounds.

    Args:
        name (str): Name of the parameter.
        value (int): Its value.
        minimum (int): The least that it may be. (default: ``1``)
        maximum (int): The most that it may be. (default: :data:`MAX_COUNT`)

    Raises:
        KeyProblem: If it is no integer, or out of its bounds.
    """
    if not is_integer(value) or value < minimum:
        raise KeyProblem(name, f"expected an integer of {minimum} or above (got {spell(value)})")
    if value > maximum:
        raise KeyProblem(name, f"expected an integer of at most {maximum} (got {value})")
    return operator.index(value)


@plain_call
def check_positive(name: str, value: Any, above: float = 0.0, maximum: float = math.inf) -> float:
    """Gives a number back as a float if it is finite and above a bound.

    Args:
        name (str): Name of the parameter.
        value (float): Its value.
        above (float): The bound. (default: ``0.0``)
        maximum (float): The most that it may be. (default: any finite number)

    Raises:
        KeyProblem: If it is not.
    """
    try:
        number = math.nan if isinstance(value, bool | str) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not above < number < math.inf:
        raise KeyProblem(name, f"expected a number above {above:g} (got {spell(value)})")
    if number > maximum:
        raise KeyProblem(name, f"expected a number of at most {maximum:g} (got {spell(value)})")
    return number
