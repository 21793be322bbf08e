"""A mimic without traffic: packets cross it as if they were alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from m4graph.core.units import BITS_PER_BYTE, NS_PER_S
from m4graph.mimic.boundary import BoundaryTrace
from m4graph.mimic.clusters import Pods
from m4graph.mimic.models.base import MimicModel, MimicStep, common_arrays
from m4graph.mimic.models.constant_step import crosses_alone
from m4graph.scenario import Scenario


class Constant(MimicModel):
    """Each packet takes the time of its transmission and propagation inside the pod.

    It waits for no packet but visible ones, which keep their order. It learns nothing, and so it
    knows every scenario. Nothing is dropped or marked.
    """

    kind = "constant"
    takes: ClassVar[frozenset[str]] = frozenset({"shape", "network", "congestion_control"})

    @classmethod
    def fit(cls, trace: BoundaryTrace, seed: int) -> Self:
        """The same, whatever the trace."""
        return cls()

    def start(self, pods: Pods, scenario: Scenario, seed: int) -> MimicStep:
        """Times of the network's own cables."""
        ticks_per_ns, shape = scenario.config.ticks_per_ns, pods.shape
        byte_ticks = BITS_PER_BYTE * NS_PER_S * ticks_per_ns
        delay_ticks = shape.rack_delay_ns * ticks_per_ns
        cable = np.array([byte_ticks, shape.rack_rate_bps, delay_ticks])
        free_ticks = np.zeros(pods.arrays.num_links, np.int64)
        return MimicStep(crosses_alone, (*common_arrays(pods, seed), cable, free_ticks))

    def settings(self) -> dict[str, Any]:
        """Nothing."""
        return {}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Nothing."""
        return {}

    @classmethod
    def from_saved(cls, settings: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The model again."""
        return cls()
