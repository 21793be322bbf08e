"""Meters of links, and taps that note what happens to each packet; nothing if a run has none."""

from __future__ import annotations

from m4graph.simulators.packet.jit import inline_kernel, kernel
from m4graph.simulators.packet.layout import DROP, ENTER, LEAVE, LOST, NONE, PAUSE
from m4graph.simulators.packet.variants import has_recording


@inline_kernel
def note_sent(s, link_id, packet_id, tx_ticks):
    """A packet starts on a link."""
    if has_recording(s):
        _record_sent(s, link_id, packet_id, tx_ticks)


@inline_kernel
def note_arrived(s, link_id, packet_id):
    """A packet is complete at the end of its link."""
    if has_recording(s) and s.meters[link_id].tapped:
        _add_row(s, link_id, packet_id, ENTER, 0)


@inline_kernel
def note_dropped(s, link_id, packet_id):
    """A packet found no room in the queue of a link."""
    if has_recording(s):
        s.meters[link_id].num_drops += 1
        if len(s.tap_rows) > 0:
            _add_row(s, link_id, packet_id, DROP, 0)


@inline_kernel
def note_lost(s, link_id, packet_id):
    """A packet is lost on a link."""
    if has_recording(s):
        s.meters[link_id].num_lost += 1
        if len(s.tap_rows) > 0:
            _add_row(s, link_id, packet_id, LOST, 0)


@inline_kernel
def note_pfc_sent(s, link_id, pause):
    """The end of a link sends a PFC frame to its other end."""
    if has_recording(s):
        s.meters[link_id].num_pauses += pause


@inline_kernel
def note_paused(s, link_id, pause):
    """A link obeys a PAUSE or a RESUME."""
    if has_recording(s):
        meter = s.meters[link_id]
        if meter.paused_since >= 0:
            meter.paused_ticks += s.control[0].now - meter.paused_since
        meter.paused_since = s.control[0].now if pause else NONE


@inline_kernel
def taps_have_room(s, margin):
    """Whether the buffer of tapped packets can take so many more."""
    if has_recording(s):
        return len(s.tap_rows) == 0 or s.control[0].num_tap_rows + margin <= len(s.tap_rows)
    return True


@kernel
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


@kernel
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
