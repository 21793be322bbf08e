"""Curves of ports as the numbers that a network gives, and back."""

from __future__ import annotations

from math import prod

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from m4graph.mimic.models.lindley_curve import MAX_LEVEL, NUM_KINDS, NUM_ROLES, PORT_CURVE
from m4graph.mimic.models.lindley_fit import memory_of

_LEAST_CHANCE, _MOST_CHANCE = 1e-5, 0.99
_LEAST_TIME = 1e-3
"""Times shorter than this, in full packets, are not told apart."""

_LARGEST = 30.0
"""Of a number: no time gets too long for a curve, whatever a network says."""

_TIME, _CHANCE, _WAIT = "time", "chance", "wait"
_NUMBERS = {
    "wait_ticks": _WAIT,
    "drop": _CHANCE,
    "mark": _CHANCE,
    "load_ticks": _TIME,
    "load_edges": _WAIT,
    "gap_edges": _WAIT,
    "drop_again": _CHANCE,
}
"""Fields of a curve, and what kind of number each is: waits are hyperbolic sines (as they are near
0, logarithms far from it), times logarithms, chances logits. How fast the level changes is told by
its correlations, as other shares and times may mean the same."""

_LAGS = np.array([0.015, 0.08, 0.33, 1.3, 5.0, 20.0])
"""Of the correlations, in the time for which the load is remembered."""


def _places() -> dict[str, slice]:
    sizes = {name: prod(PORT_CURVE[name].shape) for name in _NUMBERS} | {"correlation": len(_LAGS)}
    ends = np.cumsum(list(sizes.values())).tolist()
    return {
        name: slice(end - size, end) for (name, size), end in zip(sizes.items(), ends, strict=True)
    }


PLACES = _places()
"""Where the numbers of each field are."""

CHANCE_PLACES = [
    *(PLACES[name] for name, kind in _NUMBERS.items() if kind == _CHANCE),
    PLACES["correlation"],
]
"""Places of chances, all of them."""

NUM_NUMBERS = max(place.stop for place in PLACES.values())


def numbers_of(curves: NDArray[np.void], packet_ticks: NDArray[np.float64]) -> NDArray[np.float64]:
    """Curves as numbers without bounds.

    Args:
        curves (np.ndarray): Records of :data:`PORT_CURVE`, ``[NUM_ROLES, NUM_KINDS]``.
        packet_ticks (np.ndarray): float64 ``[NUM_ROLES]``, what a full packet takes at the ports
            of a role: the unit of all times.

    Shapes:
        - output: float64 ``[NUM_ROLES, NUM_KINDS, NUM_NUMBERS]``
    """
    parts = []
    for name, kind in _NUMBERS.items():
        values = curves[name].astype(np.float64).reshape(NUM_ROLES, NUM_KINDS, -1)
        if kind == _CHANCE:
            parts.append(logit(np.clip(values, _LEAST_CHANCE, _MOST_CHANCE)))
        else:
            values = values / packet_ticks[:, None, None]
            long = np.log(np.maximum(values, _LEAST_TIME))
            parts.append(np.arcsinh(values) if kind == _WAIT else long)
    parts.append(logit(np.clip(_correlations(curves), _LEAST_CHANCE, _MOST_CHANCE)))
    return np.concatenate(parts, axis=-1)


def _correlations(curves: NDArray[np.void]) -> NDArray[np.float64]:
    """Of the level with itself, float64 ``[NUM_ROLES, NUM_KINDS, len(_LAGS)]``."""
    lag_ticks = curves["load_ticks"][..., None] * _LAGS
    fast, slow = (
        np.exp(-lag_ticks / np.maximum(curves[name], 1)[..., None])
        for name in ("fast_ticks", "slow_ticks")
    )
    share = curves["fast_share"][..., None]
    return np.asarray(share * fast + (1 - share) * slow)


def curves_of(numbers: NDArray[np.float64], packet_ticks: NDArray[np.float64]) -> NDArray[np.void]:
    """Valid curves from any numbers: waits and edges do not fall, chances lie between 0 and 1.

    Args:
        numbers (np.ndarray): As :func:`numbers_of` gives them.
        packet_ticks (np.ndarray): float64 ``[NUM_ROLES]``.

    Shapes:
        - output: records, ``[NUM_ROLES, NUM_KINDS]``; none is fitted yet
    """
    curves = np.zeros((NUM_ROLES, NUM_KINDS), PORT_CURVE)
    numbers = np.clip(numbers, -_LARGEST, _LARGEST)
    for name, kind in _NUMBERS.items():
        shape = (NUM_ROLES, NUM_KINDS, *PORT_CURVE[name].shape)
        values = numbers[..., PLACES[name]].reshape(shape)
        if kind == _CHANCE:
            values = expit(values)
            values = np.where(values > 2 * _LEAST_CHANCE, values, 0)
        else:
            values = np.maximum(np.sinh(values), 0) if kind == _WAIT else np.exp(values)
            values = (values.T * packet_ticks).T
        if kind == _WAIT:
            values = np.maximum.accumulate(values, axis=-1)
        curves[name] = values
    correlation = expit(numbers[..., PLACES["correlation"]])
    for place in np.ndindex(NUM_ROLES, NUM_KINDS):
        share, fast, slow = memory_of(_LAGS, correlation[place])
        curves["fast_share"][place] = share
        curves["fast_ticks"][place] = fast * curves["load_ticks"][place]
        curves["slow_ticks"][place] = slow * curves["load_ticks"][place]
    return curves


def level_weights(num_levels: int) -> NDArray[np.float64]:
    """How much of the time a port is near each level, float64 ``[num_levels]``, in all 1."""
    density = np.exp(-0.5 * np.linspace(-MAX_LEVEL, MAX_LEVEL, num_levels) ** 2)
    return np.asarray(density / density.sum())
