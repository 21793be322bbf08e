"""The event queue: a timing wheel of one-nanosecond slots, and a heap for what lies beyond it.

ns-3 runs events in the order (time, insertion). A slot is a list in order of insertion, so it keeps
that order for nothing. An event beyond the wheel's horizon waits in a heap and moves to its slot
before anything else can be put there, so the order holds across both. Two kinds of events are
sorted into the list of their slot: one that is queued later than ns-3 does (``push_with_serial``),
and all of them if a slot has more than one tick.

A flow has a few numbered timers for its congestion control. Starting one anew voids what is queued
of it: an event carries the timer's version, and an old version is skipped. Timers only set rates.
What sets packets in motion, a transport's timeout, is a ``DEADLINE``.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from m4graph.simulators.packet.jit import inline_kernel, kernel, prefetch
from m4graph.simulators.packet.layout import CALL, NONE, TIMER
from m4graph.simulators.packet.slots import (
    enter_tick,
    insert,
    join_tick,
    leave_tick,
    slot_number,
    ticks_per_slot,
)
from m4graph.simulators.packet.state import State

_WORD_BITS = 64
_ALL_BITS = np.uint64(0xFFFFFFFFFFFFFFFF)


@intrinsic
def _trailing_zeros(typingctx, word):
    """Number of zero bits below the lowest set bit of a uint64 (one machine instruction)."""

    def codegen(context, builder, signature, args):
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), codegen


@inline_kernel
def push(s, time_ticks, kind, a, b):
    """Queues an event. The caller has made sure that both pools have room (``GROW_POOLS``).

    Integers come in many widths; of one width they need what is called here compiled once.
    """
    _queue(s, np.int64(time_ticks), np.int64(kind), np.int64(a), np.int64(b))


@inline_kernel
def _queue(s, time_ticks, kind, a, b):
    serial = take_serial(s)
    if not _is_far(s, time_ticks):
        _append(s, time_ticks, kind, a, b, serial)
    else:
        _push_far(s, time_ticks, kind, a, b, serial)


@inline_kernel
def take_serial(s):
    """The place of an event among those of its time that is queued now."""
    c = s.control[0]
    c.next_serial += 1
    return c.next_serial


@kernel
def push_with_serial(s, time_ticks, kind, a, b, serial):
    """Queues an event at the place that :func:`take_serial` gave it before."""
    if _is_far(s, time_ticks):
        _push_far(s, time_ticks, kind, a, b, serial)
    else:
        insert(s, time_ticks, _new_event(s, kind, a, b, serial))


@inline_kernel
def _is_far(s, time_ticks):
    return slot_number(s, time_ticks) - slot_number(s, s.control[0].now) >= len(s.slots)


@inline_kernel
def _new_event(s, kind, a, b, serial):
    c = s.control[0]
    index = c.free_event
    event = s.events[index]
    c.free_event = event.next
    c.events_left -= 1
    event.next = NONE
    event.kind = kind
    event.a = a
    event.b = b
    event.serial = serial
    return index


@inline_kernel
def _append(s, time_ticks, kind, a, b, serial):
    index = _new_event(s, kind, a, b, serial)
    if ticks_per_slot(s) > 1:
        insert(s, time_ticks, index)
        return
    position = time_ticks & (len(s.slots) - 1)
    slot = s.slots[position]
    if slot.head < 0:
        slot.head = index
        s.occupied[position >> 6] |= np.uint64(1) << np.uint64(position & 63)
    else:
        s.events[slot.tail].next = index
    slot.tail = index


@kernel
def push_front(s, kind, a, b):
    """Queues an event of this instant before all others of it: a part of the one that runs."""
    c = s.control[0]
    slot = s.slots[slot_number(s, c.now) & (len(s.slots) - 1)]
    following = slot.head
    tail = slot.tail
    slot.head = NONE
    _append(s, c.now, kind, a, b, c.serial)
    if following >= 0:
        s.events[slot.head].next = following
        slot.tail = tail
        join_tick(s, NONE, slot.head, following)


@kernel
def _push_far(s, time_ticks, kind, a, b, serial):
    c = s.control[0]
    heap = s.heap
    hole = c.heap_size
    c.heap_size += 1
    while hole > 0:
        parent = (hole - 1) >> 1
        if heap[parent].time_ticks < time_ticks or (
            heap[parent].time_ticks == time_ticks and heap[parent].serial < serial
        ):
            break
        heap[hole] = heap[parent]
        hole = parent
    heap[hole].time_ticks = time_ticks
    heap[hole].serial = serial
    heap[hole].kind = kind
    heap[hole].a = a
    heap[hole].b = b


@kernel
def _pop_far(s):
    """Moves the earliest far event into its slot."""
    c = s.control[0]
    heap = s.heap
    top = heap[0]
    _append(s, top.time_ticks, np.int64(top.kind), np.int64(top.a), np.int64(top.b), top.serial)
    c.heap_size -= 1
    size = c.heap_size
    last = heap[size]
    hole = 0
    while True:
        child = 2 * hole + 1
        if child >= size:
            break
        if child + 1 < size and _earlier(heap[child + 1], heap[child]):
            child += 1
        if not _earlier(heap[child], last):
            break
        heap[hole] = heap[child]
        hole = child
    heap[hole] = last


@inline_kernel
def _earlier(x, y):
    return x.time_ticks < y.time_ticks or (x.time_ticks == y.time_ticks and x.serial < y.serial)


@inline_kernel
def pop(s):
    """Takes the next event and moves the clock to it.

    Returns:
        Index of the event's record, still allocated (``release`` it); ``NONE`` if none is left.
    """
    position = slot_number(s, s.control[0].now) & (len(s.slots) - 1)
    slot = s.slots[position]
    if slot.head < 0:
        if not _advance(s):
            return NONE
        position = slot_number(s, s.control[0].now) & (len(s.slots) - 1)
        slot = s.slots[position]
    index = slot.head
    if ticks_per_slot(s) > 1:
        leave_tick(s, index)
        enter_tick(s, index)
    s.control[0].serial = s.events[index].serial
    following = s.events[index].next
    slot.head = following
    if following < 0:
        s.occupied[position >> 6] &= ~(np.uint64(1) << np.uint64(position & 63))
    else:
        _prefetch_for(s, s.events[following])
    return index


@inline_kernel
def _prefetch_for(s, event):
    """Has the cache fetch what the next event is about, and the event after that."""
    prefetch(s.packets, event.b)
    prefetch(s.links, event.a)
    prefetch(s.events, event.next)


@inline_kernel
def release(s, index):
    """Gives an event's record back to the free list."""
    c = s.control[0]
    s.events[index].next = c.free_event
    c.free_event = index
    c.events_left += 1


