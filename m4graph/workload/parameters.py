"""Building the laws of a workload from their blocks, and checks of their parameters."""

from __future__ import annotations

import inspect
import math
import operator
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from m4graph.core.errors import WorkloadError
from m4graph.core.registry import Registry

T = TypeVar("T")

Spec = str | Mapping[str, Any]


def build(registry: Registry[Any], spec: Spec | T, method: str) -> T:
    """Makes a law from its name or its block; an object is given back as it is.

    Args:
        registry (Registry): The laws by name; each entry makes a law from its parameters.
        spec (str, Mapping or object): A name, a block ``{"kind": name, parameter: value, ...}``,
            or a law.
        method (str): A method that every such law has.

    Raises:
        ConfigError: If the name is unknown.
        WorkloadError: If the block has no ``kind``, a parameter is unknown, missing, or bad.
    """
    if not isinstance(spec, str | Mapping):
        if not hasattr(spec, method):
            raise WorkloadError(
                f"{registry.kind}: expected a name, a block with kind, or an object with {method} "
                f"(got {spec!r})"
            )
        return spec
    params = {"kind": spec} if isinstance(spec, str) else dict(spec)
    kind = params.pop("kind", None)
    if not isinstance(kind, str):
        raise WorkloadError(
            f"{registry.kind}: expected a key kind, one of {', '.join(registry.names())} "
            f"(got {kind!r})"
        )
    factory = registry.resolve(kind)
    _check_names(f"{registry.kind} {kind!r}", inspect.signature(factory), params)
    if not isinstance(params.get("file", ""), str | Path):
        raise WorkloadError(
            f"{registry.kind} {kind!r}: file: expected a path (got {params['file']!r})"
        )
    law: T = factory(**params)
    return law


def _check_names(what: str, signature: inspect.Signature, params: Mapping[str, Any]) -> None:
    """Checks that the parameters are those that a factory takes."""
    keys = ", ".join(signature.parameters)
    expected = f"the keys {keys}" if keys else "no other key"
    for name in params:
        if name not in signature.parameters:
            raise WorkloadError(f"{what}: expected {expected} (got {name!r})")
    for name, parameter in signature.parameters.items():
        if parameter.default is parameter.empty and name not in params:
            raise WorkloadError(f"{what}: expected the key {name!r} (got none)")


def check_positive(name: str, value: float, above: float = 0.0) -> float:
    """Gives a number back as a float if it is finite and above a bound.

    Raises:
        WorkloadError: If it is not; ``name`` says which parameter it was.
    """
    try:
        number = math.nan if isinstance(value, bool | str) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not above < number < math.inf:
        raise WorkloadError(f"{name}: expected a number above {above:g} (got {value!r})")
    return number


def check_count(name: str, value: int, minimum: int = 1, maximum: int | None = None) -> int:
    """Gives an integer back if it is inside its bounds.

    Raises:
        WorkloadError: If it is not; ``name`` says which parameter it was.
    """
    try:
        count = minimum - 1 if isinstance(value, bool) else operator.index(value)
    except TypeError:
        count = minimum - 1
    if count < minimum or (maximum is not None and count > maximum):
        bounds = f"of {minimum} or above" if maximum is None else f"in {minimum} .. {maximum}"
        raise WorkloadError(f"{name}: expected an integer {bounds} (got {value!r})")
    return count
