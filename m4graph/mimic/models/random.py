"""Random numbers inside a step: one word of state, the same bits everywhere."""

from __future__ import annotations

import numpy as np
from numba.extending import register_jitable
from numpy.typing import NDArray

from m4graph.core.rng import generator

# Of the generator SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_TO_UNIT = 2.0**-53


def first_state(seed: int) -> NDArray[np.uint64]:
    """The state of a generator that has given no number yet, uint64 ``[1]``."""
    return generator(seed, "mimic", "step").integers(2**64, size=1, dtype=np.uint64)


@register_jitable
def next_uniform(state: NDArray[np.uint64]) -> float:
    """The next number in [0, 1); changes the state, uint64 ``[1]``."""
    state[0] += _STEP
    word = state[0]
    word = (word ^ (word >> np.uint64(30))) * _MIX_1
    word = (word ^ (word >> np.uint64(27))) * _MIX_2
    word ^= word >> np.uint64(31)
    return float(word >> np.uint64(11)) * _TO_UNIT
