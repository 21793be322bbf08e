"""Follows flows through their events, and turns each event into a small heterograph (numba).

An event touches the flows that share a link with its flow, and the links of its flow's route. A
touched flow's other links are part of the graph too: they are read, but not updated. The features
of every node stand in :mod:`.schema`; all of them follow from what has happened so far, never from
the time when a flow will leave.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from numba import njit

from m4graph.compilation import source_digest
from m4graph.graph.schema import ARRIVAL
from m4graph.graph.tracker_state import (
    NUM_EDGES,
    NUM_FLOWS,
    NUM_LINKS,
    NUM_UPDATED,
    STAMP,
    TrackerState,
)
from m4graph.simulators.fluid.shares import AFFECTED, attach, detach, forget_change, rebalance

# Columns of flow_x before the configuration.
_NUM_OWN = 16


@njit(nogil=True, _nrt=False)
def _arrive(state: TrackerState, flow_id: int, now: int) -> None:
    """Adds a flow to its links; its first window joins their backlog."""
    shares, flow = state.shares, state.flows[flow_id]
    share = shares.flows[flow_id]
    share.remaining = flow.wire_bytes
    share.settled_ns = now
    flow.updated_ns = now
    attach(shares, flow_id)
    burst = min(flow.wire_bytes, flow.window_bytes)
    for hop in range(shares.route_ptr[flow_id], shares.route_ptr[flow_id + 1]):
        link = state.links[shares.route_links[hop]]
        link.backlog_bytes = _backlog(link, now) + burst
        link.backlog_ns = now


@njit(nogil=True, _nrt=False)
def _backlog(link, now):
    """Bytes of bursts that a link has not sent yet, if it sends nothing else (Lindley)."""
    return max(0.0, link.backlog_bytes - link.rate * (now - link.backlog_ns))


@njit(nogil=True, _nrt=False)
def _remaining(state, flow_id, now):
    """Fluid bytes that a flow has still to send; a flow that outstays its bytes has none."""
    share = state.shares.flows[flow_id]
    return max(0.0, share.remaining - share.rate * (now - share.settled_ns))


@njit(nogil=True, _nrt=False)
def _settle_changed(state: TrackerState, num_changed: int) -> None:
    """Puts down the bytes that flows have sent at the rate that has just ended."""
    shares = state.shares
    for i in range(num_changed):
        flow_id = shares.changed[i]
        share = shares.flows[flow_id]
        now = state.networks[state.flows[flow_id].network].now_ns
        sent = share.old_rate * (now - share.settled_ns)
        share.remaining = max(0.0, share.remaining - sent)
        share.settled_ns = now


@njit(nogil=True, _nrt=False)
def _take_link(state: TrackerState, link_id: int, now: int, updated: bool, arrival: bool) -> None:
    """Gives a link a row of this step, unless it has one, and fills in its features."""
    counts, link = state.counts, state.links[link_id]
    if link.stamp == counts[STAMP]:
        return
    link.stamp = counts[STAMP]
    row = counts[NUM_LINKS]
    counts[NUM_LINKS] += 1
    link.row = row
    network = state.networks[link.network]
    shared = state.shares.links[link_id]
    open_bytes = 0.0
    pipe_bytes = 0.0
    hop = shared.head
    while hop >= 0:
        flow_id = state.shares.hops[hop].flow
        flow = state.flows[flow_id]
        left = min(flow.window_bytes, _remaining(state, flow_id, now))
        open_bytes += left
        pipe_bytes = max(pipe_bytes, flow.pipe_bytes)
        hop = state.shares.hops[hop].after
    link.backlog_now_bytes = _backlog(link, now)
    link.standing_bytes = max(0.0, open_bytes - pipe_bytes * link.rate / network.nic_rate)
    link.most_flows = shared.num_flows
    gap = math.log1p((now - link.updated_ns) / network.unit_ns)
    x = state.link_x[row]
    x[0] = math.log(link.rate / network.nic_rate)
    x[1] = math.log1p(link.delay_ns / network.unit_ns)
    x[2] = link.kind & 1
    x[3] = link.kind >> 1
    x[4] = updated
    x[5] = arrival
    x[6] = math.log1p(float(shared.num_flows))
    x[7] = shared.used / link.rate
    x[8] = math.log1p(link.backlog_now_bytes / network.window_bytes)
    x[9] = math.log1p(open_bytes / network.window_bytes)
    x[10] = gap
    state.link_ids[row] = link_id
    state.link_gap[row] = gap
    if updated:
        link.updated_ns = now


@njit(nogil=True, _nrt=False)
def _take_flows(state: TrackerState, event_flow: int) -> None:
    """Gives every active flow that shares a link with the event's flow a row of this step."""
    shares, counts = state.shares, state.counts
    for hop in range(shares.route_ptr[event_flow], shares.route_ptr[event_flow + 1]):
        other = shares.links[shares.route_links[hop]].head
        while other >= 0:
            flow_id = shares.hops[other].flow
            flow = state.flows[flow_id]
            if flow.stamp != counts[STAMP]:
                flow.stamp = counts[STAMP]
                flow.row = counts[NUM_FLOWS]
                state.flow_ids[flow.row] = flow_id
                counts[NUM_FLOWS] += 1
            other = shares.hops[other].after


