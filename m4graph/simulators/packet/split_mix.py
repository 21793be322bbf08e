"""Random numbers of things that have a generator each, as one word of their record."""

from __future__ import annotations

import numpy as np

from m4graph.simulators.packet.jit import inline_kernel

# Of the generator SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_TO_UNIT = 2.0**-53


@inline_kernel
def next_uniform(record):
    """The next number of a record's generator, ``random``, in [0, 1)."""
    record.random += _STEP
    word = record.random
    word = (word ^ (word >> np.uint64(30))) * _MIX_1
    word = (word ^ (word >> np.uint64(27))) * _MIX_2
    word ^= word >> np.uint64(31)
    return float(word >> np.uint64(11)) * _TO_UNIT
