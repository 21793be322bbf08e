"""When a flow will be through: three estimates, and which of them is the prior (numba)."""

from __future__ import annotations

import math

from m4graph.core.kernels import kernel
from m4graph.estimate.state import Estimate
from m4graph.estimate.windows import wait_at

LEAST_RATE = 1e-3
"""Of a flow's line rate: slower flows are taken as being as fast as that; guards divisions."""

_SPREADING_TRIPS = 0.5  # a wait of so many idle round trips spreads half of a window out


@kernel
def steady_fct_ns(flow, elapsed_ns):
    """If all goes on as now: full windows, then the last one, then the way."""
    return max(elapsed_ns + _steady_left_ns(flow), elapsed_ns)


@kernel
def _steady_left_ns(flow):
    rate = max(flow.rest_rate, LEAST_RATE * flow.line_rate)
    if flow.fills_pipe:
        return flow.remaining_bytes / rate + flow.latency_ns
    last = flow.last_window_bytes
    # Unless something waits, a window goes out in one piece; behind a queue it is spread out.
    spread = flow.rest_ns / (flow.rest_ns + _SPREADING_TRIPS * flow.rtt_ns)
    last_ns = last * (spread / rate + (1.0 - spread) / flow.line_rate)
    return (flow.remaining_bytes - last) / rate + last_ns + flow.latency_ns + flow.rest_ns


@kernel
def fair_bytes_left(fair, now):
    """What a flow would have to drain now if it had gone at max-min fair rates so far."""
    return fair.remaining - fair.rate * (now - fair.settled_ns)


@kernel
def fair_fct_ns(flow, fair, elapsed_ns, now):
    """If it had gone at max-min fair rates so far, and goes on at the present one."""
    drain_ns = fair_bytes_left(fair, now) / max(fair.rate, LEAST_RATE * flow.line_rate)
    return max(elapsed_ns + drain_ns + flow.latency_ns, elapsed_ns)


@kernel
def foresee_burst(state: Estimate, flow_id: int, now: int) -> None:
    """Sets what a flow's first packets wait in standing queues, and its FCT if that is all of it.

    Called when it arrives. A NIC serves flows in turn: a packet does not wait there for all of the
    others' windows.
    """
    shares, flow = state.shares, state.flows[flow_id]
    first_link = shares.route_links[shares.route_ptr[flow_id]]
    nic, packet_bytes = state.links[first_link], state.networks[flow.network].packet_bytes
    nic_ns = wait_at(nic, now)
    packets = math.ceil(flow.wire_bytes / packet_bytes)
    turns_ns = packets * (shares.links[first_link].num_flows - 1) * packet_bytes / nic.rate
    flow.first_wait_ns = flow.queue_ns - nic_ns + min(nic_ns, turns_ns)
    flow.burst_ns = flow.ideal_ns + max(flow.burst_wait_ns, flow.first_wait_ns)


@kernel
def prior_fct_ns(flow, elapsed_ns, steady_ns, fair_ns):
    """The estimate that the network corrects: by burst, by windows, or by fair rates."""
    if flow.is_burst:
        return max(flow.burst_ns, elapsed_ns)
    return fair_ns if flow.fills_pipe else steady_ns