@njit(nogil=True, _nrt=False)
def _fill_flow(state: TrackerState, row: int, now: int, event_flow: int, arrival: bool) -> None:
    """Lists a touched flow's links and fills in its features."""
    shares, counts = state.shares, state.counts
    flow_id = state.flow_ids[row]
    flow = state.flows[flow_id]
    network = state.networks[flow.network]
    most_flows, backlog_ns, standing_ns = 1, 0.0, 0.0
    start, end = shares.route_ptr[flow_id], shares.route_ptr[flow_id + 1]
    for hop in range(start, end):
        link_id = shares.route_links[hop]
        _take_link(state, link_id, now, False, arrival)
        link = state.links[link_id]
        state.edge_flow[counts[NUM_EDGES]] = row
        state.edge_link[counts[NUM_EDGES]] = link.row
        counts[NUM_EDGES] += 1
        most_flows = max(most_flows, link.most_flows)
        backlog_ns += link.backlog_now_bytes / link.rate
        standing_ns += link.standing_bytes / link.rate
    elapsed_ns = float(now - flow.start_ns)
    remaining = _remaining(state, flow_id, now)
    fair_rate = max(shares.flows[flow_id].rate, 1e-12)
    prior_ns = elapsed_ns + remaining / fair_rate + flow.latency_ns
    x = state.flow_x[row]
    x[0] = flow_id == event_flow
    x[1] = arrival
    x[2] = math.log1p(flow.wire_bytes / network.packet_bytes) / 4.0
    x[3] = math.log(flow.ideal_ns / network.unit_ns) / 4.0
    x[4] = (end - start) / 6.0
    x[5] = min(flow.window_bytes, flow.wire_bytes) / flow.wire_bytes
    x[6] = math.log(flow.pipe_bytes / flow.window_bytes)
    x[7] = math.log1p(elapsed_ns / flow.ideal_ns)
    x[8] = remaining / flow.wire_bytes
    x[9] = math.log1p(remaining / network.packet_bytes) / 4.0
    x[10] = min(remaining, flow.window_bytes) / flow.window_bytes
    x[11] = math.log(max(flow.rate / fair_rate, 1.0))
    x[12] = math.log(max(prior_ns / flow.ideal_ns, 1.0))
    x[13] = math.log(float(most_flows))
    x[14] = math.log1p(backlog_ns / flow.ideal_ns)
    x[15] = math.log1p(standing_ns / flow.ideal_ns)
    configuration = state.configuration[flow.network]
    for i in range(len(configuration)):
        x[_NUM_OWN + i] = configuration[i]
    state.flow_gap[row] = math.log1p((now - flow.updated_ns) / network.unit_ns)
    flow.updated_ns = now


def _build(digest: str) -> Callable[..., None]:
    @njit(cache=True, nogil=True, _nrt=False)
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
            if event.kind == ARRIVAL:
                _arrive(state, event.flow, event.time_ns)
            else:
                detach(shares, event.flow)
        _settle_changed(state, rebalance(shares, state.scratch, AFFECTED))
        forget_change(shares)
        for i in range(len(events)):
            event = events[i]
            flow_id = event.flow
            for hop in range(shares.route_ptr[flow_id], shares.route_ptr[flow_id + 1]):
                link_id = shares.route_links[hop]
                _take_link(state, link_id, event.time_ns, True, event.kind == ARRIVAL)
        counts[NUM_UPDATED] = counts[NUM_LINKS]
        for i in range(len(events)):
            event = events[i]
            first = counts[NUM_FLOWS]
            _take_flows(state, event.flow)
            for row in range(first, counts[NUM_FLOWS]):
                _fill_flow(state, row, event.time_ns, event.flow, event.kind == ARRIVAL)

    return advance  # type: ignore[no-any-return]


advance: Callable[..., None] = _build(
    source_digest("m4graph.graph") + source_digest("m4graph.simulators.fluid")
)
"""``advance(state, events)`` takes one event of each of some networks, records of
``EVENT_RECORD`` with flows numbered through, and leaves the step's graph in the buffers."""
