"""The numbers of a result that stand in ``summary.json``."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

NUM_NOT_SIMULATED = "num_not_simulated"
"""The name in ``extra`` of the number of flows that a simulator left out."""


def slowdown_statistics(slowdown: NDArray[np.float64]) -> dict[str, float | None]:
    """Mean, percentiles and maximum, as a summary names them; ``None`` of nothing."""
    names = ["mean_slowdown", "p50_slowdown", "p90_slowdown", "p99_slowdown", "max_slowdown"]
    if not len(slowdown):
        return dict.fromkeys(names)
    percentiles = np.percentile(slowdown, [50, 90, 99])
    values = [slowdown.mean(), *percentiles, slowdown.max()]
    return {name: float(value) for name, value in zip(names, values, strict=True)}


def number(value: float) -> float | None:
    """The number; ``None`` if it is not finite."""
    return float(value) if math.isfinite(value) else None


def plain_value(value: Any) -> Any:
    """A value as JSON takes it."""
    plain = value.item() if isinstance(value, np.generic) else value
    return number(plain) if isinstance(plain, float) else plain
