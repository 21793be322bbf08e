"""The features of the flows and links of an event, as :mod:`.schema` names them (numba)."""

from __future__ import annotations

import math

from m4graph.estimate.jit import kernel
from m4graph.graph.bursts import drain_burst
from m4graph.graph.schema import FLOW_FEATURES
from m4graph.graph.tracker_state import (
    NUM_EDGES,
    NUM_LINKS,
    STAMP,
    TrackerState,
)
from m4graph.graph.windows import finish_ns, wait_at

_FIRST_CONFIGURATION = min(
    column for column, name in enumerate(FLOW_FEATURES) if name.startswith("configuration_")
)
_LEAST_SHARE = 1e-3  # of a flow's line rate; guards divisions


@kernel
def _pool_used(state, node):
    record = state.nodes[node]
    return min(record.queue_bytes / record.pool_bytes, 4.0) if record.pool_bytes > 0.0 else 0.0


@kernel
def take_link(state: TrackerState, link_id: int, now: int, updated: bool, arrival: bool) -> None:
    """Gives a link a row of this step, unless it has one, and fills in its features."""
    counts, link = state.counts, state.links[link_id]
    if link.stamp == counts[STAMP]:
        return
    link.stamp = counts[STAMP]
    row = counts[NUM_LINKS]
    counts[NUM_LINKS] += 1
    link.row = row
    network = state.networks[link.network]
    drain_burst(link, float(now))
    gap = math.log1p((now - link.updated_ns) / network.unit_ns)
    x = state.link_x[row]
    x[0] = math.log(link.rate / network.nic_rate)
    x[1] = math.log1p(link.delay_ns / network.unit_ns)
    x[2] = link.kind & 1
    x[3] = link.kind >> 1
    x[4] = updated
    x[5] = arrival
    x[6] = math.log1p(float(state.shares.links[link_id].num_flows))
    x[7] = math.log1p(float(link.num_long))
    x[8] = link.used / link.rate
    wait_ns = wait_at(link, now)
    x[9] = math.log1p(wait_ns / network.unit_ns)
    x[10] = math.log1p(wait_ns * link.rate / link.marking_bytes)
    x[11] = math.log1p(link.burst_bytes / network.packet_bytes)
    x[12] = math.log1p(link.inflow_bytes / network.packet_bytes)
    x[13] = _pool_used(state, link.src)
    x[14] = _pool_used(state, link.dst)
    x[15] = math.log1p(state.nodes[link.src].pool_bytes / network.window_bytes) / 4.0
    x[16] = math.log1p(link.rest_ns / network.unit_ns)
    x[17] = gap
    state.link_ids[row] = link_id
    state.link_gap[row] = gap
    if updated:
        link.updated_ns = now


