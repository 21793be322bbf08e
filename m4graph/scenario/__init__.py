"""Scenarios: all the inputs of a run, and the folders that hold them."""

from m4graph.scenario.network import NetworkConfig
from m4graph.scenario.scenario import MAX_SEED, MAX_STOP_NS, Scenario

__all__ = ["MAX_SEED", "MAX_STOP_NS", "NetworkConfig", "Scenario"]
