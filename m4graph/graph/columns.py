"""The features of the flows and links of an event, as :mod:`.schema` names them (numba)."""

from __future__ import annotations

import math

import numpy as np

from m4graph.core.kernels import kernel
from m4graph.estimate.bursts import drain_burst
from m4graph.estimate.competition import link_backlog_bytes
from m4graph.estimate.outlook import (
    LEAST_RATE,
    fair_bytes_left,
    fair_fct_ns,
    prior_fct_ns,
    steady_fct_ns,
)
from m4graph.estimate.state import Estimate
from m4graph.estimate.windows import wait_at
from m4graph.graph.schema import EDGE_X, FLOW_X, LINK_X, MOST_LOG_GAP
from m4graph.graph.tracker_state import NUM_EDGES, NUM_LINKS, STAMP, TrackerState

_FIRST_CONFIGURATION = min(
    column for column, name in enumerate(FLOW_X._fields) if name.startswith("configuration_")
)


@kernel
def _pool_used(state: Estimate, node: int) -> float:
    record = state.nodes[node]
    return min(record.queue_bytes / record.pool_bytes, 4.0) if record.pool_bytes > 0.0 else 0.0


@kernel
def take_link(state: TrackerState, link_id: int, now: int, updated: bool, arrival: bool) -> None:
    """Gives a link a row of this step, unless it has one, and fills in its features."""
    counts, mark = state.counts, state.link_marks[link_id]
    if mark.stamp == counts[STAMP]:
        return
    mark.stamp = counts[STAMP]
    row = counts[NUM_LINKS]
    counts[NUM_LINKS] += 1
    mark.row = row
    link = state.estimate.links[link_id]
    network = state.estimate.networks[link.network]
    drain_burst(link, float(now))
    gap = min(math.log1p((now - mark.updated_ns) / network.unit_ns), MOST_LOG_GAP)
    x = state.link_x[row]
    x[LINK_X.log_rate] = math.log(link.rate / network.nic_rate)
    x[LINK_X.log_delay] = math.log1p(link.delay_ns / network.unit_ns)
    x[LINK_X.leaves_host] = link.kind & 1
    x[LINK_X.enters_host] = link.kind >> 1
    x[LINK_X.on_event_route] = updated
    x[LINK_X.event_is_arrival] = arrival
    x[LINK_X.log_flows] = math.log1p(float(state.estimate.shares.links[link_id].num_flows))
    x[LINK_X.log_long_flows] = math.log1p(float(link.num_long))
    x[LINK_X.utilisation] = link.used / link.rate
    wait_ns = wait_at(link, now)
    x[LINK_X.log_wait] = math.log1p(wait_ns / network.unit_ns)
    x[LINK_X.log_queue_marks] = math.log1p(wait_ns * link.rate / link.marking_bytes)
    x[LINK_X.log_burst_queue] = math.log1p(link.burst_bytes / network.packet_bytes)
    x[LINK_X.log_burst_inflow] = math.log1p(link.inflow_bytes / network.packet_bytes)
    x[LINK_X.pool_used] = _pool_used(state.estimate, link.src)
    x[LINK_X.next_pool_used] = _pool_used(state.estimate, link.dst)
    pool_bytes = state.estimate.nodes[link.src].pool_bytes
    x[LINK_X.log_pool] = math.log1p(pool_bytes / network.window_bytes) / 4.0
    x[LINK_X.log_rest] = math.log1p(link.rest_ns / network.unit_ns)
    x[LINK_X.log_gap] = gap
    backlog_bytes = link_backlog_bytes(state.estimate, link_id, 0.0, now)[0]
    x[LINK_X.log_backlog] = math.log1p(backlog_bytes / link.rate / network.unit_ns) / 4.0
    x[LINK_X.log_pool_packets] = math.log1p(pool_bytes / network.packet_bytes) / 4.0
    state.link_ids[row] = link_id
    state.link_gap[row] = gap
    if updated:
        mark.updated_ns = now


