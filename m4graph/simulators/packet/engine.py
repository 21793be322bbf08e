"""The event loop: one compiled function for all congestion-control algorithms."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from m4graph.core.compilation import kernel_digest
from m4graph.core.kernel_cache import cached_njit
from m4graph.simulators.packet.events import (
    only_idle_left,
    pop,
    push,
    queue_requests,
    release,
    take_call,
    timer_expired,
)
from m4graph.simulators.packet.fault_kernels import is_lost
from m4graph.simulators.packet.hooks import (
    ACKNOWLEDGE,
    ON_ACK,
    ON_DEADLINE,
    ON_FORWARD,
    ON_SEND,
    ON_TIMER,
    RECEIVE,
    call_hook,
)
from m4graph.simulators.packet.hosts import next_of_nic, wake
from m4graph.simulators.packet.jit import inline_kernel, kernel
from m4graph.simulators.packet.layout import (
    ACK,
    ARRIVE,
    CALL,
    CALLED,
    COME_OUT,
    DATA,
    DEADLINE,
    DRAIN,
    FINISHED,
    FLOWS_INSTALL,
    FLOWS_READ,
    FLOWS_START,
    GROW_POOLS,
    NACK,
    NIC_WAKE,
    NONE,
    PAUSE,
    PAUSED,
    RESUME,
    STARVED,
    TIMER,
    TX_DONE,
)
from m4graph.simulators.packet.link_hook_kernels import come_out, is_held_back, is_taken
from m4graph.simulators.packet.observe.label_kernels import (
    labels_have_room,
    record_departure,
)
from m4graph.simulators.packet.observe.taps import note_arrived, note_paused, taps_have_room
from m4graph.simulators.packet.ports import (
    dequeue_priority,
    free_packet,
    is_idle,
    next_of_port,
    switch_receive,
    transmit,
)
from m4graph.simulators.packet.starts import read_flows, start_flow, start_followers
from m4graph.simulators.packet.state import State
from m4graph.simulators.packet.variants import has_link_hook

POOL_MARGIN = 64
"""Free records that one event may need at most: a few transmissions, and PFC frames."""


@inline_kernel
def _next_with_priority(s, link_id):
    """First packet of a link's strict-priority queue, ``NONE`` if it must not send any.

    A switch's own PFC frames are never held back. A host has nothing but ACKs there: without a
    priority of their own they obey a pause, although they go before the data.
    """
    link = s.links[link_id]
    if link.paused and link.from_host and not s.config[0].ack_priority:
        return NONE
    return dequeue_priority(s, link_id)


@kernel
def _obey_pfc(s, link_id, packet_id):
    """A PAUSE or RESUME has come in over a link: stop or start the data queue of the way back."""
    pause = s.packets[packet_id].kind == PAUSE
    free_packet(s, packet_id)
    back = link_id ^ 1
    if not s.config[0].pfc:
        return NONE
    s.links[back].paused = pause
    note_paused(s, back, pause)
    return NONE if pause else back


@inline_kernel
def _receive_data(s, packet_id):
    flow_id = np.int64(s.packets[packet_id].flow)
    link_id = call_hook(s, RECEIVE, flow_id, packet_id)
    flow = s.flows[flow_id]
    if flow.rcv_nxt >= flow.size_bytes and flow.finish_ticks < 0:
        flow.finish_ticks = s.control[0].now
        s.control[0].num_finished += 1
        s.control[0].last_finished = flow_id
        if s.config[0].record_labels:
            record_departure(s, flow_id)
    return link_id


@inline_kernel
def no_room(s, margin):
    """Whether one more event might need more records than the free lists hold: packets, and so many
    events.
    """
    c = s.control[0]
    return (
        c.packets_left < POOL_MARGIN
        or c.events_left < c.heap_size + margin
        or len(s.heap) < c.heap_size + margin
    )


@inline_kernel
def _arrive(s, link_id, packet_id):
    kind = s.packets[packet_id].kind
    if kind == PAUSE or kind == RESUME:
        return _obey_pfc(s, link_id, packet_id)
    if not s.links[link_id].to_host:
        return switch_receive(s, link_id, packet_id)
    return _receive_data(s, packet_id)


@inline_kernel
def _is_answer(s, link_id, packet_id):
    """Whether the packet that is complete at the end of a link is an ACK at its sender."""
    kind = s.packets[packet_id].kind
    return s.links[link_id].to_host and (kind == ACK or kind == NACK)


def _build(digest: str) -> Callable[..., int]:
    """Compiles the loop.

    What the loop closes over is part of numba's cache key, so it must be the same in every
    process; ``digest`` changes with any source.
    """

    @cached_njit(nogil=True, _nrt=False)
    def run(s, max_events):
        digest  # noqa: B018 - makes it part of the cache key
        c = s.control[0]
        queue_requests(s)
        for _ in range(max_events):
            if no_room(s, POOL_MARGIN):
                return GROW_POOLS
            if c.num_finished == c.stop_at and not start_followers(s):
                return FINISHED
            if s.config[0].record_labels and not labels_have_room(s):
                return DRAIN
            if not taps_have_room(s, POOL_MARGIN):
                return DRAIN
            index = pop(s)
            if index < 0:
                return STARVED
            event = s.events[index]
            # Of one width, so that what is called with them is compiled once.
            kind, a, b = np.int64(event.kind), np.int64(event.a), np.int64(event.b)
            release(s, index)
            link_id = np.int64(NONE)
            if kind == TX_DONE:
                s.links[a].busy = False
                link_id = a
            elif kind == ARRIVE:
                if is_lost(s, a, b):
                    free_packet(s, b)
                    continue
                note_arrived(s, a, b)
                if is_taken(s, a, b):
                    continue
                if _is_answer(s, a, b):
                    flow_id = np.int64(s.packets[b].flow)
                    call_hook(s, ACKNOWLEDGE, flow_id, b)
                    call_hook(s, ON_ACK, flow_id, b)
                    link_id = s.nodes[s.flows[flow_id].src].uplink
                    free_packet(s, b)
                else:
                    link_id = _arrive(s, a, b)
            elif kind == NIC_WAKE:
                if wake(s, a, b):
                    link_id = s.nodes[a].uplink
            elif kind == TIMER:
                timer = timer_expired(s, a, b)
                if timer >= 0:
                    call_hook(s, ON_TIMER, a, timer)
                if only_idle_left(s):
                    return STARVED
            elif kind == DEADLINE:
                link_id = call_hook(s, ON_DEADLINE, a, b)
                if link_id < 0 and only_idle_left(s):
                    return STARVED
            elif kind == FLOWS_READ:
                read_flows(s)
            elif kind == FLOWS_INSTALL:
                push(s, c.now, FLOWS_START, a, b)
            elif kind == FLOWS_START:
                link_id = start_flow(s, a, b)
            elif kind == CALL:
                take_call(s, a, b)
                return CALLED
            elif has_link_hook(s) and kind == COME_OUT:
                come_out(s, a, b)
                link_id = a
            if link_id < 0 or not is_idle(s, link_id) or is_held_back(s, link_id):
                continue
            packet_id = _next_with_priority(s, link_id)
            if packet_id < 0:
                if s.links[link_id].from_host:
                    packet_id = next_of_nic(s, s.links[link_id].src)
                    if packet_id >= 0:
                        call_hook(s, ON_SEND, np.int64(s.packets[packet_id].flow), packet_id)
                else:
                    packet_id = next_of_port(s, link_id)
                    if packet_id >= 0 and s.packets[packet_id].kind == DATA:
                        call_hook(s, ON_FORWARD, link_id, packet_id)
            if packet_id >= 0:
                transmit(s, link_id, packet_id)
        return PAUSED

    return run  # type: ignore[no-any-return]


@cache
def engine() -> Callable[[State, int], int]:
    """The compiled loop ``run(state, max_events) -> reason``."""
    return _build(kernel_digest(__name__))
