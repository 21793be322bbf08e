"""One link after another, packet by packet, in one compiled loop.

A flow's sender is the packet simulator's own: round robin at its host, window, pacing, congestion
control. What lies between it and the link, and behind the link, takes constant time. At the link
there is one queue, first in first out, so when a packet comes, it is known when it will leave. It
is dequeued later, in the order of time, since its mark depends on what it leaves behind.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numba import njit

from m4graph.core.compilation import kernel_digest
from m4graph.simulators.packet.division import quotient
from m4graph.simulators.packet.engine import no_room
from m4graph.simulators.packet.events import (
    pop,
    push,
    push_with_serial,
    release,
    take_serial,
    timer_expired,
)
from m4graph.simulators.packet.hooks import (
    ON_ACK,
    ON_FORWARD,
    ON_SEND,
    ON_TIMER,
    call_hook,
)
from m4graph.simulators.packet.hosts import next_of_nic, wake
from m4graph.simulators.packet.jit import inline_kernel, kernel
from m4graph.simulators.packet.layout import (
    ARRIVE,
    FINISHED,
    FLOWS_START,
    GROW_POOLS,
    NIC_WAKE,
    NONE,
    PAUSED,
    TIMER,
    TX_DONE,
)
from m4graph.simulators.packet.ports import enqueue, free_packet, is_idle
from m4graph.simulators.packet.split_mix import next_uniform
from m4graph.simulators.packet.state import State
from m4graph.simulators.parsimon.layout import (
    ACK_BACK,
    ANSWERED,
    CATCH_UP,
    NO_ACK,
    ORDER_BITS,
    TARGET,
    LinkRun,
)
from m4graph.simulators.parsimon.setting_up import begin_link, queue_next_start
from m4graph.simulators.parsimon.uplink import simulate_uplink

_MASK = 2**31 - 1
"""Of what fits into an event."""


@inline_kernel
def _tx_ticks(s, link, wire_bytes):
    config = s.config[0]
    if wire_bytes == config.payload_bytes + config.data_overhead_bytes:
        return link.full_tx_ticks
    return quotient(wire_bytes * config.byte_ticks, link.rate_bps)


@kernel
def _start_flow(s, w):
    """Starts one flow; the others of its nanosecond follow, before anything else."""
    spot = w.spot[0]
    local = spot.num_started
    spot.num_started += 1
    host = np.int64(s.flows[local].src)
    node = s.nodes[host]
    s.host_flows[node.flows_start + node.num_flows] = local
    node.num_flows += 1
    nic = s.links[node.uplink]
    if nic.free_serial >= 0 and nic.free_ticks > s.control[0].now:
        # It was foreseen that a flow alone would wake the NIC next.
        node.wake_ticks = NONE
        node.wake_version += 1
    queue_next_start(s, w)
    return node.uplink


@inline_kernel
def _send(s, w, nic_id, packet_id):
    """Puts a packet on the wire of an idle NIC; all is known up to its arrival at the link."""
    c = s.control[0]
    nic = s.links[nic_id]
    packet = s.packets[packet_id]
    local = np.int64(packet.flow)
    flow, leg = s.flows[local], w.legs[local]
    node = s.nodes[flow.src]
    w.spot[0].num_packets += 1
    nic.busy = True
    nic.free_ticks = c.now + _tx_ticks(s, nic, packet.wire_bytes)
    _wait_for_next(s, node, nic_id, nic, flow)
    is_last = flow.snd_nxt == flow.size_bytes
    if is_last:
        w.sending_ticks[leg.row] = c.now - leg.start_ticks
    way_ticks, gap_ticks = leg.to_full_ticks, leg.to_gap_full_ticks
    if is_last:
        way_ticks, gap_ticks = leg.to_last_ticks, leg.to_gap_last_ticks
    if w.spot[0].is_uplink:
        _finish(s, w, local, packet_id, nic.free_ticks, is_last)
        return
    arrival_ticks = max(nic.free_ticks + way_ticks, leg.last_arrival_ticks + gap_ticks)
    leg.last_arrival_ticks = arrival_ticks
    serial = take_serial(s)
    if leg.to_hop_ticks > 0:
        serial = (arrival_ticks - leg.to_hop_ticks) << ORDER_BITS
    if w.spot[0].keeps_order:
        _let_come(s, w, arrival_ticks, serial, packet_id)
    else:
        push_with_serial(s, arrival_ticks, ARRIVE, TARGET, packet_id, serial)


@inline_kernel
def _let_come(s, w, arrival_ticks, serial, packet_id):
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
def _catch_up(s, w, now, serial):
    """Works out what has come to the link before an event of this time and serial."""
    spot = w.spot[0]
    mask = len(w.coming) - 1
    while spot.first_coming < spot.after_coming:
        first = w.coming[spot.first_coming & mask]
        if first.arrival_ticks > now or (first.arrival_ticks == now and first.serial >= serial):
            break
        spot.first_coming += 1
        _arrive(s, w, first.packet, first.arrival_ticks, first.serial)


@kernel
def _catch_up_in_time(s, w, version):
    """The first of what has come may be acknowledged now; sees to it that there is a next time."""
    spot = w.spot[0]
    c = s.control[0]
    if version != spot.catch_up_version & _MASK:
        return
    spot.catch_up_ticks = NONE
    _catch_up(s, w, c.now, c.serial)
    if spot.first_coming < spot.after_coming:
        first = w.coming[spot.first_coming & (len(w.coming) - 1)]
        _see_to_it(s, w, first.arrival_ticks + spot.way_back_ticks)


@inline_kernel
def _wait_for_next(s, node, nic_id, nic, flow):
    """Queues what the NIC wakes by, once the packet on its wire is sent.

    The end of sending is an event only if there may be something to send then. Otherwise it is
    queued when a flow starts or an ACK comes before it (``is_idle``).
    """
    in_flight = flow.snd_nxt - flow.snd_una
    has_window = flow.window_bytes == 0 or in_flight < flow.window_bytes
    is_paced = flow.next_send_ticks > nic.free_ticks
    is_over = flow.snd_nxt == flow.size_bytes
    # With reports, an ACK moves the flow's next sending, also while the NIC is busy.
    is_simple = node.num_flows == 1 and s.hooks[ON_FORWARD] == 0
    if not is_simple or (has_window and not is_paced and not is_over):
        push(s, nic.free_ticks, TX_DONE, nic_id, 0)
        return
    nic.free_serial = take_serial(s)
    if is_paced and not is_over and node.wake_ticks < 0:
        # As the end of sending would, in the order in which NICs began to send.
        node.wake_ticks = flow.next_send_ticks
        node.wake_version += 1
        order = nic.free_serial & ((1 << ORDER_BITS) - 1)
        serial = (nic.free_ticks << ORDER_BITS) + order + 1
        push_with_serial(s, flow.next_send_ticks, NIC_WAKE, flow.src, node.wake_version, serial)


@inline_kernel
def _finish(s, w, local, packet_id, sent_ticks, is_last):
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
    if not is_last and flow.snd_nxt == flow.size_bytes and _is_alone(s, s.nodes[flow.src]):
        packet.kind = NO_ACK
        if spot.is_uplink:
            free_packet(s, packet_id)
        return
    packet.kind = ANSWERED
    ack_ticks += leg.ack_ticks
    serial = (ack_ticks - leg.ack_hop_ticks) << ORDER_BITS
    push_with_serial(s, ack_ticks, ACK_BACK, local, packet_id, serial)


@inline_kernel
def _is_alone(s, node):
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


@inline_kernel
def _arrive(s, w, packet_id, now, serial):
    """A packet comes to the link's queue."""
    target = s.links[TARGET]
    packet = s.packets[packet_id]
    local = np.int64(packet.flow)
    flow = s.flows[local]
    _dequeue(s, w, now, serial)
    enqueue(s, TARGET, packet_id)
    w.spot[0].most_queued_bytes = max(w.spot[0].most_queued_bytes, target.queue_bytes)
    start_ticks = max(now, target.free_ticks)
    w.tx_start_ticks[packet_id] = start_ticks
    target.free_ticks = start_ticks + _tx_ticks(s, target, packet.wire_bytes)
    is_last = packet.seq + packet.wire_bytes - s.config[0].data_overhead_bytes == flow.size_bytes
    _finish(s, w, local, packet_id, target.free_ticks, is_last)
    if start_ticks == now:
        # It leaves at once, before others that come in the same nanosecond.
        _dequeue_first(s, w)


