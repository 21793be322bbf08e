from __future__ import annotations

import math

import numpy as np
import pytest

from m4graph.core.rng import generator
from m4graph.core.schema import KeyProblem
from m4graph.datasets.making.distributions import parse
from m4graph.datasets.making.laws import draw


def drawn(tree, count=1):
    law = parse(tree, "scenario")
    return [
        draw(law, lambda key, index=index: generator(0, index, key), "scenario")
        for index in range(count)
    ]


def test_plain_values_stay():
    tree = {"a": 1, "b": {"c": None, "d": [1, {"e": 2}]}, "f": "uniform"}
    assert drawn(tree) == [tree]


@pytest.mark.parametrize(
    ("law", "mean", "low", "high"),
    [
        ({"uniform": [0.2, 0.8]}, 0.5, 0.2, 0.8),
        ({"log_uniform": [1, 100]}, 99 / math.log(100), 1, 100),
        ({"int_uniform": [3, 5]}, 4, 3, 5),
        ({"choice": [2, 6], "weights": [3, 1]}, 3, 2, 6),
        ({"choice": [{"uniform": [0, 1]}, 3]}, 1.75, 0, 3),
    ],
)
def test_laws(law, mean, low, high):
    values = np.array([each["x"] for each in drawn({"x": law}, 2000)])
    deviation = values.std() / math.sqrt(len(values))
    assert abs(values.mean() - mean) < 4 * deviation
    assert low <= values.min() < values.max() <= high


def test_int_uniform_reaches_both_ends():
    values = [each["x"] for each in drawn({"x": {"int_uniform": [3, 5]}}, 100)]
    assert set(values) == {3, 4, 5}
    assert all(type(value) is int for value in values)


def test_no_weight_is_never_chosen():
    law = {"choice": ["a", "b", "c"], "weights": [0, 1, 0]}
    assert {each["x"] for each in drawn({"x": law}, 50)} == {"b"}


def test_one_point_intervals():
    tree = {
        "a": {"uniform": [0.3, 0.3]},
        "b": {"log_uniform": [7, 7]},
        "c": {"int_uniform": [2, 2]},
    }
    assert drawn(tree) == [{"a": 0.3, "b": 7.0, "c": 2}]


def test_draws_of_other_keys_do_not_matter():
    law = {"uniform": [0, 1]}
    before, after = drawn({"b": law}), drawn({"a": law, "b": law, "c": law})
    assert before[0]["b"] == after[0]["b"]
    assert len(set(after[0].values())) == 3


def test_same_as():
    tree = {"k": {"low": {"uniform": [0, 1]}, "high": {"same_as": "k.low"}}}
    (block,) = drawn(tree)
    assert block["k"]["high"] == block["k"]["low"]


@pytest.mark.parametrize("source", ["a", "k", "k.none", "k.high", "k.low.x"])
def test_same_as_nothing(source):
    tree = {"k": {"low": 1, "high": {"same_as": source}}}
    with pytest.raises(KeyProblem, match=r"scenario\.k\.high: expected same_as to name a key"):
        drawn(tree)


@pytest.mark.parametrize(
    ("law", "message"),
    [
        ({"uniform": [1, 0]}, "x.uniform: expected two finite numbers, the lower one first"),
        ({"uniform": [0]}, "x.uniform: expected two finite numbers (got [0])"),
        ({"uniform": 3}, "x.uniform: expected two finite numbers (got 3)"),
        ({"uniform": [0, math.inf]}, "x.uniform: expected two finite numbers"),
        ({"uniform": [False, True]}, "x.uniform: expected two finite numbers"),
        ({"uniform": ["a", "b"]}, "x.uniform: expected two finite numbers"),
        ({"log_uniform": [0, 1]}, "x.log_uniform: expected two finite numbers above 0"),
        ({"int_uniform": [0.5, 1]}, "x.int_uniform: expected two integers (got [0.5, 1])"),
        ({"int_uniform": [0, 2**70]}, "x.int_uniform: expected two integers"),
        ({"choice": []}, "x.choice: expected a list of options (got [])"),
        ({"choice": "ab"}, "x.choice: expected a list of options (got 'ab')"),
        ({"choice": [1, 2], "weights": [1]}, "x.weights: expected 2 numbers of 0 or above"),
        ({"choice": [1, 2], "weights": [1, -1]}, "x.weights: expected 2 numbers"),
        ({"choice": [1, 2], "weights": [0, 0]}, "x.weights: expected 2 numbers"),
        ({"choice": [1, 2], "weights": 3}, "x.weights: expected 2 numbers"),
        ({"choice": [1], "wieghts": [1]}, "x.wieghts: unknown key"),
        ({"uniform": [0, 1], "weights": [1]}, "x.weights: unknown key"),
        ({"choice": [1, {"uniform": 3}]}, "x[1].uniform: expected two finite numbers"),
        ({"same_as": 3}, "x.same_as: expected a dotted key (got 3)"),
    ],
)
def test_bad_laws(law, message):
    with pytest.raises(KeyProblem) as caught:
        parse({"x": law})
    assert str(caught.value).startswith(message)


def test_a_value_depends_on_another():
    tree = {
        "kind": {"choice": ["dctcp", "timely"]},
        "ecn": {
            "depends_on": "kind",
            "cases": {
                "dctcp": {"k": {"int_uniform": [1, 9]}, "same": {"same_as": "ecn.k"}},
                "timely": 0,
            },
        },
    }
    values = drawn(tree, 100)
    assert {each["kind"] for each in values} == {"dctcp", "timely"}
    for each in values:
        if each["kind"] == "timely":
            assert each["ecn"] == 0
        else:
            assert 1 <= each["ecn"]["k"] <= 9
    assert len({each["ecn"]["k"] for each in values if each["kind"] == "dctcp"}) > 3


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        ({"a": {"depends_on": "b"}}, "cases: expected a block"),
        ({"a": {"depends_on": "b", "cases": {}}}, "cases: expected a block"),
        ({"a": {"depends_on": 3, "cases": {"x": 1}}}, "expected a dotted key"),
        ({"a": {"depends_on": "b", "cases": {"x": 1}}}, "depends_on to name a key with a value"),
        ({"b": "y", "a": {"depends_on": "b", "cases": {"x": 1}}}, "expected a case for b 'y'"),
        ({"a": {"depends_on": "b", "cases": {"x": 1}, "weights": [1]}}, "weights"),
    ],
)
def test_bad_cases(tree, expected):
    with pytest.raises(KeyProblem) as caught:
        drawn(tree)
    assert expected in str(caught.value)
