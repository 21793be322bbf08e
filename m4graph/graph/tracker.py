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
_NUM_OWN = 19
# Where ECN keeps a queue, as a share of the threshold: measured, at three flows and more.
_HELD = 0.93
_TIE = 1e-9  # relative; equal rates differ by float64 noise at most
_LEAST_RATE = 1e-12  # bytes/ns; guards divisions


@njit(nogil=True, _nrt=False)
def _arrive(state: TrackerState, flow_id: int, now: int) -> None:
    """Adds a flow to its links; its first window joins their backlog."""
    shares, flow = state.shares, state.flows[flow_id]
    share = shares.flows[flow_id]
    share.remaining = flow.wire_bytes
    share.settled_ns = now
    flow.updated_ns = now
    flow.grant_ns = now
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
def _to_send(state, flow_id, now):
    """Fluid bytes that a flow has still to send; below zero, they tell since when it has none."""
    share = state.shares.flows[flow_id]
    return share.remaining - share.rate * (now - share.settled_ns)


@njit(nogil=True, _nrt=False)
def _remaining(state, flow_id, now):
    """Fluid bytes that a flow has still to send, 0 or above."""
    return max(0.0, _to_send(state, flow_id, now))


@njit(nogil=True, _nrt=False)
def _settle_changed(state: TrackerState, num_changed: int) -> None:
    """Puts down the bytes that flows have sent at the rate that has just ended."""
    shares = state.shares
    for i in range(num_changed):
        flow_id = shares.changed[i]
        share = shares.flows[flow_id]
        now = state.networks[state.flows[flow_id].network].now_ns
        sent = share.old_rate * (now - share.settled_ns)
        share.remaining -= sent
        share.settled_ns = now


@njit(nogil=True, _nrt=False)
def _limits(state, link_id, flow_id):
    """Whether a flow could be faster but for this link, and so queues there.

    Where its NIC holds it to the same rate, nothing queues further on, whichever of the two the
    max-min shares name.
    """
    shares = state.shares
    if shares.flows[flow_id].bottleneck != link_id:
        return False
    nic = shares.links[shares.route_links[shares.route_ptr[flow_id]]]
    return shares.flows[flow_id].rate < nic.rate / nic.num_flows * (1.0 - _TIE)


@njit(nogil=True, _nrt=False)
def _sum_open(state: TrackerState, link_id: int, now: int) -> None:
    """Adds up the windows of the flows that a link limits; only these queue there.

    Windows follow a sketch of congestion control: they grow by one additive increase a round trip,
    and are cut in proportion where together they would hold the queue above the threshold.
    """
    link = state.links[link_id]
    link.open_bytes, link.pipe_bytes, link.num_limited = 0.0, 0.0, 0
    shares = state.shares
    hop = shares.links[link_id].head
    while hop >= 0:
        flow_id = shares.hops[hop].flow
        if _limits(state, link_id, flow_id):
            flow = state.flows[flow_id]
            grown = flow.grant + flow.grant_per_ns * (now - flow.grant_ns)
            flow.grant = min(1.0, grown)
            flow.grant_ns = now
            open_bytes = flow.grant * flow.window_bytes
            link.open_bytes += min(open_bytes, _remaining(state, flow_id, now))
            link.pipe_bytes = max(link.pipe_bytes, flow.pipe_bytes)
            link.num_limited += 1
        hop = shares.hops[hop].after
    allowed = link.pipe_bytes + _HELD * link.marking_bytes
    if link.open_bytes > allowed:
        _cut_windows(state, link_id, allowed / link.open_bytes)


@njit(nogil=True, _nrt=False)
def _cut_windows(state: TrackerState, link_id: int, factor: float) -> None:
    shares = state.shares
    hop = shares.links[link_id].head
    while hop >= 0:
        flow_id = shares.hops[hop].flow
        if _limits(state, link_id, flow_id):
            state.flows[flow_id].grant *= factor
        hop = shares.hops[hop].after
    state.links[link_id].open_bytes *= factor


