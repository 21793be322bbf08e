"""Random numbers: seeds go in, :class:`numpy.random.Generator` objects come out.

There is no global random state. Each use of randomness names its purpose and gets a stream of
its own, so adding one draw somewhere does not change the numbers drawn elsewhere.
"""

from __future__ import annotations

import hashlib
import json
import operator

import numpy as np

from m4graph.core.calls import plain_call
from m4graph.core.checks import check_count

TRAIN_SEEDS = range(0, 1_000_000)
"""Seeds from which training and validation data may be drawn."""

EVALUATION_SEEDS = range(1_000_000, 2_000_000)
"""Seeds kept for evaluation suites; datasets refuse them."""

_MAX_SEED = 2**64 - 1


@plain_call
def generator(seed: int, *purpose: str | int) -> np.random.Generator:
    """Gives the random stream for a seed and a purpose.

    The same arguments give the same stream on every machine and in every Python process;
    different ones give independent streams.

    Args:
        seed (int): A seed, 0 or above.
        *purpose (str or int): What the numbers are for, as in ``"workload", "sizes"``.

    Raises:
        KeyProblem: If the seed is no integer, is negative, or has more than 64 bits.
    """
    key = json.dumps([_checked(seed), *(_plain(part) for part in purpose)])
    digest = hashlib.sha256(key.encode()).digest()
    entropy = np.frombuffer(digest, dtype="<u4").tolist()
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(entropy)))


@plain_call
def is_evaluation_seed(seed: int) -> bool:
    """Tells whether a seed is kept for evaluation."""
    return _checked(seed) in EVALUATION_SEEDS


def _checked(seed: int) -> int:
    return check_count("seed", seed, 0, _MAX_SEED)


def _plain(part: str | int) -> str | int:
    return part if isinstance(part, str) else operator.index(part)
