"""Checks of what the file of a trace holds, before a model learns from it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from m4graph.core.array_checks import Checker
from m4graph.mimic.shape import PodShape

_MOST_PLACES = 1 << 15
_MOST_BYTES = 1 << 19
_LAST_TICK = 1 << 60
_FASTEST_BPS = 1 << 50
_LONGEST_NS = 1 << 40


def check_shape(check: Checker, shape: PodShape) -> None:
    """A pod has one or more of everything.

    Raises:
        InputError: For the first value that is out of range.
    """
    for name, value in vars(shape).items():
        low, high = 1, _MOST_PLACES
        if name.endswith("_rate_bps"):
            high = _FASTEST_BPS
        elif name.endswith("_delay_ns"):
            low, high = 0, _LONGEST_NS
        check.values(name, np.array([value]), low, high)


def check_rows(check: Checker, rows: NDArray[Any], shape: PodShape) -> None:
    """Packets come by time of entry, at ports that the pod has, and leave after they came.

    Raises:
        InputError: For the first column that has a value which cannot be.
    """
    highest = {
        "enter_ticks": _LAST_TICK,
        "flow": _LAST_TICK,
        "host": shape.num_hosts - 1,
        "agg": shape.aggs - 1,
        "spine": shape.spines - 1,
        "direction": 1,
        "kind": 1,
    }
    for name, high in highest.items():
        check.values(f"rows.{name}", rows[name], 0, high)
    check.values("rows.wire_bytes", rows["wire_bytes"], 1, _MOST_BYTES)
    enter, middle, leave = (rows[f"{name}_ticks"] for name in ("enter", "middle", "exit"))
    check.rule("rows.enter_ticks", enter[1:] >= enter[:-1], "times that do not fall")
    for name, ticks in (("middle", middle), ("exit", leave)):
        check.values(f"rows.{name}_ticks", ticks, -1, _LAST_TICK)
        check.rule(f"rows.{name}_ticks", (ticks < 0) | (ticks >= enter), "-1, or after the entry")
    check.rule("rows.exit_ticks", (leave < 0) | (leave >= middle), "times after the second switch")
    check.rule("rows.dropped", rows["dropped"] == (leave < 0), "exits of what was not dropped")
