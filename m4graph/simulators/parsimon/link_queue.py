"""The queue of the link that is simulated: what comes to it, leaves it, and what is heard of that.

There is one queue, first in first out, so when a packet comes, it is known when it will leave, and
when its ACK is back. So nothing need happen when it comes, nor when it leaves: both are caught up
with before the first ACK is back, in the order of time, as a mark depends on what is left behind.
"""

from __future__ import annotations

import numpy as np

from m4graph.simulators.packet.division import quotient
from m4graph.simulators.packet.events import push_with_serial
from m4graph.simulators.packet.hooks import ON_FORWARD, call_hook
from m4graph.simulators.packet.jit import inline_kernel, kernel
from m4graph.simulators.packet.layout import NONE
from m4graph.simulators.packet.ports import enqueue, free_packet
from m4graph.simulators.packet.split_mix import next_uniform
from m4graph.simulators.parsimon.layout import (
    ACK_BACK,
    ANSWERED,
    CATCH_UP,
    NO_ACK,
    ORDER_BITS,
    TARGET,
)

_MASK = 2**31 - 1
"""Of what fits into an event."""


@inline_kernel
def tx_ticks_of(s, link, wire_bytes):
    """How long a link sends a packet."""
    config = s.config[0]
    if wire_bytes == config.payload_bytes + config.data_overhead_bytes:
        return link.full_tx_ticks
    return quotient(wire_bytes * config.byte_ticks, link.rate_bps)


@inline_kernel
def let_come(s, w, arrival_ticks, serial, packet_id):
    """Puts a packet among those that come to the link; most often behind all of them.

    Nothing happens at its arrival that could not be worked out later, before its ACK is back.
    """
    spot = w.spot[0]
    mask = len(w.coming) - 1
    place = spot.after_coming
    while place > spot.first_coming:
        before = w.coming[(place - 1) & mask]
        if before.arrival_ticks < arrival_ticks or (
            before.arrival_ticks == arrival_ticks and before.serial < serial
        ):
            break
        here = w.coming[place & mask]
        here.arrival_ticks, here.serial = before.arrival_ticks, before.serial
        here.packet = before.packet
        place -= 1
    here = w.coming[place & mask]
    here.arrival_ticks, here.serial, here.packet = arrival_ticks, serial, packet_id
    spot.after_coming += 1
    if place == spot.first_coming:
        _see_to_it(s, w, arrival_ticks + spot.way_back_ticks)


@inline_kernel
def _see_to_it(s, w, time_ticks):
    """Has what has come looked at by a time, before all else that happens then."""
    spot = w.spot[0]
    if spot.catch_up_ticks == NONE or time_ticks < spot.catch_up_ticks:
        spot.catch_up_ticks = time_ticks
        spot.catch_up_version += 1
        push_with_serial(s, time_ticks, CATCH_UP, 0, spot.catch_up_version & _MASK, 0)


@inline_kernel
def catch_up(s, w, now, serial):
    """Works out what has come to the link before an event of this time and serial."""
    spot = w.spot[0]
    mask = len(w.coming) - 1
    while spot.first_coming < spot.after_coming:
        first = w.coming[spot.first_coming & mask]
        if first.arrival_ticks > now or (first.arrival_ticks == now and first.serial >= serial):
            break
        spot.first_coming += 1
        arrive(s, w, first.packet, first.arrival_ticks, first.serial)


@kernel
def catch_up_in_time(s, w, version):
    """The first of what has come may be acknowledged now; sees to it that there is a next time."""
    spot = w.spot[0]
    c = s.control[0]
    if version != spot.catch_up_version & _MASK:
        return
    spot.catch_up_ticks = NONE
    catch_up(s, w, c.now, c.serial)
    if spot.first_coming < spot.after_coming:
        first = w.coming[spot.first_coming & (len(w.coming) - 1)]
        _see_to_it(s, w, first.arrival_ticks + spot.way_back_ticks)


@inline_kernel
def arrive(s, w, packet_id, now, serial):
    """A packet comes to the link's queue."""
    target = s.links[TARGET]
    packet = s.packets[packet_id]
    local = np.int64(packet.flow)
    flow = s.flows[local]
    dequeue(s, w, now, serial)
    enqueue(s, TARGET, packet_id)
    w.spot[0].most_queued_bytes = max(w.spot[0].most_queued_bytes, target.queue_bytes)
    start_ticks = max(now, target.free_ticks)
    w.tx_start_ticks[packet_id] = start_ticks
    target.free_ticks = start_ticks + tx_ticks_of(s, target, packet.wire_bytes)
    is_last = packet.seq + packet.wire_bytes - s.config[0].data_overhead_bytes == flow.size_bytes
    finish(s, w, local, packet_id, target.free_ticks, is_last)
    if start_ticks == now:
        # It leaves at once, before others that come in the same nanosecond.
        _dequeue_first(s, w)


