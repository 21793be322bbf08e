from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from m4graph.core.errors import ConfigError
from m4graph.core.rng import EVALUATION_SEEDS, TRAIN_SEEDS, generator, is_evaluation_seed


def draw(*arguments: str | int) -> list[int]:
    return generator(*arguments).integers(0, 2**62, 4).tolist()


def test_known_answer():
    # Other numbers here mean that every generated workload changes.
    assert draw(0, "workload", "sizes") == [
        391879404739409193,
        4552888426817640293,
        3260127963697770138,
        1543575415618214672,
    ]


def test_same_arguments_give_the_same_stream_in_another_process():
    code = (
        "from m4graph.core.rng import generator;"
        "print(generator(7, 'ecmp', 3).integers(0, 2**62, 4).tolist())"
    )
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert output.strip() == str(draw(7, "ecmp", 3))


@pytest.mark.parametrize(
    "other", [(1, "sizes"), (0, "gaps"), (0, "sizes", 0), (0,), (0, "sizes", ""), (0, "s", "izes")]
)
def test_other_seed_or_purpose_gives_another_stream(other):
    assert draw(*other) != draw(0, "sizes")


def test_an_index_is_no_text():
    assert draw(0, 1) != draw(0, "1")


def test_numpy_integers_are_integers():
    assert draw(np.int64(5), np.int32(2)) == draw(5, 2)


@pytest.mark.parametrize("seed", [-1, 1.0, "1", None, True])
def test_bad_seed(seed):
    with pytest.raises(ConfigError, match="seed: expected an integer of 0 or above"):
        generator(seed)


def test_seed_ranges_do_not_meet():
    assert not set(TRAIN_SEEDS[-2:]) & set(EVALUATION_SEEDS)
    assert TRAIN_SEEDS.stop <= EVALUATION_SEEDS.start
    assert not is_evaluation_seed(999_999)
    assert is_evaluation_seed(1_000_000)
    assert is_evaluation_seed(1_999_999)
    assert not is_evaluation_seed(2_000_000)