@njit(nogil=True, _nrt=False)
def _standing_queue(link, own_bytes):
    """Bytes that wait at a link: open windows beyond the pipe, held near the marking threshold.

    A NIC makes its packets when it sends them, so nothing waits there.
    """
    if link.kind & 1:
        return 0.0
    beyond = link.open_bytes - own_bytes - link.pipe_bytes
    return min(max(beyond, 0.0), _HELD * link.marking_bytes)


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
    _sum_open(state, link_id, now)
    link.backlog_now_bytes = _backlog(link, now)
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
    x[9] = math.log1p(float(link.num_limited))
    x[10] = math.log1p(link.open_bytes / network.window_bytes)
    x[11] = _standing_queue(link, 0.0) / (link.marking_bytes + network.packet_bytes)
    x[12] = gap
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
def _burst_rate(state, link_id, own_rate):
    """Rate at which a window's burst passes a link.

    A NIC serves its flows in turn. At a switch the burst and the others' packets come in at line
    rate each and leave mixed, whatever the number of the others.
    """
    shared, link = state.shares.links[link_id], state.links[link_id]
    ways = shared.num_flows if link.kind & 1 else min(shared.num_flows, 2)
    free_rate = link.rate - (shared.used - own_rate)
    return max(link.rate / ways, free_rate)


@njit(nogil=True, _nrt=False)
def _fill_flow(state: TrackerState, row: int, now: int, event_flow: int, arrival: bool) -> None:
    """Lists a touched flow's links and fills in its features."""
    shares, counts = state.shares, state.counts
    flow_id = state.flow_ids[row]
    flow = state.flows[flow_id]
    network = state.networks[flow.network]
    share = shares.flows[flow_id]
    remaining = _remaining(state, flow_id, now)
    is_burst = flow.wire_bytes <= flow.window_bytes
    own_bytes = min(flow.window_bytes * flow.grant, remaining) if is_burst else 0.0
    backlog_ns, queue_ns, burst_rate = 0.0, 0.0, flow.rate
    start, end = shares.route_ptr[flow_id], shares.route_ptr[flow_id + 1]
    for hop in range(start, end):
        link_id = shares.route_links[hop]
        _take_link(state, link_id, now, False, arrival)
        link = state.links[link_id]
        state.edge_flow[counts[NUM_EDGES]] = row
        state.edge_link[counts[NUM_EDGES]] = link.row
        counts[NUM_EDGES] += 1
        limits_it = _limits(state, link_id, flow_id)
        queue_ns += _standing_queue(link, own_bytes if limits_it else 0.0) / link.rate
        if not link.kind & 1:
            backlog_ns += link.backlog_now_bytes / link.rate
        burst_rate = min(burst_rate, _burst_rate(state, link_id, share.rate))
    first_link, last_link = shares.route_links[start], shares.route_links[end - 1]
    senders = shares.links[first_link].num_flows
    elapsed_ns = float(now - flow.start_ns)
    drain_ns = _to_send(state, flow_id, now) / max(share.rate, _LEAST_RATE)
    fluid_ns = max(elapsed_ns, elapsed_ns + drain_ns + flow.latency_ns)
    if flow_id == event_flow and arrival:
        # Served in turn with others, the last packet does not wait for all of them.
        turn_ns = 0.25 * (senders - 1) * network.packet_bytes / flow.rate
        drain_ns = max(flow.wire_bytes / burst_rate - turn_ns, flow.wire_bytes / flow.rate)
        flow.burst_ns = drain_ns + flow.latency_ns + queue_ns
    # What comes later queues up behind a burst, and does not change its time.
    burst_ns = max(elapsed_ns, flow.burst_ns)
    prior_ns = burst_ns if is_burst else fluid_ns
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
    x[11] = math.log(max(flow.rate / max(share.rate, _LEAST_RATE), 1.0))
    x[12] = math.log(max(prior_ns / flow.ideal_ns, 1.0))
    x[13] = math.log(max(fluid_ns / flow.ideal_ns, 1.0))
    x[14] = math.log(max(burst_ns / flow.ideal_ns, 1.0))
    x[15] = math.log1p(backlog_ns / flow.ideal_ns)
    x[16] = math.log1p(queue_ns / flow.ideal_ns)
    x[17] = math.log(float(senders))
    x[18] = math.log(float(shares.links[last_link].num_flows))
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
