"""One event's graph, widened from what the event touches to the whole network (numba)."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from m4graph.core.announced import announced_compilation
from m4graph.core.compilation import kernel_digest
from m4graph.core.kernels import cached_kernel
from m4graph.estimate.maxmin.layout import NUM_ACTIVE
from m4graph.graph.columns import fill_flow, take_link
from m4graph.graph.step import EventStep, FlowTracker, no_events
from m4graph.graph.tracker_state import NUM_FLOWS, STAMP, TrackerState
from m4graph.runs.events import ARRIVAL
from m4graph.runs.sample import two_flows


@cache
def warm_up() -> None:
    """Compiles the kernels, or loads them from numba's cache, once in a process."""
    announced_compilation("event graph", lambda: Surveyor([two_flows()]).survey(no_events(1)))


class Surveyor(FlowTracker):
    """A tracker of one network that can also look beyond what an event touches."""

    def survey(self, event: np.ndarray) -> EventStep:
        """Takes an event, as :meth:`step`, and gives the graph of all active flows and all links.

        The flows and links that the event touches come first. The others are described as of now
        too, which counts as a look at them: take no further step afterwards.

        Args:
            event (np.ndarray): One record of ``EVENT_RECORD``, in an array.
        """
        num_hops = (self._num_active() + 1) * self._longest_route
        self._make_room(self.num_flows, max(num_hops, self.num_links))
        self.step(event)
        _widen(self._state, event[0])
        return self._read()


def _build(digest: str) -> Callable[..., None]:
    @cached_kernel
    def widen(state: TrackerState, event: Any) -> None:
        digest  # noqa: B018 - makes it part of the cache key
        shares, counts = state.estimate.shares, state.counts
        is_arrival = event.kind == ARRIVAL
        for i in range(shares.counts[NUM_ACTIVE]):
            flow_id = shares.active[i]
            mark = state.flow_marks[flow_id]
            if mark.stamp != counts[STAMP]:
                row = counts[NUM_FLOWS]
                mark.stamp = counts[STAMP]
                mark.row = row
                state.flow_ids[row] = flow_id
                counts[NUM_FLOWS] += 1
                fill_flow(state, row, event.time_ns, event.flow, is_arrival)
        for link_id in range(len(state.estimate.links)):
            take_link(state, link_id, event.time_ns, False, is_arrival)

    return widen  # type: ignore[no-any-return]


_widen = _build(kernel_digest(__name__))