@inline_kernel
def _dequeue(s, w, now, serial):
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
def _acknowledge(s, w, local, packet_id):
    """An ACK is back: the sender learns what it needs to, if it has anything left to send."""
    packet = s.packets[packet_id]
    flow = s.flows[local]
    _catch_up(s, w, s.control[0].now, s.control[0].serial)
    _dequeue(s, w, s.control[0].now, s.control[0].serial)
    packet.seq += packet.wire_bytes - s.config[0].data_overhead_bytes
    flow.snd_una = packet.seq
    if flow.snd_nxt < flow.size_bytes or not _is_alone(s, s.nodes[flow.src]):
        call_hook(s, ON_ACK, local, packet_id)
    free_packet(s, packet_id)
    return s.nodes[flow.src].uplink


@kernel
def _end_link(s, w):
    """All flows of a link are through: clears what is still queued."""
    spot = w.spot[0]
    target = s.links[TARGET]
    w.most_queued_bytes[spot.position] = spot.most_queued_bytes
    while target.head >= 0:
        packet_id = np.int64(target.head)
        target.head = s.packets[packet_id].next
        if s.packets[packet_id].kind == NO_ACK:
            free_packet(s, packet_id)
    while True:
        index = pop(s)
        if index < 0:
            break
        if s.events[index].kind == ACK_BACK:
            free_packet(s, np.int64(s.events[index].b))
        release(s, index)
    s.control[0].idle_events = 0
    spot.is_running = False
    spot.position += 1


