"""The events of a fluid simulation: flows arrive, share links max-min fairly, drain and leave.

The network changes only at *instants*: the times at which flows start or have sent their last
byte. All events of an instant are taken together, departures first, then arrivals in the order of
their numbers, and rates are brought up to date once. Bytes are settled lazily, for a flow whose
rate changes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from m4graph.core.compilation import kernel_digest
from m4graph.core.heap import IndexedHeap, heap_min, heap_pop, heap_set
from m4graph.core.kernels import cached_kernel, inline_kernel, kernel
from m4graph.estimate.maxmin.layout import Shares
from m4graph.estimate.maxmin.shares import attach, detach, forget_change, rebalance
from m4graph.simulators.fluid.state import (
    NUM_ARRIVALS,
    NUM_DEPARTURES,
    NUM_INSTANTS,
    NUM_STARTING,
    FluidState,
)

FINISHED, BUDGET_SPENT = -1, -2
NOISE = 1e-14  # relative: a smaller change of a rate is not one


@kernel
def next_instant(state: FluidState) -> float:
    """When the next flow arrives or drains, in ns; infinity if none does."""
    return float(min(heap_min(state.drains), heap_min(state.arrivals)))


@kernel
def step(state: FluidState, scope: int) -> None:
    """Processes every event of the next instant; there must be one."""
    shares, arrivals, drains, reports = state.shares, state.arrivals, state.drains, state.reports
    times, counts = state.times, state.counts
    now = max(state.clock_ns[0], min(heap_min(drains), heap_min(arrivals)))
    state.clock_ns[0] = now
    counts[NUM_INSTANTS] += 1
    while heap_min(drains) <= now:
        flow = heap_pop(drains)
        detach(shares, flow)
        _complete(shares.flows[flow], times[flow], now)
        heap_set(reports, flow, float(times[flow].start_ns + times[flow].fct_ns))
        counts[NUM_DEPARTURES] += 1
    while heap_min(arrivals) <= now:
        flow = heap_pop(arrivals)
        attach(shares, flow)
        counts[NUM_ARRIVALS] += 1
    _reschedule(shares, drains, now, rebalance(shares, state.scratch, scope))
    forget_change(shares)


@inline_kernel
def _complete(flow: Any, times: Any, now: float) -> None:
    """Notes the FCT of a flow that has sent its last byte."""
    flow.remaining = 0.0
    flow.settled_ns = now
    fct_ns = int(np.rint(now - times.start_ns + times.latency_ns))
    times.fct_ns = max(fct_ns, times.ideal_fct_ns)


@kernel
def _reschedule(shares: Shares, drains: IndexedHeap, now: float, num_changed: int) -> None:
    """Settles the bytes of the flows whose rate has changed, and when they will have drained."""
    flows, changed = shares.flows, shares.changed
    for i in range(num_changed):
        flow = flows[changed[i]]
        if abs(flow.rate - flow.old_rate) <= NOISE * flow.old_rate:
            flow.rate = flow.old_rate
            continue
        sent = flow.old_rate * (now - flow.settled_ns)
        flow.remaining = max(0.0, flow.remaining - sent)
        flow.settled_ns = now
        heap_set(drains, changed[i], now + flow.remaining / flow.rate)


@kernel
def _queue_arrivals(state: FluidState) -> None:
    for i in range(state.counts[NUM_STARTING]):
        flow = state.starting[i]
        heap_set(state.arrivals, flow, float(state.times[flow].start_ns))
    state.counts[NUM_STARTING] = 0


def _build(digest: str) -> Callable[[FluidState, int, int, bool, float], int]:
    @cached_kernel
    def run(
        state: FluidState, scope: int, max_events: int, stop_at_report: bool, before_ns: float
    ) -> int:
        digest  # noqa: B018 - part of numba's cache key: a change of any source recompiles
        _queue_arrivals(state)
        goal = state.counts[NUM_ARRIVALS] + state.counts[NUM_DEPARTURES] + max_events
        while state.counts[NUM_ARRIVALS] + state.counts[NUM_DEPARTURES] < goal:
            instant = next_instant(state)
            if stop_at_report and heap_min(state.reports) < min(instant, before_ns):
                state.clock_ns[0] = max(state.clock_ns[0], heap_min(state.reports))
                return int(heap_pop(state.reports))
            if instant >= before_ns:
                return FINISHED
            step(state, scope)
        return BUDGET_SPENT

    return run  # type: ignore[no-any-return]


run = _build(kernel_digest(__name__))
"""``run(state, scope, max_events, stop_at_report, before_ns)`` runs whole instants before
``before_ns``, about ``max_events`` arrivals and departures. It returns ``FINISHED``,
``BUDGET_SPENT``, or, if ``stop_at_report``, the number of the next flow whose last byte is at its
receiver."""