@kernel
def fill_flow(state: TrackerState, row: int, now: int, event_flow: int, arrival: bool) -> None:
    """Lists a touched flow's links and fills in its features."""
    flow_id = state.flow_ids[row]
    mark, flow = state.flow_marks[flow_id], state.estimate.flows[flow_id]
    network = state.estimate.networks[flow.network]
    _list_route(state, row, now, arrival)
    x = state.flow_x[row]
    x[FLOW_X.is_event_flow] = flow_id == event_flow
    x[FLOW_X.event_is_arrival] = arrival
    _describe_flow(x, flow, network, float(now - flow.start_ns))
    _describe_route(x, state.estimate, flow_id, now)
    _describe_outlook(x, flow, state.estimate.shares.flows[flow_id], now)
    _describe_competition(x, state.estimate, flow_id, now)
    configuration_x = state.configuration_x[flow.network]
    for i in range(len(configuration_x)):
        x[_FIRST_CONFIGURATION + i] = configuration_x[i]
    gap = math.log1p((now - mark.updated_ns) / network.unit_ns)
    state.flow_gap[row] = min(gap, MOST_LOG_GAP)
    mark.updated_ns = now


@kernel
def _list_route(state: TrackerState, row: int, now: int, arrival: bool) -> None:
    """Gives the links of a touched flow rows of this step, and lists them as its edges."""
    counts, shares, flow_id = state.counts, state.estimate.shares, state.flow_ids[row]
    start, end = shares.route_ptr[flow_id], shares.route_ptr[flow_id + 1]
    for hop in range(start, end):
        link_id, edge = shares.route_links[hop], counts[NUM_EDGES]
        take_link(state, link_id, now, False, arrival)
        state.edge_flow[edge] = row
        state.edge_link[edge] = state.link_marks[link_id].row
        state.edge_x[edge, EDGE_X.hop] = (hop - start) / 8.0
        state.edge_x[edge, EDGE_X.hops_left] = (end - 1 - hop) / 8.0
        counts[NUM_EDGES] += 1


@kernel
def _describe_flow(x, flow, network, elapsed_ns):
    """What is known of a flow by itself."""
    remaining = max(flow.remaining_bytes, 0.0)
    least_rate = LEAST_RATE * flow.line_rate
    x[FLOW_X.log_size] = math.log1p(flow.wire_bytes / network.packet_bytes) / 4.0
    x[FLOW_X.log_ideal] = math.log(flow.ideal_ns / network.unit_ns) / 4.0
    x[FLOW_X.is_burst] = flow.is_burst
    x[FLOW_X.log_windows] = math.log(max(flow.wire_bytes / flow.window_bytes, 0.01)) / 4.0
    x[FLOW_X.log_pipe_windows] = math.log(flow.line_rate * flow.rtt_ns / flow.window_bytes)
    x[FLOW_X.log_elapsed] = math.log1p(elapsed_ns / flow.ideal_ns)
    x[FLOW_X.log_trips] = math.log1p(elapsed_ns / flow.rtt_ns) / 4.0
    pipe_bytes = flow.line_rate * flow.rtt_ns
    x[FLOW_X.log_pipe_packets] = math.log1p(pipe_bytes / network.packet_bytes) / 4.0
    x[FLOW_X.remaining] = remaining / flow.wire_bytes
    x[FLOW_X.log_remaining] = math.log1p(remaining / network.packet_bytes) / 4.0
    x[FLOW_X.windows_left] = min(remaining / flow.window_bytes, 1.0)
    x[FLOW_X.log_share] = math.log(max(flow.line_rate / max(flow.send_rate, least_rate), 1.0))
    x[FLOW_X.log_pace] = math.log(flow.line_rate / flow.pace)
    x[FLOW_X.log_wait] = math.log1p(flow.queue_ns / flow.ideal_ns)
    x[FLOW_X.wait_trips] = math.log1p(flow.queue_ns / flow.rtt_ns)
    x[FLOW_X.log_mean_wait] = math.log1p(flow.waited / max(elapsed_ns, 1.0) / flow.rtt_ns)
    x[FLOW_X.marking] = flow.marking
    x[FLOW_X.log_burst_wait] = math.log1p(flow.burst_wait_ns / flow.ideal_ns)
    x[FLOW_X.log_first_wait] = math.log1p(flow.first_wait_ns / flow.ideal_ns)
    x[FLOW_X.log_rest] = math.log1p(flow.rest_ns / flow.rtt_ns)


