"""A name, a block with a kind, or an object: one grammar, one set of messages."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from pydantic import Field

from m4graph.core.blocks import build, choose
from m4graph.core.checks import check_count, check_positive
from m4graph.core.errors import ConfigError
from m4graph.core.registry import Registry
from m4graph.core.schema import KeyProblem, StrictModel, keys_inside


class Shape:
    """What all shapes are."""


class Square(Shape):
    def __init__(self, side: int, colour: str = "red") -> None:
        self.side = check_count("side", side)
        self.colour = colour


class Drawn(Shape):
    def __init__(self, file: str) -> None:
        self.file = file


class Rounded(StrictModel, Shape):
    kind: Literal["half_circle"] = "half_circle"
    radius: float = Field(default=1.0, gt=0)


class Anything(Shape):
    def __init__(self, **keys: Any) -> None:
        self.keys = keys


SHAPES: Registry[Any] = Registry("shape", {})
for _name, _shape in {
    "big_square": Square,
    "file": Drawn,
    "half_circle": Rounded,
    "any": Anything,
}.items():
    SHAPES.register(_name, _shape)


def make(spec: object, **options: Any) -> Any:
    return build(SHAPES, spec, "picture.shape", Shape, **options)


@pytest.mark.parametrize("name", ["half_circle", "HalfCircle", "half-circle", "HALF CIRCLE"])
def test_every_spelling_is_one_kind(name):
    assert make(name) == make({"kind": name}) == Rounded()
    assert make(name).kind == "half_circle"


@pytest.mark.parametrize("kind", ["big_square", "Big-Square", Square])
def test_a_block_is_given_to_its_plug_in(kind):
    block = {"kind": kind, "side": 3}
    made = make(block)
    assert (type(made), made.side, made.colour) == (Square, 3, "red")
    assert block == {"kind": kind, "side": 3}


def test_a_plug_in_may_stand_alone_and_an_object_is_given_back():
    assert make(Rounded) == Rounded()
    square = Square(2)
    assert make(square) is square
    assert make({"kind": "any", "b": 1, "a": 2}).keys == {"b": 1, "a": 2}


def test_a_file_is_of_kind_file_where_there_is_one():
    assert make({"file": "a.csv"}).file == make({"kind": "FILE", "file": "a.csv"}).file == "a.csv"
    fileless: Registry[Any] = Registry("shape", {})
    with pytest.raises(KeyProblem, match=r"^picture.kind: missing key"):
        choose(fileless, {"file": "a.csv"}, "picture")


def test_a_default_kind():
    assert make({"side": 4}, default="big_square").side == 4
    assert make({"file": "a.csv"}, default="big_square").file == "a.csv"


def test_what_is_chosen_is_spelled_as_it_is_registered():
    assert choose(SHAPES, {"kind": "BIGSQUARE", "side": 1}, "") == (
        "big_square", Square, {"side": 1},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (5, "picture.shape: expected a name or a block of keys (got 5)"),
        (None, "picture.shape: expected a name or a block of keys (got null)"),
        (
            "halfcirkle",
            "picture.shape: unknown shape: expected one of any, big_square, file, half_circle "
            "(got 'halfcirkle'); did you mean 'half_circle'?",
        ),
        (
            {"kind": "halfcirkle"},
            "picture.shape.kind: unknown shape: expected one of any, big_square, file, "
            "half_circle (got 'halfcirkle'); did you mean 'half_circle'?",
        ),
        (
            {"side": 3},
            "picture.shape.kind: missing key: expected one of any, big_square, file, half_circle",
        ),
        (
            {"kind": 3},
            "picture.shape.kind: expected one of any, big_square, file, half_circle (got 3)",
        ),
        (
            {"kind": "big_square", "side": 3, "color": "blue"},
            "picture.shape.color: unknown key: expected one of side, colour; did you mean "
            "'colour'?",
        ),
        ({"kind": "big_square"}, "picture.shape.side: missing key"),
        (
            {"kind": "big_square", "side": 0},
            "picture.shape.side: expected an integer of 1 or above (got 0)",
        ),
        ({"file": 3}, "picture.shape.file: expected the path of a file (got 3)"),
        (
            {"kind": "half_circle", "radius": 0},
            "picture.shape.radius: expected a value above 0 (got 0)",
        ),
    ],
)
def test_messages(spec, message):
    with pytest.raises(ConfigError) as caught:
        make(spec)
    assert str(caught.value).replace("0.0 (", "0 (") == message


def test_keys_inside_is_put_in_front_at_every_depth():
    with pytest.raises(KeyProblem) as caught, keys_inside("a"), keys_inside("b.0"):
        raise KeyProblem("c", "expected more")
    assert (caught.value.key, str(caught.value)) == ("a.b.0.c", "a.b.0.c: expected more")


@pytest.mark.parametrize("value", [0, -1, True, 1.0, "1", None, 2**31])
def test_bad_counts(value):
    with pytest.raises(KeyProblem, match=r"^n: expected an integer of "):
        check_count("n", value)


@pytest.mark.parametrize("value", [0, -1.0, True, "1", None, float("nan"), float("inf"), 10**400])
def test_bad_positive_numbers(value):
    with pytest.raises(KeyProblem, match=r"^x: expected a number above 0 "):
        check_positive("x", value)
