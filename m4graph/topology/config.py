"""A topology from a block of a configuration."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import networkx as nx

from m4graph.core.errors import TopologyError
from m4graph.core.registry import Registry
from m4graph.core.schema import KeyProblem, one_of, spell, unknown_key
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
        raise KeyProblem(
            "topology.kind", f"expected {one_of(TOPOLOGIES.names())} (got {spell(kind)})"
        )
    generator = TOPOLOGIES.resolve(kind)
    _check_keys(inspect.signature(generator), parameters)
    try:
        graph = generator(**parameters)
        validate(graph)
    except TopologyError as error:
        raise TopologyError(f"topology {kind}: {error}") from None
    return graph


def _check_keys(signature: inspect.Signature, parameters: Mapping[str, Any]) -> None:
    known = signature.parameters.values()
    named = {
        parameter.name: parameter.default is not parameter.empty
        for parameter in known
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    }
    takes_any_key = any(parameter.kind is parameter.VAR_KEYWORD for parameter in known)
    for key in parameters:
        if key not in named and not takes_any_key:
            raise unknown_key("topology", str(key), named)
    for name, optional in named.items():
        if not optional and name not in parameters:
            raise KeyProblem(f"topology.{name}", "missing key")
