"""The congestion window: what an algorithm's ``on_ack`` works with."""

from __future__ import annotations

from m4graph.simulators.packet.jit import hook_kernel


@hook_kernel
def set_cwnd(s, flow_id, cwnd_bytes):
    """Sets the congestion window; a segment leaves when it fits whole into what is free of it."""
    flow = s.flows[flow_id]
    s.congestion[flow_id].cwnd_bytes = cwnd_bytes
    usable_bytes = min(cwnd_bytes, s.congestion_config[0].window_bytes)
    flow.window_bytes = max(1, usable_bytes - s.config[0].payload_bytes + 1)


@hook_kernel
def flight_bytes(s, flow_id):
    """What has been sent and is not acknowledged; after a timeout, what was sent since."""
    flow = s.flows[flow_id]
    return max(flow.snd_nxt, s.congestion[flow_id].resume_seq) - flow.snd_una


@hook_kernel
def halved(s, window_bytes):
    """Half a window, but two segments at least."""
    return max(window_bytes // 2, 2 * s.config[0].payload_bytes)


@hook_kernel
def grow(s, flow_id):
    """Slow start or congestion avoidance, if this ACK lets the window grow (RFC 5681)."""
    tcp = s.congestion[flow_id]
    if not tcp.may_grow:
        return
    payload_bytes = s.config[0].payload_bytes
    if tcp.cwnd_bytes < tcp.ssthresh_bytes:
        more_bytes = min(tcp.acked_bytes, payload_bytes)
    else:
        more_bytes = max(1, payload_bytes * payload_bytes // tcp.cwnd_bytes)
    set_cwnd(s, flow_id, tcp.cwnd_bytes + more_bytes)


@hook_kernel
def reduce_for_mark(s, flow_id, factor):
    """Cuts the window for a mark, once a round trip, and never while a loss is being repaired."""
    tcp = s.congestion[flow_id]
    flow = s.flows[flow_id]
    if tcp.in_recovery or flow.snd_una <= tcp.reduced_seq:
        return
    cwnd_bytes = max(int(tcp.cwnd_bytes * factor), 2 * s.config[0].payload_bytes)
    tcp.ssthresh_bytes = cwnd_bytes
    tcp.reduced_seq = tcp.snd_max
    tcp.tell_reduced = True
    set_cwnd(s, flow_id, cwnd_bytes)
