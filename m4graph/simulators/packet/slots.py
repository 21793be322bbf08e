"""A slot of the event queue's wheel: a list of events, by tick and by insertion (numba).

A slot of many ticks has its events sorted. Those of one tick stand together, and the first and the
last of them know each other (``end``), so that a tick is passed at once.
"""

from __future__ import annotations

import numpy as np
from numba.extending import overload
from numba.np.numpy_support import from_dtype

from m4graph.simulators.packet.jit import inline_kernel, kernel
from m4graph.simulators.packet.layout import FINE_SLOT, NONE, WIDE_SLOT
from m4graph.simulators.packet.state import State

_KIND_BITS = 4
"""Of a slot of many ticks, an event's own stands above its kind."""


def ticks_per_slot(s: State) -> int:
    """How many ticks a slot has; known from the type of the slots when a loop is compiled."""
    return {FINE_SLOT: 1000, WIDE_SLOT: 16}.get(s.slots.dtype, 1)


@overload(ticks_per_slot, inline="always")
def _ticks_per_slot(s):
    slots = s.arrays["slots"]
    if slots.dtype == from_dtype(FINE_SLOT):
        return lambda s: 1000
    if slots.dtype == from_dtype(WIDE_SLOT):
        return lambda s: 16
    return lambda s: 1


@inline_kernel
def slot_number(s, time_ticks):
    """Which slot a time is in, counted from 0 on, round and round the wheel."""
    return time_ticks // ticks_per_slot(s) if ticks_per_slot(s) > 1 else time_ticks


@kernel
def insert(s, time_ticks, index):
    """Sorts an event into its slot, by the tick inside it and the serial."""
    number = slot_number(s, time_ticks)
    inside = 0
    if ticks_per_slot(s) > 1:
        inside = time_ticks - number * ticks_per_slot(s)
        s.events[index].kind |= inside << _KIND_BITS
    position = number & (len(s.slots) - 1)
    slot = s.slots[position]
    if slot.head < 0:
        slot.head = index
        slot.tail = index
        s.events[index].end = index
        s.occupied[position >> 6] |= np.uint64(1) << np.uint64(position & 63)
        return
    before = slot.tail
    if not _precedes(s, before, inside, s.events[index].serial):
        before = _last_preceding(s, slot.head, inside, s.events[index].serial)
    following = slot.head
    if before < 0:
        slot.head = index
    else:
        following = s.events[before].next
        s.events[before].next = index
    s.events[index].next = following
    if following < 0:
        slot.tail = index
    join_tick(s, before, index, following)


@kernel
def _last_preceding(s, first, inside, serial):
    """The last event of a slot that comes before another one, ``NONE`` if none does.

    The slot's last one does not. Events of one tick are passed at once: where many hosts keep
    step, there are hundreds of them.
    """
    before = NONE
    following = first
    if ticks_per_slot(s) > 1:
        while s.events[following].kind >> _KIND_BITS < inside:
            before = s.events[following].end
            following = s.events[before].next
        last = s.events[following].end
        if _precedes(s, last, inside, serial):
            return last
    while _precedes(s, following, inside, serial):
        before = following
        following = s.events[following].next
    return before


@inline_kernel
def join_tick(s, before, index, following):
    """An event has come between two: the first and the last of its tick know each other."""
    if ticks_per_slot(s) == 1:
        return
    event = s.events[index]
    tick = event.kind >> _KIND_BITS
    is_first = before < 0 or s.events[before].kind >> _KIND_BITS != tick
    is_last = following < 0 or s.events[following].kind >> _KIND_BITS != tick
    event.end = index
    if is_last and not is_first:
        event.end = s.events[before].end
    elif is_first and not is_last:
        event.end = s.events[following].end
    if is_first or is_last:
        s.events[event.end].end = index


@inline_kernel
def _precedes(s, index, inside, serial):
    event = s.events[index]
    if ticks_per_slot(s) > 1 and event.kind >> _KIND_BITS != inside:
        return event.kind >> _KIND_BITS < inside
    return event.serial < serial


@inline_kernel
def leave_tick(s, index):
    """The first event of a tick goes; the next one takes its place."""
    event = s.events[index]
    following = event.next
    if event.end != index:
        s.events[following].end = event.end
        s.events[event.end].end = following


@kernel
def enter_tick(s, index):
    """Moves the clock inside its slot, to the time of an event."""
    c = s.control[0]
    event = s.events[index]
    c.now = c.now // ticks_per_slot(s) * ticks_per_slot(s) + (event.kind >> _KIND_BITS)
    event.kind &= (1 << _KIND_BITS) - 1
