"""The generator of marks against its definition in whole numbers of any size."""

from __future__ import annotations

from m4graph.simulators.packet.mrg32k3a import (
    _A12,
    _A13,
    _A21,
    _A23,
    _PRIME_1,
    _PRIME_2,
    _STEPS,
    _power,
    first_stream,
    next_number,
)


def test_published_constants() -> None:
    assert (_PRIME_1, _PRIME_2) == (4_294_967_087, 4_294_944_443)


def test_numbers_are_the_first_ones_of_consecutive_streams() -> None:
    state = first_stream(num_nodes=3, seed=5)
    for index in range(200):
        first, second = (
            [sum(row) % prime for row in _power(step, (29 + index) * 2**127 + 6 * 2**76, prime)]
            for step, prime in _STEPS
        )
        x = (_A12 * first[1] - _A13 * first[0]) % _PRIME_1
        y = (_A21 * second[2] - _A23 * second[0]) % _PRIME_2
        number = (x - y if x > y else x - y + _PRIME_1) / (_PRIME_1 + 1)
        assert abs(next_number(state) - number) < 1e-15


def test_numbers_are_uniform() -> None:
    state = first_stream(num_nodes=10, seed=0)
    numbers = [next_number(state) for _ in range(20_000)]
    assert 0 < min(numbers) < max(numbers) < 1
    assert abs(sum(numbers) / len(numbers) - 0.5) < 0.01
