"""Curves of ports as the numbers that a network gives, and back."""

from __future__ import annotations

from math import prod

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from m4graph.mimic.models.lindley_curve import MAX_LEVEL, NUM_KINDS, NUM_ROLES, PORT_CURVE

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
    "fast_ticks": _TIME,
    "slow_ticks": _TIME,
    "fast_share": _CHANCE,
    "load_edges": _WAIT,
    "gap_edges": _WAIT,
    "drop_again": _CHANCE,
}
"""Fields of a curve, and what kind of number each is: waits are hyperbolic sines (as they are near
0, logarithms far from it), times logarithms, chances logits."""


def _places() -> dict[str, slice]:
    places, first = {}, 0
    for name in _NUMBERS:
        size = prod(PORT_CURVE[name].shape)
        places[name] = slice(first, first + size)
        first += size
    return places


PLACES = _places()
"""Where the numbers of each field are."""

CHANCE_PLACES = [PLACES[name] for name, kind in _NUMBERS.items() if kind == _CHANCE]
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
    return np.concatenate(parts, axis=-1)


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
    curves["slow_ticks"] = np.maximum(curves["slow_ticks"], curves["fast_ticks"])
    return curves


def level_weights(num_levels: int) -> NDArray[np.float64]:
    """How much of the time a port is near each level, float64 ``[num_levels]``, in all 1."""
    density = np.exp(-0.5 * np.linspace(-MAX_LEVEL, MAX_LEVEL, num_levels) ** 2)
    return np.asarray(density / density.sum())
