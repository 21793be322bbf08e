"""Predicted quantiles of slowdowns: how they are named, and put in order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from m4graph.core.errors import ConfigError

QUANTILES = "quantiles"
"""The name in ``extra`` of quantiles as predicted: by level, slowdowns ``[num_flows]``."""

MEDIAN = "p50"
"""The name of the quantile that is the slowdown itself."""

_MEDIAN_LEVEL = 0.5


def quantile_name(level: float) -> str:
    """The name of a level: ``"p90"`` of 0.9, ``"p99.9"`` of 0.999."""
    return f"p{100 * level:g}"


def ordered_quantiles(
    slowdown: NDArray[np.float64], predicted: Mapping[float, NDArray[np.float64]]
) -> dict[float, NDArray[np.float64]]:
    """Quantiles that rise with their level and are never below 1, lowest level first.

    Each is predicted by itself. The median, level 0.5, is the slowdown: levels above it start from
    there upwards, levels below it downwards.

    Args:
        slowdown (np.ndarray): Predicted slowdowns, NaN: unfinished, which has no quantiles either.
        predicted (Mapping): By level, what was predicted.

    Shapes:
        - inputs and output: ``[num_flows]``
    """
    quantiles = {_MEDIAN_LEVEL: slowdown}
    bound = slowdown
    for level in sorted(level for level in predicted if level > _MEDIAN_LEVEL):
        quantiles[level] = bound = np.maximum(np.maximum(predicted[level], 1.0), bound)
    bound = slowdown
    for level in sorted((level for level in predicted if level < _MEDIAN_LEVEL), reverse=True):
        quantiles[level] = bound = np.minimum(np.maximum(predicted[level], 1.0), bound)
    return dict(sorted(quantiles.items()))


def named_quantiles(
    slowdown: NDArray[np.float64], extra: Mapping[str, Any], simulator: str
) -> dict[str, NDArray[np.float64]]:
    """The quantiles of a result by their names, lowest level first.

    Args:
        slowdown (np.ndarray): Of the result, ``[num_flows]``.
        extra (Mapping): Of the result.
        simulator (str): For the message.

    Raises:
        ConfigError: If it has none.
    """
    if QUANTILES not in extra:
        raise ConfigError(
            "quantiles: expected a result of the learned simulator with a model that has quantile "
            f"heads (got one of {simulator} without)"
        )
    found = ordered_quantiles(slowdown, extra[QUANTILES])
    return {quantile_name(level): values for level, values in found.items()}


def quantiles_of_rows(extra: Mapping[str, Any], rows: NDArray[Any]) -> dict[str, Any]:
    """What else was recorded, and of the quantiles, if there are any, those of some flows."""
    predicted = extra.get(QUANTILES)
    if predicted is None:
        return dict(extra)
    return {**extra, QUANTILES: {level: values[rows] for level, values in predicted.items()}}
