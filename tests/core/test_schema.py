from __future__ import annotations

import pickle
from typing import Literal

import pytest
from pydantic import Field

from m4graph.core.errors import ConfigError, one_of
from m4graph.core.schema import KeyProblem, StrictModel, spell, unknown_key


class Inner(StrictModel):
    share: float = Field(0.5, ge=0, le=1)


class Block(StrictModel):
    kind: Literal["block"] = "block"
    count: int = Field(1, ge=1)
    on: bool = True
    rate: float = Field(1.0, gt=0)
    label: str = Field("aa", min_length=1, pattern="^a{2}")
    parts: dict[str, int] = Field({"a": 1}, min_length=1)
    inner: Inner = Inner()


def test_an_integer_is_a_number():
    assert Block.parse({"rate": 3}).rate == 3.0


def test_an_instance_is_given_back():
    block = Block(count=2)
    assert Block.parse(block) is block


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"coutn": 1}, "b.coutn: unknown key: expected one of count, on, rate, label, parts, "
         "inner; did you mean 'count'?"),
        ({"inner": {"shar": 1}}, "b.inner.shar: unknown key: expected share; "
         "did you mean 'share'?"),
        ({"count": True}, "b.count: expected an integer (got true)"),
        ({"count": 2.5}, "b.count: expected an integer (got 2.5)"),
        ({"parts": {"a": 2.5}}, "b.parts.a: expected an integer (got 2.5)"),
        ({"count": None}, "b.count: expected an integer (got null)"),
        ({"on": "yes"}, "b.on: expected true or false (got 'yes')"),
        ({"on": 1}, "b.on: expected true or false (got 1)"),
        ({"rate": "10"}, "b.rate: expected a number (got '10')"),
        ({"rate": False}, "b.rate: expected a number (got false)"),
        ({"rate": float("nan")}, "b.rate: expected a finite number (got nan)"),
        ({"rate": float("inf")}, "b.rate: expected a finite number (got inf)"),
        ({"rate": 0}, "b.rate: expected a value above 0.0 (got 0)"),
        ({"count": 0}, "b.count: expected at least 1 (got 0)"),
        ({"inner": {"share": 2}}, "b.inner.share: expected at most 1.0 (got 2)"),
        ({"inner": 3}, "b.inner: expected a block of keys (got 3)"),
        ({"label": 3}, "b.label: expected text (got 3)"),
        ({"label": ""}, "b.label: expected text of at least 1 characters (got '')"),
        ({"label": "b"}, "b.label: expected text that matches ^a{2} (got 'b')"),
        ({"parts": {}}, "b.parts: expected at least 1 entries (got a block of keys)"),
        ({"kind": "other"}, "b.kind: expected 'block' (got 'other')"),
        ([1], "b: expected a block of keys (got [1])"),
    ],
)  # fmt: skip
def test_messages(data, message):
    with pytest.raises(KeyProblem) as caught:
        Block.parse(data, "b")
    assert str(caught.value) == message


def test_a_required_key():
    class Needy(StrictModel):
        file: str

    with pytest.raises(KeyProblem, match=r"^topology\.file: missing key$"):
        Needy.parse({}, "topology")


def test_problems_keep_their_key_through_pickle():
    problem = pickle.loads(pickle.dumps(KeyProblem("a.b", "expected 1 (got 2)")))
    assert isinstance(problem, ConfigError)
    assert (problem.key, problem.problem) == ("a.b", "expected 1 (got 2)")
    assert str(problem) == "a.b: expected 1 (got 2)"


def test_spelling():
    assert one_of([]) == "no key"
    assert one_of(["a"]) == "a"
    assert [spell(value) for value in (None, True, {}, "x")] == [
        "null", "true", "a block of keys", "'x'",
    ]  # fmt: skip
    assert len(spell("x" * 500)) == 60
    assert str(unknown_key("", "z", ["a", "b"])) == "z: unknown key: expected one of a, b"
