"""One mimic for many configurations: small runs, the tables fitted to them, and the training.

Nothing is fitted to a new load, queue or number of pods: from the graph of a pod a network tells
what packets will meet at its ports.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from m4graph.core.lazy import lazy_names

if TYPE_CHECKING:
    from m4graph.mimic.hetero import pod_graph
    from m4graph.mimic.many.config import Cut, ManyConfig, load_many_config
    from m4graph.mimic.many.making import make
    from m4graph.mimic.many.tables import FittedTable
    from m4graph.mimic.many.training import train
    from m4graph.mimic.models.graph import Graph
    from m4graph.mimic.models.graph_net import GraphNet
    from m4graph.mimic.pod_inputs import PodInputs

_NAMES = {
    "Cut": "m4graph.mimic.many.config",
    "FittedTable": "m4graph.mimic.many.tables",
    "Graph": "m4graph.mimic.models.graph",
    "GraphNet": "m4graph.mimic.models.graph_net",
    "ManyConfig": "m4graph.mimic.many.config",
    "PodInputs": "m4graph.mimic.pod_inputs",
    "load_many_config": "m4graph.mimic.many.config",
    "make": "m4graph.mimic.many.making",
    "pod_graph": "m4graph.mimic.hetero",
    "train": "m4graph.mimic.many.training",
}

__all__ = [
    "Cut",
    "FittedTable",
    "Graph",
    "GraphNet",
    "ManyConfig",
    "PodInputs",
    "load_many_config",
    "make",
    "pod_graph",
    "train",
]

__getattr__, __dir__ = lazy_names(__name__, _NAMES)
