"""What flows that are spread over paths have in a run: their paths, and what their packets draw."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from m4graph.core.errors import ConfigError
from m4graph.core.rng import generator
from m4graph.core.units import NS_PER_US
from m4graph.routing import PathFinder, Paths, Routes, Spraying
from m4graph.scenario import Scenario
from m4graph.simulators.packet.congestion.base import CongestionKernel


class NewSprays(NamedTuple):
    """Of new flows.

    Fields:
        - paths (Paths): theirs
        - random (np.ndarray): uint64 ``[num_flows]``, the states of their generators
    """

    paths: Paths
    random: NDArray[np.uint64]


class Sprayer:
    """Gives flows their paths and generators, in the order in which they are added.

    Args:
        scenario (Scenario): The network, its routing and the seed.
        spraying (Spraying): How packets are spread.
    """

    def __init__(self, scenario: Scenario, spraying: Spraying) -> None:
        self._finder = PathFinder(scenario.arrays, spraying.prefer_nvswitch)
        self._random = generator(scenario.seed, "paths of packets")

    @classmethod
    def of(cls, scenario: Scenario) -> Sprayer | None:
        """That of a scenario; ``None``: its flows have one path each."""
        spraying = scenario.spraying
        return None if spraying is None else cls(scenario, spraying)

    def new(self, routes: Routes) -> NewSprays:
        """Of the next flows, which have these routes.

        Raises:
            RoutingError: If there are too many paths between two hosts.
        """
        words = self._random.integers(2**64, size=routes.num_flows, dtype=np.uint64)
        return NewSprays(self._finder.find(routes), words)


def check_spraying(scenario: Scenario, kernel: CongestionKernel) -> None:
    """Checks that an algorithm can have packets on several paths, if they are.

    Raises:
        ConfigError: If it cannot.
    """
    because = why_one_path(kernel)
    if scenario.spraying is not None and because is not None:
        kind = scenario.congestion_control.kind
        raise ConfigError(f"routing.kind: expected one path for a flow with {kind}, {because}")


def why_one_path(kernel: CongestionKernel) -> str | None:
    """Why an algorithm cannot have packets of a flow on several paths; ``None``: it can."""
    if kernel.keeps_routes:
        return "whose packets report on the links of one route"
    if not kernel.transport.takes_any_order:
        return "which takes packets that overtake others for a sign of loss"
    return None


def configure_spraying(scenario: Scenario, config: np.ndarray) -> None:
    """Writes how packets are spread into the run's configuration."""
    spraying = scenario.spraying
    if spraying is not None:
        config["spray_gap_ticks"] = round(spraying.gap_us * NS_PER_US * config["ticks_per_ns"][0])
        config["round_robin"] = spraying.choice == "round_robin"
