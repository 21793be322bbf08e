"""Follows flows through their events, and turns each event into a small heterograph (numba).

An event touches the flows that share a link with its flow, and the links of its flow's route. A
touched flow's other links are part of the graph too: they are read, but not updated. The features
of every node stand in :mod:`.schema`; all of them follow from what has happened so far, never from
the time when a flow will leave. The physics behind them: :mod:`.windows`, :mod:`.control`.
"""

from __future__ import annotations

from collections.abc import Callable

from m4graph.core.compilation import kernel_digest
from m4graph.estimate.jit import cached_kernel, kernel
from m4graph.estimate.maxmin.shares import AFFECTED, attach, detach, forget_change, rebalance
from m4graph.graph.bursts import send_burst
from m4graph.graph.columns import fill_flow, take_link
from m4graph.graph.control import mark, react, route_marking
from m4graph.graph.tracker_state import (
    IS_WIDE,
    NUM_EDGES,
    NUM_FLOWS,
    NUM_LINKS,
    NUM_UPDATED,
    STAMP,
    TrackerState,
)
from m4graph.graph.windows import (
    balance,
    open_window,
    settle,
    settle_link,
    sum_waits,
    take_share,
)
from m4graph.runs.events import ARRIVAL

_SWEEPS = 2


@kernel
def _arrive(state: TrackerState, flow_id: int, now: int) -> None:
    """Adds a flow to its links; its first window is a burst."""
    flow = state.flows[flow_id]
    share = state.shares.flows[flow_id]
    share.remaining = flow.wire_bytes
    share.settled_ns = now
    flow.remaining = flow.wire_bytes
    flow.settled_ns = now
    flow.updated_ns = now
    flow.reacted_ns = now
    attach(state.shares, flow_id)
    shares = state.shares
    for hop in range(shares.route_ptr[flow_id], shares.route_ptr[flow_id + 1]):
        state.links[shares.route_links[hop]].num_long += 1 - flow.is_burst
    send_burst(state, flow_id, now)


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
    shares, counts = state.shares, state.counts
    for hop in range(shares.route_ptr[flow_id], shares.route_ptr[flow_id + 1]):
        link = state.links[shares.route_links[hop]]
        if link.seen == counts[STAMP]:
            continue
        link.seen = counts[STAMP]
        other = shares.links[shares.route_links[hop]].head
        while other >= 0:
            other_id = shares.hops[other].flow
            flow = state.flows[other_id]
            if flow.stamp != counts[STAMP]:
                flow.stamp = counts[STAMP]
                flow.row = counts[NUM_FLOWS]
                state.flow_ids[flow.row] = other_id
                counts[NUM_FLOWS] += 1
            other = shares.hops[other].after


@kernel
def _settle(state: TrackerState, event_flow: int, now: int) -> None:
    """Puts down how far the queues on an event's route have come, before the event."""
    shares = state.shares
    for hop in range(shares.route_ptr[event_flow], shares.route_ptr[event_flow + 1]):
        settle_link(state, shares.route_links[hop], now)


@kernel
def _rebalance(state: TrackerState, event_flow: int, first: int, now: int) -> None:
    """Brings rates up to an event, and turns the queues on its route to where they go now."""
    shares = state.shares
    for row in range(first, state.counts[NUM_FLOWS]):
        flow_id = state.flow_ids[row]
        flow = state.flows[flow_id]
        flow.waited += flow.queue_ns * (now - flow.settled_ns)
        settle(state, flow_id, now)
        react(state, flow_id, now)
        sum_waits(state, flow_id, now)
        open_window(state, flow_id)
    start, end = shares.route_ptr[event_flow], shares.route_ptr[event_flow + 1]
    for hop in range(start, end):
        mark(state, shares.route_links[hop])
    for row in range(first, state.counts[NUM_FLOWS]):
        open_window(state, state.flow_ids[row])
    # What waits at the first of several narrow links does not wait at the others.
    for _ in range(_SWEEPS):
        for hop in range(start, end):
            balance(state, shares.route_links[hop])
    for row in range(first, state.counts[NUM_FLOWS]):
        flow_id = state.flow_ids[row]
        take_share(state, flow_id)
        state.flows[flow_id].marking = route_marking(state, flow_id)


