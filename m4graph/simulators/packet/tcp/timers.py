"""Deadlines of a flow, re-armed lazily, and the retransmission timeout of RFC 6298.

A deadline moves at every ACK, its event does not: when the event's time comes, it looks where the
deadline stands by then. So a flow has one event in the queue, and a second one only when a deadline
has moved ahead of the first.
"""

from __future__ import annotations

from m4graph.simulators.packet.events import push
from m4graph.simulators.packet.jit import hook_kernel
from m4graph.simulators.packet.layout import DEADLINE, NONE


@hook_kernel
def set_deadline(s, flow_id, which, time_ticks):
    """Moves a deadline of a flow; it is started if it is not running."""
    tcp = s.congestion[flow_id]
    tcp.deadline_ticks[which] = time_ticks
    if tcp.queued_ticks[which] < 0 or time_ticks < tcp.queued_ticks[which]:
        tcp.queued_ticks[which] = time_ticks
        push(s, time_ticks, DEADLINE, flow_id, which)


@hook_kernel
def clear_deadline(s, flow_id, which):
    """Stops a deadline of a flow; its event finds that out."""
    s.congestion[flow_id].deadline_ticks[which] = NONE


@hook_kernel
def deadline_reached(s, flow_id, which):
    """Whether a deadline has been reached when one of its events comes; it is stopped then."""
    now = s.control[0].now
    tcp = s.congestion[flow_id]
    if tcp.queued_ticks[which] != now:
        return False
    tcp.queued_ticks[which] = NONE
    deadline_ticks = tcp.deadline_ticks[which]
    if deadline_ticks > now:
        set_deadline(s, flow_id, which, deadline_ticks)
    if deadline_ticks != now:
        return False
    tcp.deadline_ticks[which] = NONE
    return True


@hook_kernel
def measure_round_trip(s, flow_id, rtt_ticks):
    """Takes a round-trip time into the timeout (RFC 6298, section 2)."""
    tcp = s.congestion[flow_id]
    parameters = s.congestion_config[0]
    if tcp.srtt_ticks == 0:
        tcp.srtt_ticks = rtt_ticks
        tcp.rttvar_ticks = rtt_ticks // 2
    else:
        tcp.rttvar_ticks = (3 * tcp.rttvar_ticks + abs(tcp.srtt_ticks - rtt_ticks)) // 4
        tcp.srtt_ticks = (7 * tcp.srtt_ticks + rtt_ticks) // 8
    rto_ticks = tcp.srtt_ticks + max(1, 4 * tcp.rttvar_ticks)
    tcp.rto_ticks = min(max(rto_ticks, parameters.min_rto_ticks), parameters.max_rto_ticks)


@hook_kernel
def back_off(s, flow_id):
    """Doubles the timeout; a new measurement takes that back."""
    tcp = s.congestion[flow_id]
    tcp.rto_ticks = min(2 * tcp.rto_ticks, s.congestion_config[0].max_rto_ticks)
