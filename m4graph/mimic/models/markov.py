"""A chain of classes of latencies: the next packet's class goes by that of the one before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from m4graph.core.errors import ConfigError
from m4graph.mimic.boundary import BoundaryTrace
from m4graph.mimic.clusters import Pods
from m4graph.mimic.models.base import MimicModel, MimicStep, common_arrays
from m4graph.mimic.models.crossings import NUM_STREAMS, crossings
from m4graph.mimic.models.paths import path_arrays
from m4graph.mimic.models.table_steps import NUM_CLASSES, follows
from m4graph.scenario import Scenario


class Markov(MimicModel):
    """A packet's class of latency is drawn by that of the packet before it on its path.

    Of a class all have the same latency, its mean, and as many marks. What was right for one packet
    after the other of the small run need not be right in the long run.

    Args:
        latency_ticks (np.ndarray): float64 ``[NUM_STREAMS, num_classes]``.
        mark (np.ndarray): Chances, of the same shape.
        chance (np.ndarray): float64 ``[NUM_STREAMS, num_classes, num_classes]``: of each class or
            a lower one, after each class.
    """

    kind = "markov"

    def __init__(
        self,
        latency_ticks: NDArray[np.float64],
        mark: NDArray[np.float64],
        chance: NDArray[np.float64],
    ) -> None:
        self._latency_ticks, self._mark, self._chance = latency_ticks, mark, chance

    @classmethod
    def fit(cls, trace: BoundaryTrace, seed: int) -> Self:
        """Counts which class follows which."""
        found, stream = crossings(trace)
        rows = trace.rows
        uplink = rows["agg"].astype(np.int64) * trace.shape.spines + rows["spine"]
        way = rows["direction"].astype(np.int64)
        path = ((way * trace.shape.num_hosts + rows["host"]) << 32) + uplink
        latency_ticks = np.zeros((NUM_STREAMS, NUM_CLASSES))
        mark = np.zeros((NUM_STREAMS, NUM_CLASSES))
        of_class = np.zeros(len(rows), np.int64)
        for each in range(NUM_STREAMS):
            chosen = (stream == each) & (found["latency_ticks"] >= 0)
            latency = found["latency_ticks"][chosen]
            edges = np.quantile(latency, np.arange(1, NUM_CLASSES - 1) / (NUM_CLASSES - 1))
            of_class[chosen] = 1 + np.searchsorted(edges, latency, side="right")
            count = np.maximum(np.bincount(of_class[chosen], minlength=NUM_CLASSES), 1)
            for table, values in ((latency_ticks, latency), (mark, found["marked"][chosen])):
                table[each] = np.bincount(of_class[chosen], values, NUM_CLASSES) / count
        order = np.lexsort((rows["enter_ticks"], path))
        path, of_class, stream = path[order], of_class[order], stream[order]
        next_one = np.flatnonzero(path[1:] == path[:-1]) + 1
        counts = np.zeros((NUM_STREAMS, NUM_CLASSES, NUM_CLASSES))
        np.add.at(counts, (stream[next_one], of_class[next_one - 1], of_class[next_one]), 1)
        # After a class that nothing followed, all go by their numbers.
        counts += counts.sum(axis=1, keepdims=True) * 1e-6 + 1e-12
        return cls(latency_ticks, mark, np.cumsum(counts / counts.sum(axis=2, keepdims=True), 2))

    def start(self, pods: Pods, scenario: Scenario, seed: int) -> MimicStep:
        """Begins at the lowest latency everywhere."""
        paths, times = path_arrays(pods, scenario.config.ticks_per_ns)
        paths["last"] = 1
        tables = self._latency_ticks, self._mark, self._chance
        return MimicStep(follows, (*common_arrays(pods, seed), paths, times, *tables))

    def settings(self) -> dict[str, Any]:
        """Nothing."""
        return {}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The classes, and what follows on what."""
        return {"latency_ticks": self._latency_ticks, "mark": self._mark, "chance": self._chance}

    @classmethod
    def from_saved(cls, settings: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The model again."""
        shape = (NUM_STREAMS, NUM_CLASSES, NUM_CLASSES)
        for name, dims in (("latency_ticks", 2), ("mark", 2), ("chance", 3)):
            array = arrays[name]
            if array.dtype != np.float64 or array.shape != shape[:dims]:
                raise ConfigError(
                    f"markov, {name}: expected float64 {list(shape[:dims])} "
                    f"(got {array.dtype} {list(array.shape)})"
                )
        return cls(arrays["latency_ticks"], arrays["mark"], arrays["chance"])
