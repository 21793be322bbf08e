"""What happens to a packet between the two ends of a link: faults, meters and taps.

Each hook is nothing in a run that has no faults and records nothing.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from m4graph.simulators.packet.layout import DROP, ENTER, LEAVE, LOST, NONE, PAUSE
from m4graph.simulators.packet.switches import has_faults, has_recording

# Of the generator SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_TO_UNIT = 2.0**-53


@njit(forceinline=True, _nrt=False)
def note_sent(s, link_id, packet_id, tx_ticks):
    """A packet starts on a link."""
    if has_faults(s):
        s.wires[link_id].num_sent += 1
    if has_recording(s):
        _record_sent(s, link_id, packet_id, tx_ticks)


@njit(forceinline=True, _nrt=False)
def is_lost(s, link_id, packet_id):
    """Whether a packet, whose last bit is due at the end of its link, is lost on it.

    A link that was down at any moment since the packet's first bit left has lost it. PFC frames
    are never lost: switches repeat them, and here each is sent once.
    """
    if has_faults(s):
        return _is_lost(s, link_id, packet_id)
    return False


@njit(forceinline=True, _nrt=False)
def note_arrived(s, link_id, packet_id):
    """A packet is complete at the end of its link."""
    if has_recording(s) and s.meters[link_id].tapped:
        _add_row(s, link_id, packet_id, ENTER, 0)


@njit(forceinline=True, _nrt=False)
def note_dropped(s, link_id, packet_id):
    """A packet found no room in the queue of a link."""
    if has_recording(s):
        s.meters[link_id].num_drops += 1
        if len(s.tap_rows) > 0:
            _add_row(s, link_id, packet_id, DROP, 0)


@njit(forceinline=True, _nrt=False)
def note_pfc_sent(s, link_id, pause):
    """The end of a link sends a PFC frame to its other end."""
    if has_recording(s):
        s.meters[link_id].num_pauses += pause


@njit(forceinline=True, _nrt=False)
def note_paused(s, link_id, pause):
    """A link obeys a PAUSE or a RESUME."""
    if has_recording(s):
        meter = s.meters[link_id]
        if meter.paused_since >= 0:
            meter.paused_ticks += s.control[0].now - meter.paused_since
        meter.paused_since = s.control[0].now if pause else NONE


@njit(forceinline=True, _nrt=False)
def taps_have_room(s, margin):
    """Whether the buffer of tapped packets can take so many more."""
    if has_recording(s):
        return len(s.tap_rows) == 0 or s.control[0].num_tap_rows + margin <= len(s.tap_rows)
    return True


@njit(_nrt=False)
def _is_lost(s, link_id, packet_id):
    wire = s.wires[link_id]
    wire.num_arrived += 1
    if s.packets[packet_id].kind >= PAUSE:
        return False
    lost = wire.down or wire.num_arrived <= wire.lost_until
    if wire.loss_probability > 0 and not lost:
        lost = _next_number(wire) < wire.loss_probability
    if lost:
        s.control[0].packets_lost += 1
        if has_recording(s):
            s.meters[link_id].num_lost += 1
            if len(s.tap_rows) > 0:
                _add_row(s, link_id, packet_id, LOST, 0)
    return lost


@njit(forceinline=True, _nrt=False)
def _next_number(wire):
    """The next number of the link's own generator, in [0, 1)."""
    wire.random += _STEP
    word = wire.random
    word = (word ^ (word >> np.uint64(30))) * _MIX_1
    word = (word ^ (word >> np.uint64(27))) * _MIX_2
    word ^= word >> np.uint64(31)
    return float(word >> np.uint64(11)) * _TO_UNIT


@njit(_nrt=False)
def _record_sent(s, link_id, packet_id, tx_ticks):
    c = s.control[0]
    meter = s.meters[link_id]
    meter.busy_ticks += tx_ticks
    meter.tx_end_ticks = c.now + tx_ticks
    if s.packets[packet_id].kind >= PAUSE:
        s.packet_numbers[packet_id] = NONE
    elif s.links[link_id].from_host:
        s.packet_numbers[packet_id] = c.packets_numbered
        c.packets_numbered += 1
    if meter.tapped:
        _add_row(s, link_id, packet_id, LEAVE, tx_ticks)


@njit(_nrt=False)
def _add_row(s, link_id, packet_id, event, tx_ticks):
    c = s.control[0]
    packet = s.packets[packet_id]
    row = s.tap_rows[c.num_tap_rows]
    c.num_tap_rows += 1
    row.time_ticks = c.now
    row.tx_ticks = tx_ticks
    row.packet = s.packet_numbers[packet_id]
    row.event = event
    row.kind = packet.kind
    row.link = link_id
    row.wire_bytes = packet.wire_bytes
    is_pfc = packet.kind >= PAUSE
    row.flow = NONE if is_pfc else packet.flow
    row.seq = 0 if is_pfc else packet.seq
    row.marked = packet.marked and not is_pfc