@inline_kernel
def _advance(s):
    """Moves the clock to the next event's slot; False when there is none."""
    c = s.control[0]
    now = slot_number(s, c.now)
    step = _next_occupied(s, now & (len(s.slots) - 1))
    if step < 0:
        if c.heap_size == 0:
            return False
        now = slot_number(s, s.heap[0].time_ticks)
    else:
        # A far event is never earlier than one in the wheel: it would have moved in.
        now += step
    c.now = now * ticks_per_slot(s)
    horizon = (now + len(s.slots)) * ticks_per_slot(s)
    while c.heap_size > 0 and s.heap[0].time_ticks < horizon and c.events_left > 0:
        _pop_far(s)
    return True


@inline_kernel
def _next_occupied(s, position):
    """Slots from ``position`` to the next occupied one, round the wheel; ``NONE`` if none is."""
    num_words = len(s.occupied)
    first = position >> 6
    word = s.occupied[first] & (_ALL_BITS << np.uint64(position & 63))
    for offset in range(num_words + 1):
        if word != 0:
            index = (first + offset) & (num_words - 1)
            found = index * _WORD_BITS + _trailing_zeros(word)
            return (found - position) & (len(s.slots) - 1)
        word = s.occupied[(first + offset + 1) & (num_words - 1)]
    return NONE


@kernel
def start_timer(s, flow_id, timer, delay_ticks):
    """Starts a timer of a flow, or starts it anew."""
    s.timers[flow_id, timer] += 1
    code = s.timers[flow_id, timer] * s.timers.shape[1] + timer
    s.control[0].idle_events += 1
    push(s, s.control[0].now + delay_ticks, TIMER, flow_id, code)


def request_event(state: State, time_ticks: int, kind: np.int64, a: int, b: int) -> None:
    """Asks for an event, from Python; it is queued when the run goes on, in the order of asking.

    An event of kind ``CALL`` makes the run return ``CALLED`` at its time, with ``a`` in
    ``control.call_code``; ``b`` says whether the call only looks on (1), so that it keeps no run
    alive, or may set packets in motion (0).
    """
    control = state.control[0]
    state.requests[control["num_requests"]] = (time_ticks, 0, kind, a, b)
    control["num_requests"] += 1


@kernel
def queue_requests(s):
    """Queues what Python has asked for."""
    c = s.control[0]
    for index in range(c.num_requests):
        request = s.requests[index]
        if request.kind == CALL:
            c.idle_events += request.b
        push(s, request.time_ticks, request.kind, request.a, request.b)
    c.num_requests = 0


@inline_kernel
def take_call(s, code, idle):
    """A call's time has come."""
    s.control[0].idle_events -= idle
    s.control[0].call_code = code


@inline_kernel
def timer_expired(s, flow_id, code):
    """The timer whose time has come; ``NONE`` if it is void, or all of the flow is acknowledged."""
    s.control[0].idle_events -= 1
    timer = code % s.timers.shape[1]
    if s.timers[flow_id, timer] != code // s.timers.shape[1]:
        return NONE
    flow = s.flows[flow_id]
    return timer if flow.snd_una < flow.size_bytes else NONE


@inline_kernel
def only_idle_left(s):
    """Whether what is queued only sets rates or looks on, so that nothing will move again."""
    c = s.control[0]
    return len(s.events) - c.events_left + c.heap_size == c.idle_events
