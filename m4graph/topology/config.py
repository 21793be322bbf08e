"""A topology from a block of a configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import networkx as nx

from m4graph.core.blocks import build
from m4graph.core.calls import plain_call
from m4graph.core.registry import Registry

TOPOLOGIES: Registry[Callable[..., nx.Graph]] = Registry(
    "topology",
    {
        "fat_tree": "m4graph.topology.fat_tree:fat_tree",
        "leaf_spine": "m4graph.topology.leaf_spine:leaf_spine",
        "clos": "m4graph.topology.clos:clos",
        "dumbbell": "m4graph.topology.dumbbell:dumbbell",
        "parking_lot": "m4graph.topology.parking_lot:parking_lot",
        "star": "m4graph.topology.star:star",
        "rail": "m4graph.topology.rail:rail",
        "file": "m4graph.topology.file:from_file",
    },
)
"""Generators by name: functions of keyword arguments that give a networkx graph."""


@plain_call
def from_config(config: str | Mapping[str, Any], key: str = "topology") -> nx.Graph:
    """Makes a network from ``{"kind": name, **parameters}``, or ``{"file": path, ...}``.

    Paths are used as they stand.

    Args:
        config (str or Mapping): The block, or only a name.
        key (str): Dotted path of the block, for messages. (default: ``"topology"``)

    Raises:
        KeyProblem: If the kind or a key is unknown or missing, or a parameter is out of its range.
        TopologyError: If a file is bad. Whoever uses the network validates it.
    """
    return build(TOPOLOGIES, config, key, nx.Graph)
