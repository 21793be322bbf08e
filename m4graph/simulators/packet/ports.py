"""Links and the switch ports that feed them: queues, strict priority, ECN, transmission."""

from __future__ import annotations

from m4graph.simulators.packet.division import quotient
from m4graph.simulators.packet.events import push, push_with_serial, take_serial
from m4graph.simulators.packet.fault_kernels import count_sent
from m4graph.simulators.packet.jit import inline_kernel, kernel
from m4graph.simulators.packet.layout import (
    ACK,
    ARRIVE,
    DATA,
    NACK,
    NONE,
    PAUSE,
    RESUME,
    TX_DONE,
)
from m4graph.simulators.packet.mrg32k3a import next_number
from m4graph.simulators.packet.observe.taps import note_dropped, note_pfc_sent, note_sent
from m4graph.simulators.packet.queues import admit, take_out

_PFC_WIRE_BYTES = 43


@inline_kernel
def transmit(s, link_id, packet_id):
    """Puts a packet on an idle link. ns-3 inserts the end of sending before the reception."""
    c = s.control[0]
    link = s.links[link_id]
    wire_bytes = s.packets[packet_id].wire_bytes
    config = s.config[0]
    if wire_bytes == config.payload_bytes + config.data_overhead_bytes:
        tx_ticks = link.full_tx_ticks
    elif wire_bytes == config.ack_wire_bytes:
        tx_ticks = link.ack_tx_ticks
    else:
        tx_ticks = quotient(wire_bytes * config.byte_ticks, link.rate_bps)
    link.busy = True
    link.free_ticks = c.now + tx_ticks
    link.sent_bytes += wire_bytes
    c.packet_hops += 1
    count_sent(s, link_id)
    note_sent(s, link_id, packet_id, tx_ticks)
    if link.from_host or link.head >= 0 or link.priority_head >= 0:
        push(s, link.free_ticks, TX_DONE, link_id, 0)
    else:
        link.free_serial = take_serial(s)
    push(s, link.free_ticks + link.delay_ticks, ARRIVE, link_id, packet_id)


@inline_kernel
def is_idle(s, link_id):
    """Whether a link may send a packet that has just come to its queues, or must finish another.

    A switch port with empty queues has nothing to do when its packet is sent. That event is
    therefore queued only if a packet comes before it, at the place that it would have had.
    """
    c = s.control[0]
    link = s.links[link_id]
    if not link.busy:
        return True
    if link.free_serial < 0:
        return False
    sent = link.free_ticks < c.now or (link.free_ticks == c.now and link.free_serial < c.serial)
    if sent:
        link.busy = False
    else:
        push_with_serial(s, link.free_ticks, TX_DONE, link_id, 0, link.free_serial)
    link.free_serial = NONE
    return sent


@inline_kernel
def enqueue_priority(s, link_id, packet_id):
    """Appends a packet to the strict-priority queue: never marked or counted."""
    link = s.links[link_id]
    s.packets[packet_id].next = NONE
    if link.priority_head < 0:
        link.priority_head = packet_id
    else:
        s.packets[link.priority_tail].next = packet_id
    link.priority_tail = packet_id


@inline_kernel
def dequeue_priority(s, link_id):
    """Takes the first packet off the strict-priority queue; ``NONE`` if it is empty."""
    link = s.links[link_id]
    packet_id = link.priority_head
    if packet_id >= 0:
        link.priority_head = s.packets[packet_id].next
    return packet_id


@inline_kernel
def enqueue(s, link_id, packet_id):
    """Appends a packet to the data queue, which has room for it."""
    link = s.links[link_id]
    packet = s.packets[packet_id]
    packet.next = NONE
    if link.head < 0:
        link.head = packet_id
    else:
        s.packets[link.tail].next = packet_id
    link.tail = packet_id
    link.queue_bytes += packet.wire_bytes


@inline_kernel
def free_packet(s, packet_id):
    """Gives a packet's record back to the free list."""
    c = s.control[0]
    s.packets[packet_id].next = c.free_packet
    c.free_packet = packet_id
    c.packets_left += 1


@inline_kernel
def switch_receive(s, link_id, packet_id):
    """A packet is complete at a switch: choose its port, queue it there if there is room.

    Returns:
        The link that now has something to send, or ``NONE`` if the packet was dropped.
    """
    packet = s.packets[packet_id]
    packet.position += 1
    out_link = s.route_links[packet.position]
    is_ack = packet.kind == ACK or packet.kind == NACK
    if is_ack and s.config[0].ack_priority:
        enqueue_priority(s, out_link, packet_id)
        return out_link
    packet.ingress = link_id
    accepted, pause = admit(s, link_id, out_link, packet)
    if not accepted:
        s.control[0].packets_dropped += 1
        note_dropped(s, out_link, packet_id)
        free_packet(s, packet_id)
        return NONE
    if pause:
        send_pfc(s, link_id, True)
    enqueue(s, out_link, packet_id)
    return out_link


@inline_kernel
def next_of_port(s, link_id):
    """Takes the data packet that an idle switch port sends next; ``NONE`` if it may send none."""
    link = s.links[link_id]
    packet_id = link.head
    if packet_id < 0 or link.paused:
        return NONE
    packet = s.packets[packet_id]
    link.head = packet.next
    link.queue_bytes -= packet.wire_bytes
    resume = take_out(s, link_id, packet)
    if link.queue_bytes > link.kmin_bytes:
        _mark(s, link, packet)
    if resume:
        send_pfc(s, packet.ingress, False)
    return packet_id


@kernel
def send_pfc(s, link_id, pause):
    """Sends a PAUSE or RESUME frame back over a link, from the strict-priority queue."""
    if s.nodes[s.links[link_id].dst].sends_no_pause:
        return
    c = s.control[0]
    packet_id = c.free_packet
    packet = s.packets[packet_id]
    c.free_packet = packet.next
    c.packets_left -= 1
    packet.kind = PAUSE if pause else RESUME
    packet.wire_bytes = _PFC_WIRE_BYTES
    c.pauses_sent += pause
    note_pfc_sent(s, link_id, pause)
    back = link_id ^ 1
    enqueue_priority(s, back, packet_id)
    if is_idle(s, back):
        transmit(s, back, dequeue_priority(s, back))


@inline_kernel
def _mark(s, link, packet):
    """ECN at dequeue, by what the packet leaves behind (docs/packet-model.md, ECN).

    An ACK in the data queue takes a random number, too, but its mark would mean nothing.
    """
    marked = True
    if link.queue_bytes <= link.kmax_bytes:
        span = link.kmax_bytes - link.kmin_bytes
        chance = s.config[0].pmax * (link.queue_bytes - link.kmin_bytes) / span
        marked = next_number(s.marking) < chance
    if marked and packet.kind == DATA:
        packet.marked = True
