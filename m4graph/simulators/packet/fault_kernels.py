"""Packets that are lost on links with faults; nothing in a run that has none."""

from __future__ import annotations

import numpy as np

from m4graph.simulators.packet.jit import inline_kernel, kernel
from m4graph.simulators.packet.layout import PAUSE
from m4graph.simulators.packet.observe.taps import note_lost
from m4graph.simulators.packet.variants import has_faults

# Of the generator SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_TO_UNIT = 2.0**-53


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
        lost = _next_number(wire) < wire.loss_probability
    if lost:
        s.control[0].packets_lost += 1
        note_lost(s, link_id, packet_id)
    return lost


@inline_kernel
def _next_number(wire):
    """The next number of the link's own generator, in [0, 1)."""
    wire.random += _STEP
    word = wire.random
    word = (word ^ (word >> np.uint64(30))) * _MIX_1
    word = (word ^ (word >> np.uint64(27))) * _MIX_2
    word ^= word >> np.uint64(31)
    return float(word >> np.uint64(11)) * _TO_UNIT