def _build(digest: str) -> Callable[..., int]:
    """Compiles the loop; ``digest`` changes with any source that it depends on."""

    @njit(cache=True, nogil=True, _nrt=False)
    def run(s, w, max_events):
        digest  # noqa: B018 - makes it part of the cache key
        c = s.control[0]
        spot = w.spot[0]
        for _ in range(max_events):
            if not spot.is_running:
                if spot.position == len(w.links):
                    return FINISHED
                begin_link(s, w)
                if spot.is_uplink and spot.marks_only:
                    simulate_uplink(s, w)
            if spot.num_left == 0:
                _end_link(s, w)
                continue
            if no_room(s):
                return GROW_POOLS
            index = pop(s)
            event = s.events[index]
            kind, a, b = np.int64(event.kind), np.int64(event.a), np.int64(event.b)
            release(s, index)
            c.next_serial = max(c.next_serial, c.now << ORDER_BITS)
            nic_id = np.int64(NONE)
            if kind == ARRIVE:
                _arrive(s, w, b, c.now, c.serial)
            elif kind == CATCH_UP:
                _catch_up_in_time(s, w, b)
            elif kind == ACK_BACK:
                nic_id = np.int64(_acknowledge(s, w, a, b))
            elif kind == TX_DONE:
                s.links[a].busy = False
                nic_id = a
                # What it queues keeps the order in which NICs began to send.
                order = c.serial & ((1 << ORDER_BITS) - 1)
                c.next_serial = max(c.next_serial, (c.now << ORDER_BITS) + order)
            elif kind == NIC_WAKE:
                if wake(s, a, b):
                    nic_id = np.int64(s.nodes[a].uplink)
            elif kind == FLOWS_START:
                nic_id = np.int64(_start_flow(s, w))
            elif kind == TIMER:
                timer = timer_expired(s, a, b)
                if timer >= 0:
                    call_hook(s, ON_TIMER, a, timer)
            if nic_id < 0 or not is_idle(s, nic_id):
                continue
            packet_id = next_of_nic(s, np.int64(s.links[nic_id].src))
            if packet_id >= 0:
                call_hook(s, ON_SEND, np.int64(s.packets[packet_id].flow), packet_id)
                _send(s, w, nic_id, packet_id)
        return PAUSED

    return run  # type: ignore[no-any-return]


@cache
def link_loop() -> Callable[[State, LinkRun, int], int]:
    """The compiled loop ``run(state, link_run, max_events) -> reason``."""
    return _build(kernel_digest(__name__))
