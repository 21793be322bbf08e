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
from m4graph.mimic.models.paths import PATH, PATH_TIMES, in_order, path_arrays, path_of
from m4graph.mimic.models.random import next_uniform
from m4graph.scenario import Scenario
from m4graph.simulators.packet.link_hook import (
    DROP,
    LinkStep,
    comes_out,
    context_array,
    link_step,
)

_MOST = 1 << 14
"""Crossings of a stream that are remembered."""


@link_step
def _draws(now, group, direction, next_link, exit_link, kind, flow, size, link, context):
    first = context_array(context, 4, np.int64)
    known = context_array(context, 5, CROSSING)
    stream = 2 * direction + (1 if kind > 0 else 0)
    count = first[stream + 1] - first[stream]
    drawn = known[first[stream] + int(next_uniform(context_array(context, 1, np.uint64)) * count)]
    if drawn.latency_ticks < 0:
        return DROP
    return comes_out(drawn.latency_ticks, drawn.marked == 1)


@link_step
def _draws_in_order(now, group, direction, next_link, exit_link, kind, flow, size, link, context):
    local = context_array(context, 0, np.int64)
    paths = context_array(context, 2, PATH)
    times = context_array(context, 3, PATH_TIMES)[0]
    first = context_array(context, 4, np.int64)
    known = context_array(context, 5, CROSSING)
    stream = 2 * direction + (1 if kind > 0 else 0)
    count = first[stream + 1] - first[stream]
    drawn = known[first[stream] + int(next_uniform(context_array(context, 1, np.uint64)) * count)]
    if drawn.latency_ticks < 0:
        return DROP
    path = paths[path_of(times, local, group, direction, link, exit_link)]
    return comes_out(in_order(path, times, now, drawn.latency_ticks, size), drawn.marked == 1)


class Iid(MimicModel):
    """Each packet has the latency of a random one of the small run, of its direction and kind.

    Latencies are right as a whole, but a packet knows nothing of the one before: they overtake
    each other, and senders take that for losses.

    Args:
        first (np.ndarray): int64 ``[NUM_STREAMS + 1]``, where each stream begins.
        known (np.ndarray): Records of :data:`~m4graph.mimic.models.crossings.CROSSING`.
    """

    kind = "iid"
    step: ClassVar[LinkStep] = _draws

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
    step: ClassVar[LinkStep] = _draws_in_order