@kernel
def _describe_route(x: np.ndarray, state: Estimate, flow_id: int, now: int) -> None:
    """What a flow meets on its links."""
    shares, flow = state.shares, state.flows[flow_id]
    start, end = shares.route_ptr[flow_id], shares.route_ptr[flow_id + 1]
    longest_ns, burst_ns, most_used, pool_used = 0.0, 0.0, 0.0, 0.0
    for hop in range(start, end):
        link = state.links[shares.route_links[hop]]
        longest_ns = max(longest_ns, wait_at(link, now))
        burst_ns += link.burst_bytes / link.rate
        most_used = max(most_used, link.used / link.rate)
        pool_used = max(pool_used, _pool_used(state, link.src))
    first_link, last_link = shares.route_links[start], shares.route_links[end - 1]
    nic = state.links[first_link]
    back_ns = wait_at(state.links[nic.reverse], now) if nic.reverse >= 0 else 0.0
    x[FLOW_X.num_links] = (end - start) / 6.0
    x[FLOW_X.log_longest_wait] = math.log1p(longest_ns / flow.rtt_ns)
    x[FLOW_X.burst_wait] = math.log1p(burst_ns / flow.ideal_ns)
    x[FLOW_X.log_flows_first] = math.log(float(shares.links[first_link].num_flows))
    x[FLOW_X.log_flows_last] = math.log(float(shares.links[last_link].num_flows))
    x[FLOW_X.most_used] = most_used
    x[FLOW_X.pool_used] = pool_used
    x[FLOW_X.log_nic_wait] = math.log1p(wait_at(nic, now) / flow.rtt_ns)
    x[FLOW_X.log_back_wait] = math.log1p(back_ns / flow.rtt_ns)


@kernel
def _describe_outlook(x, flow, fair, now):
    """When a flow will be through, as slowdowns, and what max-min fair rates say of it."""
    elapsed_ns = float(now - flow.start_ns)
    steady_ns = steady_fct_ns(flow, elapsed_ns)
    fair_ns = fair_fct_ns(flow, fair, elapsed_ns, now)
    prior_ns = prior_fct_ns(flow, elapsed_ns, steady_ns, fair_ns)
    least_rate = LEAST_RATE * flow.line_rate
    x[FLOW_X.log_prior] = math.log(max(prior_ns / flow.ideal_ns, 1.0))
    x[FLOW_X.log_now] = math.log(max(elapsed_ns / flow.ideal_ns, 0.05))
    x[FLOW_X.log_steady] = math.log(max(steady_ns / flow.ideal_ns, 1.0))
    x[FLOW_X.log_fluid] = math.log(max(fair_ns / flow.ideal_ns, 1.0))
    x[FLOW_X.log_fair_share] = math.log(max(flow.line_rate / max(fair.rate, least_rate), 1.0))
    x[FLOW_X.fluid_remaining] = max(fair_bytes_left(fair, now), 0.0) / flow.wire_bytes


@kernel
def _describe_competition(x: np.ndarray, state: Estimate, flow_id: int, now: int) -> None:
    """When a flow is through if nobody else comes, by what the flows on its links have left."""
    shares, flow = state.shares, state.flows[flow_id]
    own_bytes = max(fair_bytes_left(shares.flows[flow_id], now), 0.0)
    slowest_ns, busiest_ns, shorter, num_flows = -1.0, 0.0, 0.0, 1
    for hop in range(shares.route_ptr[flow_id], shares.route_ptr[flow_id + 1]):
        link_id = shares.route_links[hop]
        rate = state.links[link_id].rate
        total_bytes, shared_bytes, share = link_backlog_bytes(state, link_id, own_bytes, now)
        busiest_ns = max(busiest_ns, total_bytes / rate)
        if shared_bytes / rate > slowest_ns:
            slowest_ns, shorter = shared_bytes / rate, share
            num_flows = shares.links[link_id].num_flows
    flow.backlog_ns = busiest_ns
    so_far_ns = float(now - flow.start_ns) + flow.latency_ns
    x[FLOW_X.log_shared] = math.log(max((so_far_ns + slowest_ns) / flow.ideal_ns, 1.0))
    x[FLOW_X.log_backlog] = math.log(max((so_far_ns + busiest_ns) / flow.ideal_ns, 1.0))
    x[FLOW_X.shorter_flows] = shorter
    x[FLOW_X.log_flows_most] = math.log(float(num_flows))
