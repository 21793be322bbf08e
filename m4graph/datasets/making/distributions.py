"""Distributions over blocks of keys: a tree of values in which any may be a law to draw from.

A law is a block of one keyword::

    {choice: [web_search, cache_follower], weights: [2, 1]}     # options may hold laws again
    {uniform: [0.2, 0.8]}
    {log_uniform: [1.0e+4, 1.0e+6]}
    {int_uniform: [10000, 30000]}                               # both ends included
    {int_log_uniform: [1000, 1000000]}
    {same_as: network.ecn.kmin_bytes}                           # what was drawn for another key
    {depends_on: congestion_control.kind, cases: {dctcp: 1, timely: {uniform: [0, 1]}}}
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from m4graph.core.calls import plain_call
from m4graph.core.integers import whole_as_integers
from m4graph.core.schema import KeyProblem, join_key, spell, unknown_key
from m4graph.datasets.making.laws import (
    Block,
    Cases,
    Choice,
    Constant,
    IntUniform,
    Law,
    SameAs,
    Uniform,
)


@plain_call
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
    ends = {keyword: whole_as_integers(tree[keyword])}
    log = keyword == "int_log_uniform"
    low, high = _ends(
        ends,
        keyword,
        key,
        "two integers above 0" if log else "two integers",
        lambda end: _is_number(end) and isinstance(end, int) and (end > 0 or not log),
    )
    return IntUniform(low, high, log)


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
    "int_log_uniform": _int_uniform,
    "same_as": _same_as,
    "depends_on": _depends_on,
}
_FURTHER = {"choice": ("weights",), "depends_on": ("cases",)}
"""Keys beside the keyword."""
