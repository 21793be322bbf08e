"""One link after another, packet by packet, in one compiled loop.

A flow's sender is the packet simulator's own: round robin at its host, window, pacing, congestion
control. What lies between it and the link, and behind the link, takes constant time.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from m4graph.core.compilation import kernel_digest
from m4graph.core.kernel_cache import cached_njit
from m4graph.simulators.packet.engine import POOL_MARGIN, no_room
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
    STARVED,
    TIMER,
    TX_DONE,
)
from m4graph.simulators.packet.ports import free_packet, is_idle
from m4graph.simulators.packet.state import State
from m4graph.simulators.parsimon.layout import (
    ACK_BACK,
    CATCH_UP,
    NO_ACK,
    ORDER_BITS,
    TARGET,
    TIME_BITS,
    LinkRun,
)
from m4graph.simulators.parsimon.link_queue import (
    arrive,
    catch_up,
    catch_up_in_time,
    dequeue,
    finish,
    is_alone,
    let_come,
    tx_ticks_of,
)
from m4graph.simulators.parsimon.setting_up import begin_link, queue_next_start
from m4graph.simulators.parsimon.uplink import simulate_uplink


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
    nic.free_ticks = c.now + tx_ticks_of(s, nic, packet.wire_bytes)
    _wait_for_next(s, node, nic_id, nic, flow)
    is_last = flow.snd_nxt == flow.size_bytes
    if is_last:
        w.sending_ticks[leg.row] = c.now - leg.start_ticks
    way_ticks, gap_ticks = leg.to_full_ticks, leg.to_gap_full_ticks
    if is_last:
        way_ticks, gap_ticks = leg.to_last_ticks, leg.to_gap_last_ticks
    if w.spot[0].is_uplink:
        finish(s, w, local, packet_id, nic.free_ticks, is_last)
        return
    arrival_ticks = max(nic.free_ticks + way_ticks, leg.last_arrival_ticks + gap_ticks)
    leg.last_arrival_ticks = arrival_ticks
    serial = take_serial(s)
    if leg.to_hop_ticks > 0:
        serial = (arrival_ticks - leg.to_hop_ticks) << ORDER_BITS
    if w.spot[0].keeps_order:
        let_come(s, w, arrival_ticks, serial, packet_id)
    else:
        push_with_serial(s, arrival_ticks, ARRIVE, TARGET, packet_id, serial)


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
def _acknowledge(s, w, local, packet_id):
    """An ACK is back: the sender learns what it needs to, if it has anything left to send."""
    packet = s.packets[packet_id]
    flow = s.flows[local]
    catch_up(s, w, s.control[0].now, s.control[0].serial)
    dequeue(s, w, s.control[0].now, s.control[0].serial)
    packet.seq += packet.wire_bytes - s.config[0].data_overhead_bytes
    flow.snd_una = packet.seq
    if flow.snd_nxt < flow.size_bytes or not is_alone(s, s.nodes[flow.src]):
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

    @cached_njit(nogil=True, _nrt=False)
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
            # One event may have all that comes to the link worked out, with an ACK each.
            if no_room(s, POOL_MARGIN + spot.after_coming - spot.first_coming):
                return GROW_POOLS
            if c.now >> TIME_BITS > 0:
                return STARVED
            index = pop(s)
            event = s.events[index]
            kind, a, b = np.int64(event.kind), np.int64(event.a), np.int64(event.b)
            release(s, index)
            c.next_serial = max(c.next_serial, c.now << ORDER_BITS)
            nic_id = np.int64(NONE)
            if kind == ARRIVE:
                arrive(s, w, b, c.now, c.serial)
            elif kind == CATCH_UP:
                catch_up_in_time(s, w, b)
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
