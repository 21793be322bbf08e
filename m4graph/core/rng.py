"""Random numbers: seeds go in, :class:`numpy.random.Generator` objects come out.

There is no global random state. Each use of randomness names its purpose and gets a stream of
its own, so adding one draw somewhere does not change the numbers drawn elsewhere.
"""

from __future__ import annotations

import hashlib
import json
import operator

import numpy as np

from m4graph.core.errors import ConfigError

TRAIN_SEEDS = range(0, 1_000_000)
"""Seeds from which training and validation data may be drawn."""

EVALUATION_SEEDS = range(1_000_000, 2_000_000)
"""Seeds kept for evaluation suites; datasets refuse them."""


def generator(seed: int, *purpose: str | int) -> np.random.Generator:
    """Gives the random stream for a seed and a purpose.

    The same arguments give the same stream on every machine and in every Python process;
    different ones give independent streams.

    Args:
        seed (int): A seed, 0 or above.
        *purpose (str or int): What the numbers are for, as in ``"workload", "sizes"``.

    Raises:
        ConfigError: If the seed is no integer or is negative.
    """
    key = json.dumps([_checked(seed), *(_plain(part) for part in purpose)])
    digest = hashlib.sha256(key.encode()).digest()
    entropy = np.frombuffer(digest, dtype="<u4").tolist()
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(entropy)))


def is_evaluation_seed(seed: int) -> bool:
    """Tells whether a seed is kept for evaluation."""
    return _checked(seed) in EVALUATION_SEEDS


def _checked(seed: int) -> int:
    try:
        value = operator.index(seed)
    except TypeError:
        value = -1
    if value < 0 or isinstance(seed, bool):
        raise ConfigError(f"seed: expected an integer of 0 or above (got {seed!r})")
    return value


def _plain(part: str | int) -> str | int:
    return part if isinstance(part, str) else operator.index(part)
