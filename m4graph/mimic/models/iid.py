"""Latencies of a small run, drawn at random: what each model has to beat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from m4graph.core.rng import generator
from m4graph.mimic.boundary import BoundaryTrace
from m4graph.mimic.clusters import Pods
from m4graph.mimic.models.base import MimicModel, MimicStep, common_arrays
from m4graph.mimic.models.crossings import CROSSING, NUM_STREAMS, check_columns, crossings
from m4graph.mimic.models.paths import path_arrays
from m4graph.mimic.models.table_steps import draws, draws_in_order
from m4graph.scenario import Scenario
from m4graph.simulators.packet.link_hook import LinkStep

_MOST = 1 << 14
"""Crossings of a stream that are remembered."""


class Iid(MimicModel):
    """Each packet has the latency of a random one of the small run, of its direction and kind.

    Latencies are right as a whole, but a packet knows nothing of the one before: they overtake
    each other, and senders take that for losses.

    Args:
        first (np.ndarray): int64 ``[NUM_STREAMS + 1]``, where each stream begins.
        known (np.ndarray): Records of :data:`~m4graph.mimic.models.crossings.CROSSING`.
    """

    kind = "iid"
    step: ClassVar[LinkStep] = draws

    def __init__(self, first: NDArray[np.int64], known: NDArray[np.void]) -> None:
        self._first, self._known = first, known

    @classmethod
    def fit(cls, trace: BoundaryTrace, seed: int) -> Self:
        """Remembers some of the trace's packets."""
        found, stream = crossings(trace)
        random = generator(seed, "mimic", "iid")
        parts = [random.permutation(found[stream == each])[:_MOST] for each in range(NUM_STREAMS)]
        first = np.concatenate([[0], np.cumsum([len(part) for part in parts])])
        return cls(first.astype(np.int64), np.concatenate(parts))

    def start(self, pods: Pods, scenario: Scenario, seed: int) -> MimicStep:
        """Draws from what is remembered."""
        paths = path_arrays(pods, scenario.config.ticks_per_ns)
        return MimicStep(self.step, (*common_arrays(pods, seed), *paths, self._first, self._known))

    def settings(self) -> dict[str, Any]:
        """Nothing."""
        return {}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What is remembered."""
        return {"first": self._first, "known": self._known}

    @classmethod
    def from_saved(cls, settings: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The model again."""
        check_columns(cls.kind, arrays, {"first": np.dtype(np.int64), "known": CROSSING})
        return cls(arrays["first"], arrays["known"])


class IidOrdered(Iid):
    """As :class:`Iid`, but a packet waits until the one before it on its path has left.

    That makes latencies longer: each long one holds up all that follow.
    """

    kind = "iid_ordered"
    step: ClassVar[LinkStep] = draws_in_order
