"""Follows flows through their events, and turns each event into a small heterograph (numba).

An event touches the flows that share a link with its flow, and the links of its flow's route. A
touched flow's other links are part of the graph too: they are read, but not updated. The features
of every node stand in :mod:`.schema`; all of them follow from what has happened so far, never from
the time when a flow will leave. The physics behind them:
:mod:`m4graph.estimate`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from m4graph.core.compilation import kernel_digest
from m4graph.core.kernels import cached_kernel, kernel
from m4graph.estimate.events import arrive, depart, rebalance_fair_rates, redirect, settle_route
from m4graph.estimate.maxmin.shares import forget_change
from m4graph.estimate.outlook import foresee_burst
from m4graph.estimate.state import Estimate
from m4graph.graph.columns import fill_flow, take_link
from m4graph.graph.tracker_state import (
    IS_WIDE,
    NUM_EDGES,
    NUM_FLOWS,
    NUM_LINKS,
    NUM_UPDATED,
    STAMP,
    TrackerState,
)
from m4graph.runs.events import ARRIVAL


@kernel
def _take_flows(state: TrackerState, event_flow: int) -> None:
    """Gives the flows that an event concerns a row of this step.

    These are the active ones that share a link with the event's flow; or, wide, all of the
    component: those that share a link with one of them too, and so on.
    """
    counts = state.counts
    done = counts[NUM_FLOWS]
    _take_flows_beside(state, event_flow)
    while counts[IS_WIDE] and done < counts[NUM_FLOWS]:
        _take_flows_beside(state, state.flow_ids[done])
        done += 1


@kernel
def _take_flows_beside(state: TrackerState, flow_id: int) -> None:
    """Gives every active flow that shares a link with a flow a row of this step."""
    shares, counts = state.estimate.shares, state.counts
    for hop in range(shares.route_ptr[flow_id], shares.route_ptr[flow_id + 1]):
        link_id = shares.route_links[hop]
        if state.link_marks[link_id].seen == counts[STAMP]:
            continue
        state.link_marks[link_id].seen = counts[STAMP]
        other = shares.links[link_id].head
        while other >= 0:
            other_id = shares.hops[other].flow
            mark = state.flow_marks[other_id]
            if mark.stamp != counts[STAMP]:
                mark.stamp = counts[STAMP]
                mark.row = counts[NUM_FLOWS]
                state.flow_ids[mark.row] = other_id
                counts[NUM_FLOWS] += 1
            other = shares.hops[other].after


@kernel
def _take_route(state: TrackerState, flow_id: int, event: Any) -> None:
    """Gives all links of a flow a row of this step, as updated ones."""
    shares = state.estimate.shares
    for hop in range(shares.route_ptr[flow_id], shares.route_ptr[flow_id + 1]):
        take_link(state, shares.route_links[hop], event.time_ns, True, event.kind == ARRIVAL)


@kernel
def _take_routes(state: TrackerState, events: np.ndarray) -> None:
    """Gives the links that an event updates a row: its route's; or, wide, those of all flows."""
    flows = state.estimate.flows
    for i in range(len(events)):
        _take_route(state, events[i].flow, events[i])
    if state.counts[IS_WIDE]:
        for row in range(state.counts[NUM_FLOWS]):
            flow_id = state.flow_ids[row]
            for i in range(len(events)):
                if flows[events[i].flow].network == flows[flow_id].network:
                    _take_route(state, flow_id, events[i])
    state.counts[NUM_UPDATED] = state.counts[NUM_LINKS]


@kernel
def _happen(estimate: Estimate, event: Any) -> None:
    """Lets a flow come or go."""
    estimate.networks[estimate.flows[event.flow].network].now_ns = event.time_ns
    settle_route(estimate, event.flow, event.time_ns)
    if event.kind == ARRIVAL:
        arrive(estimate, event.flow, event.time_ns)
    else:
        depart(estimate, event.flow)


def _build(digest: str) -> Callable[..., None]:
    @cached_kernel
    def advance(state, events):
        digest  # noqa: B018 - makes it part of the cache key
        counts, estimate = state.counts, state.estimate
        forget_change(estimate.shares)
        counts[STAMP] += 1
        counts[NUM_FLOWS] = 0
        counts[NUM_LINKS] = 0
        counts[NUM_EDGES] = 0
        for i in range(len(events)):
            _happen(estimate, events[i])
            if events[i].kind == ARRIVAL:
                state.flow_marks[events[i].flow].updated_ns = events[i].time_ns
        rebalance_fair_rates(estimate)
        for i in range(len(events)):
            event = events[i]
            first = counts[NUM_FLOWS]
            _take_flows(state, event.flow)
            last = counts[NUM_FLOWS]
            redirect(estimate, event.flow, state.flow_ids, first, last, event.time_ns)
            if event.kind == ARRIVAL:
                foresee_burst(estimate, event.flow, event.time_ns)
        _take_routes(state, events)
        # Rows stand network by network, in the order of the events.
        row = 0
        for i in range(len(events)):
            event = events[i]
            network = estimate.flows[event.flow].network
            while (
                row < counts[NUM_FLOWS] and estimate.flows[state.flow_ids[row]].network == network
            ):
                fill_flow(state, row, event.time_ns, event.flow, event.kind == ARRIVAL)
                row += 1

    return advance  # type: ignore[no-any-return]


advance: Callable[..., None] = _build(kernel_digest(__name__))
"""``advance(state, events)`` takes one event of each of some networks, records of
``EVENT_RECORD`` with flows numbered through, and leaves the step's graph in the buffers."""
