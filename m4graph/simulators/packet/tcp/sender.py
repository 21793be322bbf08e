"""The sender: cumulative ACKs, fast retransmit and NewReno's recovery, timeouts.

Reference: RFC 5681, RFC 6582 (the ``impatient`` variant), RFC 6298. No limited transmit, no SACK.
"""

from __future__ import annotations

from m4graph.simulators.packet.jit import hook_kernel
from m4graph.simulators.packet.layout import NONE
from m4graph.simulators.packet.tcp.record import RETRANSMIT
from m4graph.simulators.packet.tcp.timers import (
    back_off,
    clear_deadline,
    measure_round_trip,
    set_deadline,
)
from m4graph.simulators.packet.tcp.window import flight_bytes, halved, set_cwnd

_DUPLICATES_OF_A_LOSS = 3


@hook_kernel
def note_sent(s, flow_id, packet_id):
    """The NIC has taken a segment: ``on_send`` of every algorithm on TCP."""
    now = s.control[0].now
    flow = s.flows[flow_id]
    tcp = s.congestion[flow_id]
    in_band = s.in_band[packet_id]
    in_band.end_seq = flow.snd_nxt
    in_band.reduced = False
    if flow.snd_nxt > tcp.snd_max:
        tcp.snd_max = flow.snd_nxt
        in_band.reduced = tcp.tell_reduced
        tcp.tell_reduced = False
        if tcp.timed_seq < 0:
            tcp.timed_seq = flow.snd_nxt
            tcp.timed_ticks = now
    else:
        # An ACK would not tell which of the two it is for (Karn).
        tcp.timed_seq = NONE
    if tcp.resume_seq >= 0:
        flow.snd_nxt = max(flow.snd_nxt, tcp.resume_seq)
        tcp.resume_seq = NONE
    if tcp.deadline_ticks[RETRANSMIT] < 0:
        if tcp.rto_ticks == 0:
            tcp.rto_ticks = s.congestion_config[0].initial_rto_ticks
        set_deadline(s, flow_id, RETRANSMIT, now + tcp.rto_ticks)


@hook_kernel
def acknowledge(s, flow_id, packet_id):
    """Takes an ACK: the window moves on, or a duplicate is counted."""
    packet = s.packets[packet_id]
    flow = s.flows[flow_id]
    tcp = s.congestion[flow_id]
    tcp.acked_bytes = 0
    tcp.may_grow = False
    if packet.seq > flow.snd_una:
        tcp.acked_bytes = packet.seq - flow.snd_una
        _take_new_data(s, flow_id, packet.seq)
    elif packet.seq == flow.snd_una and tcp.snd_max > flow.snd_una:
        _take_duplicate(s, flow_id)


@hook_kernel
def _take_new_data(s, flow_id, ack_seq):
    flow = s.flows[flow_id]
    tcp = s.congestion[flow_id]
    flow.snd_una = ack_seq
    # A retransmission that has not left yet is not needed any more.
    flow.snd_nxt = max(flow.snd_nxt, tcp.resume_seq, ack_seq)
    tcp.resume_seq = NONE
    tcp.num_duplicates = 0
    tcp.num_timeouts = 0
    if 0 <= tcp.timed_seq <= ack_seq:
        measure_round_trip(s, flow_id, s.control[0].now - tcp.timed_ticks)
        tcp.timed_seq = NONE
    restart = True
    if not tcp.in_recovery:
        tcp.may_grow = True
    elif ack_seq >= tcp.recover_seq:
        tcp.in_recovery = False
        payload_bytes = s.config[0].payload_bytes
        flight = max(flight_bytes(s, flow_id), payload_bytes)
        set_cwnd(s, flow_id, min(tcp.ssthresh_bytes, flight + payload_bytes))
    else:
        restart = not tcp.had_partial_ack
        tcp.had_partial_ack = True
        _take_partial(s, flow_id)
    if flow.snd_una >= tcp.snd_max:
        clear_deadline(s, flow_id, RETRANSMIT)
    elif restart:
        set_deadline(s, flow_id, RETRANSMIT, s.control[0].now + tcp.rto_ticks)


@hook_kernel
def _take_partial(s, flow_id):
    """A partial ACK: the next segment is lost, too; the window loses what was acknowledged."""
    tcp = s.congestion[flow_id]
    payload_bytes = s.config[0].payload_bytes
    cwnd_bytes = tcp.cwnd_bytes - tcp.acked_bytes
    if tcp.acked_bytes >= payload_bytes:
        cwnd_bytes += payload_bytes
    set_cwnd(s, flow_id, max(cwnd_bytes, payload_bytes))
    _retransmit(s, flow_id)


@hook_kernel
def _take_duplicate(s, flow_id):
    flow = s.flows[flow_id]
    tcp = s.congestion[flow_id]
    payload_bytes = s.config[0].payload_bytes
    if tcp.in_recovery:
        # A segment has left the network.
        set_cwnd(s, flow_id, tcp.cwnd_bytes + payload_bytes)
        return
    tcp.num_duplicates += 1
    # After a timeout, what is sent twice gives duplicates that mean no loss.
    if tcp.num_duplicates != _DUPLICATES_OF_A_LOSS or flow.snd_una <= tcp.recover_seq:
        return
    tcp.ssthresh_bytes = halved(s, flight_bytes(s, flow_id))
    tcp.recover_seq = tcp.snd_max
    tcp.in_recovery = True
    tcp.had_partial_ack = False
    tcp.reduced_seq = tcp.snd_max
    tcp.tell_reduced = True
    set_cwnd(s, flow_id, tcp.ssthresh_bytes + _DUPLICATES_OF_A_LOSS * payload_bytes)
    _retransmit(s, flow_id)


@hook_kernel
def _retransmit(s, flow_id):
    """Lets the NIC send the first unacknowledged segment, in the flow's turn, and then go on."""
    flow = s.flows[flow_id]
    tcp = s.congestion[flow_id]
    tcp.resume_seq = max(flow.snd_nxt, tcp.resume_seq)
    flow.snd_nxt = flow.snd_una


@hook_kernel
def time_out(s, flow_id):
    """The retransmission timer has expired: go back to what is unacknowledged, slowly.

    Returns:
        The uplink, which now has something to send, or ``NONE`` if the flow gives up.
    """
    flow = s.flows[flow_id]
    tcp = s.congestion[flow_id]
    if tcp.num_timeouts == s.congestion_config[0].timeout_limit:
        return NONE
    if tcp.num_timeouts == 0:
        tcp.ssthresh_bytes = halved(s, flight_bytes(s, flow_id))
    tcp.num_timeouts += 1
    tcp.num_duplicates = 0
    tcp.in_recovery = False
    tcp.recover_seq = tcp.snd_max
    tcp.reduced_seq = tcp.snd_max
    tcp.timed_seq = NONE
    tcp.resume_seq = NONE
    flow.snd_nxt = flow.snd_una
    set_cwnd(s, flow_id, s.config[0].payload_bytes)
    back_off(s, flow_id)
    set_deadline(s, flow_id, RETRANSMIT, s.control[0].now + tcp.rto_ticks)
    return s.nodes[flow.src].uplink