@inline_kernel
def dequeue(s, w, now, serial):
    """Dequeues what has left before now; of what leaves now, what ns-3 would have sent before an
    event of this serial.
    """
    target = s.links[TARGET]
    while target.head >= 0:
        start_ticks = w.tx_start_ticks[target.head]
        if start_ticks > now:
            break
        if start_ticks == now and w.spot[0].previous_start_ticks << ORDER_BITS >= serial:
            break
        _dequeue_first(s, w)


@inline_kernel
def _dequeue_first(s, w):
    """Takes the first packet off the queue: it is marked by the bytes that it leaves behind."""
    target = s.links[TARGET]
    packet_id = np.int64(target.head)
    packet = s.packets[packet_id]
    target.head = packet.next
    target.queue_bytes -= packet.wire_bytes
    w.spot[0].previous_start_ticks = w.tx_start_ticks[packet_id]
    if target.queue_bytes > target.kmin_bytes:
        marked = True
        if target.queue_bytes <= target.kmax_bytes:
            span = target.kmax_bytes - target.kmin_bytes
            chance = s.config[0].pmax * (target.queue_bytes - target.kmin_bytes) / span
            marked = next_uniform(w.spot[0]) < chance
        packet.marked = marked
    if packet.kind == NO_ACK:
        free_packet(s, packet_id)
    elif s.hooks[ON_FORWARD] != 0:
        _report(s, w, packet_id)
    target.sent_bytes += packet.wire_bytes


@kernel
def _report(s, w, packet_id):
    c = s.control[0]
    packet = s.packets[packet_id]
    now = c.now
    c.now = w.tx_start_ticks[packet_id]
    packet.position = s.flows[packet.flow].data_position + 1
    call_hook(s, ON_FORWARD, np.int64(TARGET), packet_id)
    c.now = now


@inline_kernel
def finish(s, w, local, packet_id, sent_ticks, is_last):
    """The packet has left the link, or will at that time: when its receiver has it, and when its
    sender knows.
    """
    spot = w.spot[0]
    flow, leg = s.flows[local], w.legs[local]
    packet = s.packets[packet_id]
    way_ticks, gap_ticks = leg.from_full_ticks, leg.from_gap_full_ticks
    if is_last:
        way_ticks, gap_ticks = leg.from_last_ticks, leg.from_gap_last_ticks
    finish_ticks = max(sent_ticks + way_ticks, leg.last_finish_ticks + gap_ticks)
    leg.last_finish_ticks = finish_ticks
    if is_last:
        w.fct_ticks[leg.row] = finish_ticks - leg.start_ticks
        spot.num_left -= 1
    if s.hooks[ON_FORWARD] != 0:
        _report_own(s, w, local, packet_id, finish_ticks)
    ack_ticks = finish_ticks
    if spot.is_downlink:
        ack_ticks = max(ack_ticks, spot.ack_free_ticks)
        spot.ack_free_ticks = ack_ticks + spot.ack_tx_ticks
    if not is_last and flow.snd_nxt == flow.size_bytes and is_alone(s, s.nodes[flow.src]):
        packet.kind = NO_ACK
        if spot.is_uplink:
            free_packet(s, packet_id)
        return
    packet.kind = ANSWERED
    ack_ticks += leg.ack_ticks
    serial = (ack_ticks - leg.ack_hop_ticks) << ORDER_BITS
    push_with_serial(s, ack_ticks, ACK_BACK, local, packet_id, serial)


@inline_kernel
def is_alone(s, node):
    """Whether ACKs of what a host's flow sent last change nothing: there is no other flow whose
    turn an ACK may bring. An algorithm with reports may wake the NIC for a flow that is through.
    """
    return node.num_flows == 1 and (s.hooks[ON_FORWARD] == 0 or node.flows_reserved == 1)


@kernel
def _report_own(s, w, local, packet_id, time_ticks):
    """Has the slowest other link on the way report, on which there is nothing but the flow."""
    flow = s.flows[local]
    if not w.legs[local].reports_own:
        return
    c = s.control[0]
    packet = s.packets[packet_id]
    now = c.now
    c.now = time_ticks
    packet.position = flow.data_position + flow.num_links - 1
    own = np.int64(s.route_links[packet.position])
    call_hook(s, ON_FORWARD, own, packet_id)
    s.links[own].sent_bytes += packet.wire_bytes
    c.now = now
