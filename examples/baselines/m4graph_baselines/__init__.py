"""Two model families beside m4graph's own, on its public interface: RouteNet on snapshots, boosted
trees on tables of flows.
"""

from __future__ import annotations

from m4graph.checkpoint import MODELS
from m4graph.simulators import SIMULATORS
from m4graph_baselines.flow_table import FlowTableSimulator, FlowTrees
from m4graph_baselines.routenet import RouteNet, RouteNetSimulator

__all__ = ["FlowTableSimulator", "FlowTrees", "RouteNet", "RouteNetSimulator", "register"]


def register() -> None:
    """Makes the names known. Where the package is installed, its entry points have done that."""
    MODELS.register("routenet", RouteNet)
    MODELS.register("flow_trees", FlowTrees)
    SIMULATORS.register("routenet", RouteNetSimulator)
    SIMULATORS.register("flow_table", FlowTableSimulator)