@kernel
def fill_flow(state: TrackerState, row: int, now: int, event_flow: int, arrival: bool) -> None:
    """Lists a touched flow's links and fills in its features."""
    shares, counts = state.shares, state.counts
    flow_id = state.flow_ids[row]
    flow = state.flows[flow_id]
    network = state.networks[flow.network]
    longest_ns, burst_ns, most_used, pool_used = 0.0, 0.0, 0.0, 0.0
    start, end = shares.route_ptr[flow_id], shares.route_ptr[flow_id + 1]
    for hop in range(start, end):
        link_id = shares.route_links[hop]
        take_link(state, link_id, now, False, arrival)
        link = state.links[link_id]
        state.edge_flow[counts[NUM_EDGES]] = row
        state.edge_link[counts[NUM_EDGES]] = link.row
        state.edge_x[counts[NUM_EDGES], 0] = (hop - start) / 8.0
        state.edge_x[counts[NUM_EDGES], 1] = (end - 1 - hop) / 8.0
        counts[NUM_EDGES] += 1
        longest_ns = max(longest_ns, wait_at(link, now))
        burst_ns += link.burst_bytes / link.rate
        most_used = max(most_used, link.used / link.rate)
        pool_used = max(pool_used, _pool_used(state, link.src))
    elapsed_ns = float(now - flow.start_ns)
    steady_ns = max(elapsed_ns + finish_ns(state, flow_id, now), elapsed_ns)
    first_link, last_link = shares.route_links[start], shares.route_links[end - 1]
    nic = state.links[first_link]
    senders = shares.links[first_link].num_flows
    nic_ns = wait_at(nic, now)
    if flow_id == event_flow and arrival:
        # A NIC serves flows in turn.
        packets = math.ceil(flow.wire_bytes / network.packet_bytes)
        turns_ns = packets * (senders - 1) * network.packet_bytes / nic.rate
        flow.first_wait_ns = flow.queue_ns - nic_ns + min(nic_ns, turns_ns)
        flow.burst_ns = flow.ideal_ns + max(flow.burst_wait_ns, flow.first_wait_ns)
    back_ns = wait_at(state.links[nic.reverse], now) if nic.reverse >= 0 else 0.0
    fluid = shares.flows[flow_id]
    to_drain = fluid.remaining - fluid.rate * (now - fluid.settled_ns)
    drain_ns = to_drain / max(fluid.rate, _LEAST_SHARE * flow.rate)
    fluid_ns = max(elapsed_ns + drain_ns + flow.latency_ns, elapsed_ns)
    if flow.is_burst:
        prior_ns = max(flow.burst_ns, elapsed_ns)
    else:
        prior_ns = fluid_ns if flow.fills_pipe else steady_ns
    remaining = max(flow.remaining, 0.0)
    x = state.flow_x[row]
    x[0] = flow_id == event_flow
    x[1] = arrival
    x[2] = math.log1p(flow.wire_bytes / network.packet_bytes) / 4.0
    x[3] = math.log(flow.ideal_ns / network.unit_ns) / 4.0
    x[4] = (end - start) / 6.0
    x[5] = flow.is_burst
    x[6] = math.log(max(flow.wire_bytes / flow.window_bytes, 0.01)) / 4.0
    x[7] = math.log(flow.rate * flow.rtt_ns / flow.window_bytes)
    x[8] = math.log1p(elapsed_ns / flow.ideal_ns)
    x[9] = remaining / flow.wire_bytes
    x[10] = math.log1p(remaining / network.packet_bytes) / 4.0
    x[11] = min(remaining / flow.window_bytes, 1.0)
    x[12] = math.log(max(flow.rate / max(flow.share, _LEAST_SHARE * flow.rate), 1.0))
    x[13] = math.log(flow.rate / flow.pace)
    x[14] = math.log(max(prior_ns / flow.ideal_ns, 1.0))
    x[15] = math.log(max(elapsed_ns / flow.ideal_ns, 0.05))
    x[16] = math.log(max(steady_ns / flow.ideal_ns, 1.0))
    x[17] = math.log1p(flow.queue_ns / flow.ideal_ns)
    x[18] = math.log1p(flow.queue_ns / flow.rtt_ns)
    x[19] = math.log1p(longest_ns / flow.rtt_ns)
    x[20] = math.log1p(burst_ns / flow.ideal_ns)
    x[21] = math.log1p(flow.waited / max(elapsed_ns, 1.0) / flow.rtt_ns)
    x[22] = flow.marking
    x[23] = math.log(float(senders))
    x[24] = math.log(float(shares.links[last_link].num_flows))
    x[25] = most_used
    x[26] = pool_used
    x[27] = math.log1p(flow.burst_wait_ns / flow.ideal_ns)
    x[28] = math.log1p(flow.first_wait_ns / flow.ideal_ns)
    x[29] = math.log1p(nic_ns / flow.rtt_ns)
    x[30] = math.log1p(back_ns / flow.rtt_ns)
    x[31] = math.log1p(flow.rest_ns / flow.rtt_ns)
    x[32] = math.log(max(fluid_ns / flow.ideal_ns, 1.0))
    x[33] = math.log(max(flow.rate / max(fluid.rate, _LEAST_SHARE * flow.rate), 1.0))
    x[34] = max(to_drain, 0.0) / flow.wire_bytes
    configuration = state.configuration[flow.network]
    for i in range(len(configuration)):
        x[_FIRST_CONFIGURATION + i] = configuration[i]
    state.flow_gap[row] = math.log1p((now - flow.updated_ns) / network.unit_ns)
    flow.updated_ns = now
