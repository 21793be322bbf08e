"""The receiver: reassembly, cumulative ACKs, delayed ACKs, the echo of marks.

What lies beyond a gap is kept as a sorted list of ranges, a packet's record each, so memory is
bounded by the number of gaps. Segments never overlap in part: a flow is always cut in the same
places.
"""

from __future__ import annotations

from m4graph.simulators.packet.jit import hook_kernel
from m4graph.simulators.packet.layout import ACK, NONE
from m4graph.simulators.packet.ports import enqueue_priority, free_packet
from m4graph.simulators.packet.tcp.record import DELAYED_ACK
from m4graph.simulators.packet.tcp.timers import clear_deadline, set_deadline


@hook_kernel
def receive(s, flow_id, packet_id):
    """A segment is complete at its host: it is acknowledged, at once or a little later.

    An ACK is delayed only for a segment in order when nothing waits beyond a gap (RFC 5681).

    Returns:
        The host's uplink, which now has something to send, or ``NONE``.
    """
    packet = s.packets[packet_id]
    flow = s.flows[flow_id]
    tcp = s.congestion[flow_id]
    parameters = s.congestion_config[0]
    link_id = _hear_mark(s, flow_id, packet.marked, s.in_band[packet_id].reduced)
    in_order = packet.seq == flow.rcv_nxt
    no_gap = tcp.first_range < 0
    if in_order:
        flow.rcv_nxt = s.in_band[packet_id].end_seq
        _deliver_range(s, flow_id)
    elif packet.seq > flow.rcv_nxt:
        _keep(s, tcp, packet.seq, s.in_band[packet_id].end_seq)
    if parameters.delayed_ack and in_order and no_gap and tcp.num_delayed == 0:
        tcp.num_delayed = 1
        deadline_ticks = s.control[0].now + parameters.delayed_ack_ticks
        set_deadline(s, flow_id, DELAYED_ACK, deadline_ticks)
        free_packet(s, packet_id)
        return link_id
    return _answer(s, flow_id, packet_id)


@hook_kernel
def answer_late(s, flow_id):
    """No second segment has come in time: acknowledge the first; gives the uplink."""
    return _answer(s, flow_id, _new_packet(s))


@hook_kernel
def _hear_mark(s, flow_id, marked, reduced):
    """Notes a segment's mark for the echo; gives the uplink if an ACK has to go first.

    RFC 8257: where marks begin or end, what is delayed is acknowledged with the old echo at once.
    RFC 3168: the echo lasts until the sender says that it has reduced its window.
    """
    tcp = s.congestion[flow_id]
    if not s.congestion_config[0].exact_echo:
        tcp.echo = marked or (tcp.echo and not reduced)
        return NONE
    link_id = NONE
    if marked != tcp.echo and tcp.num_delayed > 0:
        link_id = _answer(s, flow_id, _new_packet(s))
    tcp.echo = marked
    return link_id


@hook_kernel
def _answer(s, flow_id, packet_id):
    """Makes an ACK of a packet's record and queues it at the host's NIC."""
    flow = s.flows[flow_id]
    tcp = s.congestion[flow_id]
    tcp.num_delayed = 0
    clear_deadline(s, flow_id, DELAYED_ACK)
    packet = s.packets[packet_id]
    packet.kind = ACK
    packet.flow = flow_id
    packet.seq = flow.rcv_nxt
    packet.marked = tcp.echo
    packet.wire_bytes = s.config[0].ack_wire_bytes
    packet.position = flow.ack_position
    uplink = s.route_links[flow.ack_position]
    enqueue_priority(s, uplink, packet_id)
    return uplink


@hook_kernel
def _new_packet(s):
    c = s.control[0]
    packet_id = c.free_packet
    c.free_packet = s.packets[packet_id].next
    c.packets_left -= 1
    return packet_id


@hook_kernel
def _deliver_range(s, flow_id):
    """A gap may be filled now: the range behind it is in order."""
    flow = s.flows[flow_id]
    tcp = s.congestion[flow_id]
    first = tcp.first_range
    if first >= 0 and s.packets[first].seq == flow.rcv_nxt:
        flow.rcv_nxt = s.in_band[first].end_seq
        tcp.first_range = s.packets[first].next
        free_packet(s, first)


@hook_kernel
def _keep(s, tcp, seq, end_seq):
    """Adds a segment to the ranges beyond the first gap; ranges that meet become one."""
    before = NONE
    after = tcp.first_range
    while after >= 0 and s.packets[after].seq <= seq:
        before = after
        after = s.packets[after].next
    if before >= 0 and s.in_band[before].end_seq > seq:
        return
    meets_after = after >= 0 and s.packets[after].seq == end_seq
    if before >= 0 and s.in_band[before].end_seq == seq:
        s.in_band[before].end_seq = end_seq
        if meets_after:
            s.in_band[before].end_seq = s.in_band[after].end_seq
            s.packets[before].next = s.packets[after].next
            free_packet(s, after)
    elif meets_after:
        s.packets[after].seq = seq
    else:
        kept = _new_packet(s)
        s.packets[kept].seq = seq
        s.packets[kept].next = after
        s.in_band[kept].end_seq = end_seq
        if before >= 0:
            s.packets[before].next = kept
        else:
            tcp.first_range = kept
