"""A topology from a block of a configuration."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import networkx as nx

from m4graph.errors import ConfigError, TopologyError
from m4graph.registry import Registry
from m4graph.topology.arrays import validate

TOPOLOGIES: Registry[Callable[..., nx.Graph]] = Registry(
    "topology",
    {
        "fat_tree": "m4graph.topology.fat_tree:fat_tree",
        "leaf_spine": "m4graph.topology.leaf_spine:leaf_spine",
        "clos": "m4graph.topology.clos:clos",
        "dumbbell": "m4graph.topology.dumbbell:dumbbell",
        "parking_lot": "m4graph.topology.parking_lot:parking_lot",
        "star": "m4graph.topology.star:star",
        "file": "m4graph.topology.file:from_file",
    },
)
"""Generators by name: functions of keyword arguments that give a networkx graph."""


def from_config(config: Mapping[str, Any]) -> nx.Graph:
    """Makes a network from ``{"kind": name, **parameters}``, or ``{"file": path, ...}``.

    Paths are used as they stand.

    Raises:
        ConfigError: If the kind or a key is unknown, or a key is missing.
        TopologyError: If a parameter is out of its range, or the network is not valid.
    """
    parameters = dict(config)
    kind = parameters.pop("kind", "file" if "file" in parameters else None)
    if not isinstance(kind, str):
        raise ConfigError(
            f"topology.kind: expected one of {', '.join(TOPOLOGIES.names())} (got {kind!r})"
        )
    generator = TOPOLOGIES.resolve(kind)
    _check_keys(kind, inspect.signature(generator), parameters)
    try:
        graph = generator(**parameters)
        validate(graph)
    except TopologyError as error:
        raise TopologyError(f"topology {kind}: {error}") from None
    return graph


def _check_keys(kind: str, signature: inspect.Signature, parameters: Mapping[str, Any]) -> None:
    known = signature.parameters.values()
    open_ended = any(parameter.kind is parameter.VAR_KEYWORD for parameter in known)
    for key in parameters:
        if key not in signature.parameters and not open_ended:
            raise ConfigError(
                f"topology.{key}: expected a key of {kind}, which are "
                f"{', '.join(signature.parameters)} (got {key!r})"
            )
    for parameter in known:
        required = parameter.default is parameter.empty and parameter.kind in (
            parameter.POSITIONAL_OR_KEYWORD,
            parameter.KEYWORD_ONLY,
        )
        if required and parameter.name not in parameters:
            raise ConfigError(f"topology.{parameter.name}: {kind} expected a value (got none)")
