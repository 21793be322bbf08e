"""Distributions over blocks of keys: a tree of values in which any may be a law to draw from.

A law is a block of one keyword::

    {choice: [web_search, cache_follower], weights: [2, 1]}     # options may hold laws again
    {uniform: [0.2, 0.8]}
    {log_uniform: [1.0e+4, 1.0e+6]}
    {int_uniform: [10000, 30000]}                               # both ends included
    {same_as: network.ecn.kmin_bytes}                           # what was drawn for another key
    {depends_on: congestion_control.kind, cases: {dctcp: 1, timely: {uniform: [0, 1]}}}
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from m4graph.core.schema import KeyProblem, join_key, spell, unknown_key

Streams = Callable[[str], np.random.Generator]
"""Gives the random stream of a key, so that no draw depends on the draws for other keys."""


class Law(Protocol):
    """Something to draw a value from."""

    def draw(self, key: str, streams: Streams) -> Any:
        """Draws the value of a key."""


@dataclass(frozen=True)
class Constant:
    """Always the same value."""

    value: Any

    def draw(self, key: str, streams: Streams) -> Any:
        """Gives the value."""
        return self.value


@dataclass(frozen=True)
class Block:
    """A law for each key of a block."""

    laws: Mapping[str, Law]

    def draw(self, key: str, streams: Streams) -> dict[str, Any]:
        """Draws every key."""
        return {name: law.draw(join_key(key, name), streams) for name, law in self.laws.items()}


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


@dataclass(frozen=True)
class IntUniform:
    """An integer between two others, both included."""

    low: int
    high: int

    def draw(self, key: str, streams: Streams) -> int:
        """Draws an integer."""
        return int(streams(key).integers(self.low, self.high, endpoint=True))


@dataclass(frozen=True)
class SameAs:
    """What another key got; put in its place by :func:`draw`."""

    source: str

    def draw(self, key: str, streams: Streams) -> SameAs:
        """Gives itself, for now."""
        return self


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


def parse(tree: object, key: str = "") -> Law:
    """Reads a tree of values and laws.

    Args:
        tree (Any): Blocks of keys, values and laws, as read from YAML.
        key (str): Where it stands, for messages. (default: ``""``)

    Raises:
        KeyProblem: If a law has a bad or an unknown argument.
    """
    if not isinstance(tree, Mapping):
        return Constant(tree)
    keywords = [name for name in _LAWS if name in tree]
    if not keywords:
        return Block({name: parse(value, join_key(key, name)) for name, value in tree.items()})
    keyword = keywords[0]
    valid = [keyword, *_FURTHER.get(keyword, ())]
    for name in tree:
        if name not in valid:
            raise unknown_key(key, name, valid)
    return _LAWS[keyword](tree, keyword, key)


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


def _choice(tree: Mapping[str, Any], keyword: str, key: str) -> Law:
    options = tree[keyword]
    if not isinstance(options, list) or not options:
        raise KeyProblem(
            join_key(key, keyword), f"expected a list of options (got {spell(options)})"
        )
    weights = tree.get("weights", [1] * len(options))
    good = (
        isinstance(weights, list)
        and len(weights) == len(options)
        and all(_is_number(weight) and weight >= 0 for weight in weights)
        and sum(weights) > 0
    )
    if not good:
        raise KeyProblem(
            join_key(key, "weights"),
            f"expected {len(options)} numbers of 0 or above, not all 0 (got {spell(weights)})",
        )
    laws = (parse(option, f"{key}[{index}]") for index, option in enumerate(options))
    return Choice(tuple(laws), tuple(float(weight) for weight in weights))


def _uniform(tree: Mapping[str, Any], keyword: str, key: str) -> Law:
    log = keyword == "log_uniform"
    what = "two finite numbers above 0" if log else "two finite numbers"
    low, high = _ends(
        tree, keyword, key, what, lambda end: _is_number(end) and (end > 0 or not log)
    )
    return Uniform(float(low), float(high), log)


def _int_uniform(tree: Mapping[str, Any], keyword: str, key: str) -> Law:
    low, high = _ends(
        tree, keyword, key, "two integers", lambda end: _is_number(end) and isinstance(end, int)
    )
    return IntUniform(low, high)


def _same_as(tree: Mapping[str, Any], keyword: str, key: str) -> Law:
    return SameAs(_source(tree, keyword, key))


def _depends_on(tree: Mapping[str, Any], keyword: str, key: str) -> Law:
    cases = tree.get("cases")
    if not isinstance(cases, Mapping) or not cases:
        raise KeyProblem(
            join_key(key, "cases"), f"expected a block, a key for each value (got {spell(cases)})"
        )
    laws = {str(name): parse(value, f"{key}[{name}]") for name, value in cases.items()}
    return Cases(_source(tree, keyword, key), laws)


def _source(tree: Mapping[str, Any], keyword: str, key: str) -> str:
    source = tree[keyword]
    if not isinstance(source, str) or not source:
        raise KeyProblem(join_key(key, keyword), f"expected a dotted key (got {spell(source)})")
    return source


def _ends(
    tree: Mapping[str, Any], keyword: str, key: str, what: str, good: Callable[[Any], bool]
) -> tuple[Any, Any]:
    ends = tree[keyword]
    if not isinstance(ends, list) or len(ends) != 2 or not all(map(good, ends)):
        raise KeyProblem(join_key(key, keyword), f"expected {what} (got {spell(ends)})")
    low, high = ends
    if low > high:
        raise KeyProblem(
            join_key(key, keyword), f"expected {what}, the lower one first (got {spell(ends)})"
        )
    return low, high


def _is_number(value: Any) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and abs(value) < 2**63
        and math.isfinite(value)
    )


_LAWS: dict[str, Callable[[Mapping[str, Any], str, str], Law]] = {
    "choice": _choice,
    "uniform": _uniform,
    "log_uniform": _uniform,
    "int_uniform": _int_uniform,
    "same_as": _same_as,
    "depends_on": _depends_on,
}
_FURTHER = {"choice": ("weights",), "depends_on": ("cases",)}
"""Keys beside the keyword."""
