"""Laws of a distribution over blocks of keys, and how a tree of plain values is drawn from them.

:mod:`m4graph.datasets.making.distributions` reads them from YAML.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from m4graph.core.calls import plain_call
from m4graph.core.schema import KeyProblem, join_key

Streams = Callable[[str], np.random.Generator]
"""Gives the random stream of a key, so that no draw depends on the draws for other keys."""


class Law(Protocol):
    """Something to draw a value from."""

    def draw(self, key: str, streams: Streams) -> Any:
        """Draws the value of a key."""


@plain_call
@dataclass(frozen=True)
class Constant:
    """Always the same value."""

    value: Any

    def draw(self, key: str, streams: Streams) -> Any:
        """Gives the value."""
        return self.value


@plain_call
@dataclass(frozen=True)
class Block:
    """A law for each key of a block."""

    laws: Mapping[str, Law]

    def draw(self, key: str, streams: Streams) -> dict[str, Any]:
        """Draws every key."""
        return {name: law.draw(join_key(key, name), streams) for name, law in self.laws.items()}


@plain_call
@dataclass(frozen=True)
class Choice:
    """One of several laws, with probabilities in proportion to weights."""

    options: tuple[Law, ...]
    weights: tuple[float, ...]

    def draw(self, key: str, streams: Streams) -> Any:
        """Draws an option, then from it."""
        ends = np.cumsum(self.weights)
        at = streams(key).random() * ends[-1]
        index = min(int(np.searchsorted(ends, at, side="right")), len(self.options) - 1)
        return self.options[index].draw(f"{key}[{index}]", streams)


@plain_call
@dataclass(frozen=True)
class Uniform:
    """A number between two others, uniformly, or uniformly in its logarithm."""

    low: float
    high: float
    log: bool = False

    def draw(self, key: str, streams: Streams) -> float:
        """Draws a number."""
        if self.log:
            exponent = float(streams(key).uniform(math.log(self.low), math.log(self.high)))
            return min(max(math.exp(exponent), self.low), self.high)
        return float(streams(key).uniform(self.low, self.high))


@plain_call
@dataclass(frozen=True)
class IntUniform:
    """An integer between two others, both included; uniformly, or uniformly in its logarithm."""

    low: int
    high: int
    log: bool = False

    def draw(self, key: str, streams: Streams) -> int:
        """Draws an integer."""
        if self.log:
            return round(Uniform(self.low, self.high, log=True).draw(key, streams))
        return int(streams(key).integers(self.low, self.high, endpoint=True))


@plain_call
@dataclass(frozen=True)
class SameAs:
    """What another key got; replaced by its value in :func:`draw`."""

    source: str

    def draw(self, key: str, streams: Streams) -> SameAs:
        """Gives itself, for now."""
        return self


@plain_call
@dataclass(frozen=True)
class Cases:
    """One law for each value of another key.

    Before it is drawn, the cases are laws; afterwards what each of them gave, from which
    :func:`draw` takes one.
    """

    source: str
    cases: Mapping[str, Any]

    def draw(self, key: str, streams: Streams) -> Cases:
        """Draws every case; a key's stream does not depend on which one will be taken."""
        laws = self.cases.items()
        return Cases(self.source, {name: law.draw(f"{key}[{name}]", streams) for name, law in laws})


@plain_call
def draw(law: Law, streams: Streams, key: str = "") -> Any:
    """Draws a tree of plain values.

    Args:
        law (Law): What :func:`parse` gave.
        streams (Streams): The random stream of each key.
        key (str): Where the tree stands. (default: ``""``)

    Raises:
        KeyProblem: If a key is to be the same as one that has no value, or depends on one whose
            value is no case.
    """
    drawn = law.draw(key, streams)
    taken = _take_cases(drawn, drawn, key)
    return _resolve(taken, taken, key)


def _take_cases(tree: Any, root: Any, key: str) -> Any:
    if isinstance(tree, Cases):
        case = str(_value_of("depends_on", tree.source, root, key))
        if case not in tree.cases:
            raise KeyProblem(
                join_key(key, "cases"), f"expected a case for {tree.source} {case!r} (got none)"
            )
        return _take_cases(tree.cases[case], root, key)
    if isinstance(tree, dict):
        return {name: _take_cases(value, root, join_key(key, name)) for name, value in tree.items()}
    return tree


def _resolve(tree: Any, root: Any, key: str) -> Any:
    if isinstance(tree, SameAs):
        return _value_of("same_as", tree.source, root, key)
    if isinstance(tree, dict):
        return {name: _resolve(value, root, join_key(key, name)) for name, value in tree.items()}
    return tree


def _value_of(keyword: str, source: str, root: Any, key: str) -> Any:
    value = root
    for name in source.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    if value is None or isinstance(value, SameAs | Cases | dict):
        raise KeyProblem(key, f"expected {keyword} to name a key with a value (got {source!r})")
    return value
