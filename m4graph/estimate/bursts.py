"""First windows as bursts that come in at line rate and queue behind each other (numba)."""

from __future__ import annotations

from m4graph.core.kernels import kernel
from m4graph.estimate.state import Estimate


@kernel
def send_burst(state: Estimate, flow_id: int, now: int) -> None:
    """A flow's first window reaches link after link; its wait there, in FIFO queues of bursts.

    What is known of a link's bursts: bytes queued, bytes on their way and the time until they are
    in. Two that come in together at the link's rate make a queue of half their bytes.
    """
    shares, flow = state.shares, state.flows[flow_id]
    burst = min(flow.wire_bytes, flow.window_bytes)
    packet = state.networks[flow.network].packet_bytes
    at_ns, wait_ns = float(now), 0.0
    for hop in range(shares.route_ptr[flow_id], shares.route_ptr[flow_id + 1]):
        link = state.links[shares.route_links[hop]]
        drain_burst(link, at_ns)
        length_ns = burst / flow.line_rate
        # The last byte waits for what is queued, and for what comes in beside it.
        beside = link.inflow_bytes * min(1.0, length_ns / max(link.inflow_ns, 1.0))
        own = burst * (1.0 - flow.line_rate / link.rate) if link.rate > flow.line_rate else 0.0
        wait_ns += max(link.burst_bytes + beside - own, 0.0) / link.rate
        link.inflow_bytes += burst
        link.inflow_ns = max(link.inflow_ns, length_ns)
        at_ns += link.delay_ns + min(burst, packet) / link.rate
    flow.burst_wait_ns = wait_ns


@kernel
def drain_burst(link, at_ns):
    """Lets a link's bursts come in and go out up to a time; never back."""
    gap_ns = at_ns - link.burst_at_ns
    if gap_ns <= 0.0:
        return
    link.burst_at_ns = at_ns
    in_ns = min(gap_ns, link.inflow_ns)
    if in_ns > 0.0:
        part = link.inflow_bytes * in_ns / link.inflow_ns
        link.inflow_bytes -= part
        link.inflow_ns -= in_ns
        link.burst_bytes = max(0.0, link.burst_bytes + part - link.rate * in_ns)
    else:
        link.inflow_bytes, link.inflow_ns = 0.0, 0.0
    link.burst_bytes = max(0.0, link.burst_bytes - link.rate * (gap_ns - in_ns))
