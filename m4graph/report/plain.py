"""Numbers as a page has them: plain, short, and in words."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from m4graph.core.units import GBPS


def short(values: ArrayLike, digits: int = 4) -> list[Any]:
    """Numbers of that many digits, whole ones as they are; ``None`` for what is not finite."""
    array = np.asarray(values)
    if array.dtype.kind != "f":
        whole: list[Any] = array.tolist()
        return whole
    return [_short(value, digits) for value in array.tolist()]


def _short(value: float, digits: int) -> int | float | None:
    if not math.isfinite(value):
        return None
    rounded = float(f"{value:.{digits}g}")
    return int(rounded) if rounded.is_integer() else rounded


def counted(number: int, what: str) -> str:
    """A number of things, as in ``"2,000 flows"``."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def spell_rates(rates_bps: Iterable[int]) -> str:
    """Rates from slow to fast, as in ``"10 and 40 Gb/s"``."""
    rates = [f"{rate / GBPS:.4g}" for rate in sorted(set(rates_bps))]
    *first, last = rates
    return f"{', '.join(first)} and {last} Gb/s" if first else f"{last} Gb/s"


def spell_ns(time_ns: float) -> str:
    """A time as in ``"3.2 ms"``."""
    for scale, unit in ((1e9, "s"), (1e6, "ms"), (1e3, "µs")):
        if abs(time_ns) >= scale:
            return f"{time_ns / scale:.4g} {unit}"
    return f"{time_ns:.4g} ns"