@kernel
def _settle_fluid(state: TrackerState, num_changed: int) -> None:
    """Puts down what flows have sent at the max-min fair rate that has just ended."""
    shares = state.shares
    for i in range(num_changed):
        flow_id = shares.changed[i]
        share = shares.flows[flow_id]
        now = state.networks[state.flows[flow_id].network].now_ns
        share.remaining -= share.old_rate * (now - share.settled_ns)
        share.settled_ns = now


@kernel
def _depart(state: TrackerState, flow_id: int) -> None:
    """Takes a flow off its links."""
    shares, flow = state.shares, state.flows[flow_id]
    detach(shares, flow_id)
    for hop in range(shares.route_ptr[flow_id], shares.route_ptr[flow_id + 1]):
        state.links[shares.route_links[hop]].num_long -= 1 - flow.is_burst


@kernel
def _take_route(state, row, events):
    """Gives all links of a flow a row of this step, as updated ones."""
    shares, flow_id = state.shares, state.flow_ids[row]
    network = state.flows[flow_id].network
    for i in range(len(events)):
        if state.flows[events[i].flow].network == network:
            for hop in range(shares.route_ptr[flow_id], shares.route_ptr[flow_id + 1]):
                link_id, is_arrival = shares.route_links[hop], events[i].kind == ARRIVAL
                take_link(state, link_id, events[i].time_ns, True, is_arrival)


def _build(digest: str) -> Callable[..., None]:
    @cached_kernel
    def advance(state, events):
        digest  # noqa: B018 - makes it part of the cache key
        shares, counts = state.shares, state.counts
        counts[STAMP] += 1
        counts[NUM_FLOWS] = 0
        counts[NUM_LINKS] = 0
        counts[NUM_EDGES] = 0
        for i in range(len(events)):
            event = events[i]
            state.networks[state.flows[event.flow].network].now_ns = event.time_ns
            _settle(state, event.flow, event.time_ns)
            if event.kind == ARRIVAL:
                _arrive(state, event.flow, event.time_ns)
            else:
                _depart(state, event.flow)
        _settle_fluid(state, rebalance(shares, state.scratch, AFFECTED))
        forget_change(shares)
        for i in range(len(events)):
            event = events[i]
            flow_id = event.flow
            first = counts[NUM_FLOWS]
            _take_flows(state, flow_id)
            _rebalance(state, flow_id, first, event.time_ns)
        for i in range(len(events)):
            event = events[i]
            flow_id = event.flow
            for hop in range(shares.route_ptr[flow_id], shares.route_ptr[flow_id + 1]):
                link_id = shares.route_links[hop]
                take_link(state, link_id, event.time_ns, True, event.kind == ARRIVAL)
        if counts[IS_WIDE]:
            for row in range(counts[NUM_FLOWS]):
                _take_route(state, row, events)
        counts[NUM_UPDATED] = counts[NUM_LINKS]
        # Rows stand network by network, in the order of the events.
        row = 0
        for i in range(len(events)):
            event = events[i]
            network = state.flows[event.flow].network
            while row < counts[NUM_FLOWS] and state.flows[state.flow_ids[row]].network == network:
                fill_flow(state, row, event.time_ns, event.flow, event.kind == ARRIVAL)
                row += 1

    return advance  # type: ignore[no-any-return]


advance: Callable[..., None] = _build(kernel_digest(__name__))
"""``advance(state, events)`` takes one event of each of some networks, records of
``EVENT_RECORD`` with flows numbered through, and leaves the step's graph in the buffers."""
