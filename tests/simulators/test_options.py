"""Options from a shell: parsed, checked by the signature, refused in one line."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from m4graph.core.errors import ConfigError
from m4graph.simulators import SIMULATORS, Simulator, read_options

if TYPE_CHECKING:
    import nowhere


class Toy(Simulator):
    name = "toy"

    def __init__(
        self,
        labels: bool = False,
        depth: int = 1,
        most: float = 0.9,
        file: str | os.PathLike[str] | None = None,
        block: Mapping[str, object] | None = None,
        parts: list[int] | Literal["all"] = "all",
        model: str | nowhere.Model = "own",
        plain=3,
    ) -> None:
        pass

    def run(self, scenario, progress=None):
        raise NotImplementedError


@pytest.fixture(autouse=True)
def toy(monkeypatch):
    monkeypatch.setattr(SIMULATORS, "_objects", {**SIMULATORS._objects, "toy": Toy})
    monkeypatch.setattr(SIMULATORS, "_display", {**SIMULATORS._display, "toy": "toy"})


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("toy.labels=true", {"labels": True}),
        ("toy.depth=2", {"depth": 2}),
        ("toy.depth=2.0", {"depth": 2}),
        ("toy.parts=[1.0, 2]", {"parts": [1, 2]}),
        ("toy.most=1", {"most": 1}),
        ("toy.most=1e-3", {"most": 1e-3}),
        ("toy.file=a/b", {"file": "a/b"}),
        ("toy.file=null", {"file": None}),
        ("toy.block={a: 1}", {"block": {"a": 1}}),
        ("toy.block.a.b=1", {"block": {"a": {"b": 1}}}),
        ("toy.parts=all", {"parts": "all"}),
        ("toy.parts=[1, 2]", {"parts": [1, 2]}),
        ("toy.model=3", {"model": 3}),  # a type that only type checkers know
        ("toy.plain=[]", {"plain": []}),  # without a type
        ("Toy.labels=true", {"labels": True}),
    ],
)
def test_values(argument, expected):
    assert read_options([argument], ["packet", "toy"]) == {"toy": expected}


def test_several():
    given = ["fluid.scope=full", "toy.block.a=1", "toy.block.b=2"]
    assert read_options(given, ["fluid", "toy"]) == {
        "fluid": {"scope": "full"},
        "toy": {"block": {"a": 1, "b": 2}},
    }
    assert read_options([], ["fluid"]) == {}


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("toy.labels", "--option toy.labels: expected key=value"),
        ("toy=1", "--option toy=1: expected one of fluid.KEY, toy.KEY (got 'toy')"),
        ("ty.labels=1", "--option ty.labels=1: expected one of fluid.KEY, toy.KEY"),
        ("packet.labels=1", "--option packet.labels=1: expected one of fluid.KEY, toy.KEY"),
        (
            "fluid.scop=a",
            "fluid.scop: unknown key: expected one of scope, window_limit, max_hours; did you mean "
            "'scope'?",
        ),
        ("toy.dept=a", "expected one of labels, depth, most, file, block, parts, model, plain"),
        ("toy.labels=1", "--option toy.labels=1: toy.labels: expected true or false (got 1)"),
        ("toy.depth=true", "toy.depth: expected an integer (got true)"),
        ("toy.depth=1.5", "toy.depth: expected an integer (got 1.5)"),
        ("toy.most=a", "toy.most: expected a number (got 'a')"),
        ("toy.file=1", "toy.file: expected text or null (got 1)"),
        ("toy.block=1", "toy.block: expected a block of keys or null (got 1)"),
        ("toy.parts=some", "toy.parts: expected a list or all (got 'some')"),
        ("toy.labels={", "--option toy.labels={, line 1: expected YAML"),
    ],
)
def test_bad_values(argument, message):
    with pytest.raises(ConfigError) as caught:
        read_options([argument], ["fluid", "toy"])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_all_options_are_resolved():
    assert Toy.resolve_options({"depth": 3}) == {
        "labels": False,
        "depth": 3,
        "most": 0.9,
        "file": None,
        "block": None,
        "parts": "all",
        "model": "own",
        "plain": 3,
    }
    assert list(Toy.input_files({})) == list[Path]()
