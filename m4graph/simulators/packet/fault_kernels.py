"""Packets that are lost on links with faults; nothing in a run that has none."""

from __future__ import annotations

from m4graph.simulators.packet.jit import inline_kernel, kernel
from m4graph.simulators.packet.layout import PAUSE
from m4graph.simulators.packet.observe.taps import note_lost
from m4graph.simulators.packet.split_mix import next_uniform
from m4graph.simulators.packet.variants import has_faults


@inline_kernel
def count_sent(s, link_id):
    """Counts a packet that starts on a link."""
    if has_faults(s):
        s.wires[link_id].num_sent += 1


@inline_kernel
def is_lost(s, link_id, packet_id):
    """Whether a packet, whose last bit is due at the end of its link, is lost on it.

    A link that was down at any moment since the packet's first bit left has lost it. PFC frames
    are never lost: switches repeat them, and here each is sent once.
    """
    if has_faults(s):
        return _is_lost(s, link_id, packet_id)
    return False


@kernel
def _is_lost(s, link_id, packet_id):
    wire = s.wires[link_id]
    wire.num_arrived += 1
    if s.packets[packet_id].kind >= PAUSE:
        return False
    lost = wire.down or wire.num_arrived <= wire.lost_until
    if wire.loss_probability > 0 and not lost:
        lost = next_uniform(wire) < wire.loss_probability
    if lost:
        s.control[0].packets_lost += 1
        note_lost(s, link_id, packet_id)
    return lost
