"""The random numbers that decide about marks: ns-3's own, so that the marks are ns-3's own.

ns-3 takes each number from a new stream of the generator MRG32k3a: the first number of stream
``n``, then that of stream ``n + 1``. The streams lie 2**127 steps apart, and a run (our seed) takes
substreams 2**76 steps apart. A jump multiplies a vector by a constant matrix, modulo a prime.

Reference: L'Ecuyer, Simard, Chen and Kelton, "An Object-Oriented Random-Number Package with Many
Long Streams and Substreams", Operations Research 50(6), 2002.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from m4graph.simulators.packet.jit import inline_kernel

_STREAMS_OF_A_NODE, _STREAMS_BEFORE = 9, 2
"""ns-3's nodes take the first streams (found by comparison with its runs)."""

# Both primes are a little below 2**32, by an offset which makes the remainder cheap.
_OFFSET_1, _OFFSET_2 = 209, 22_853
_PRIME_1, _PRIME_2 = 2**32 - _OFFSET_1, 2**32 - _OFFSET_2
_A12, _A13, _A21, _A23 = 1_403_580, 810_728, 527_612, 1_370_589

_Matrix = tuple[tuple[int, ...], ...]
_STEPS: tuple[tuple[_Matrix, int], ...] = (
    (((0, 1, 0), (0, 0, 1), (-_A13, _A12, 0)), _PRIME_1),
    (((0, 1, 0), (0, 0, 1), (-_A23, 0, _A21)), _PRIME_2),
)


def _product(a: _Matrix, b: _Matrix, prime: int) -> _Matrix:
    columns = tuple(zip(*b, strict=True))
    return tuple(
        tuple(sum(x * y for x, y in zip(row, column, strict=True)) % prime for column in columns)
        for row in a
    )


def _power(matrix: _Matrix, exponent: int, prime: int) -> _Matrix:
    result: _Matrix = ((1, 0, 0), (0, 1, 0), (0, 0, 1))
    while exponent:
        if exponent & 1:
            result = _product(matrix, result, prime)
        matrix = _product(matrix, matrix, prime)
        exponent >>= 1
    return result


_SUBSTREAM_JUMPS = [_power(step, 1 << 76, prime) for step, prime in _STEPS]
_STREAM_JUMPS = [
    _power(jump, 1 << (127 - 76), prime)
    for jump, (_, prime) in zip(_SUBSTREAM_JUMPS, _STEPS, strict=True)
]
_JUMP_1, _JUMP_2 = (np.array(jump, np.uint64) for jump in _STREAM_JUMPS)


def first_stream(num_nodes: int, seed: int) -> np.ndarray:
    """Where the first stream of marks starts: uint64 ``[6]``. Seed 0 is ns-3's run 1."""
    stream = _STREAMS_OF_A_NODE * num_nodes + _STREAMS_BEFORE
    state: list[int] = []
    for to_substream, to_stream, (_, prime) in zip(
        _SUBSTREAM_JUMPS, _STREAM_JUMPS, _STEPS, strict=True
    ):
        jump = _product(
            _power(to_substream, seed + 1, prime), _power(to_stream, stream, prime), prime
        )
        # ns-3's seed is 1: a vector of ones.
        state += [sum(row) % prime for row in jump]
    return np.array(state, np.uint64)


@njit(_nrt=False)
def next_number(state: np.ndarray) -> float:
    """The first number of the stream where ``state`` stands, in (0, 1); goes to the next stream."""
    first = np.uint64(_A12) * state[1] + np.uint64(_A13) * (np.uint64(_PRIME_1) - state[0])
    second = np.uint64(_A21) * state[5] + np.uint64(_A23) * (np.uint64(_PRIME_2) - state[3])
    difference = np.int64(_remainder(first, _OFFSET_1)) - np.int64(_remainder(second, _OFFSET_2))
    if difference <= 0:
        difference += _PRIME_1
    _jump(_JUMP_1, state[:3], _OFFSET_1)
    _jump(_JUMP_2, state[3:], _OFFSET_2)
    return float(difference * (1 / (_PRIME_1 + 1)))


@inline_kernel
def _jump(matrix: np.ndarray, vector: np.ndarray, offset: int) -> None:
    x, y, z = vector[0], vector[1], vector[2]
    for row in range(3):
        total = _fold(matrix[row, 0] * x, offset)
        total += _fold(matrix[row, 1] * y, offset)
        total += _fold(matrix[row, 2] * z, offset)
        vector[row] = _remainder(total, offset)


@inline_kernel
def _fold(value: Any, offset: int) -> Any:
    """A smaller uint64 with the same remainder modulo ``2**32 - offset``: at most 47 bits."""
    return (value >> np.uint64(32)) * np.uint64(offset) + (value & np.uint64(0xFFFFFFFF))


@inline_kernel
def _remainder(value: Any, offset: int) -> Any:
    """The remainder modulo ``2**32 - offset`` of a value of at most 54 bits."""
    value = _fold(_fold(value, offset), offset)
    prime = np.uint64(2**32 - offset)
    while value >= prime:
        value -= prime
    return value
