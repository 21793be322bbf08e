"""Flows whose packets are spread over several paths; nothing in a run that has none.

Such packets come in any order. Each is acknowledged by itself, and a bit for each says whether it
has arrived, and whether its ACK has. ``rcv_nxt`` and ``snd_una`` count the bytes of those packets:
so the bytes in flight, what windows and rates follow, are those that nothing has been heard of.
"""

from __future__ import annotations

import numpy as np

from m4graph.simulators.packet.division import quotient
from m4graph.simulators.packet.jit import inline_kernel, kernel
from m4graph.simulators.packet.layout import ACKNOWLEDGED, ARRIVED, WORD_BITS
from m4graph.simulators.packet.split_mix import next_uniform
from m4graph.simulators.packet.variants import has_spraying

_ALL_BITS = np.uint64(0xFFFFFFFFFFFFFFFF)


@inline_kernel
def first_position(s, flow_id):
    """Where in ``State.route_links`` the way of a flow's next packet begins."""
    if has_spraying(s):
        return _on_path(s, flow_id)
    return s.flows[flow_id].data_position


@kernel
def _on_path(s, flow_id):
    """Makes another choice if the flow has paused; its first packet takes the path of ECMP."""
    flow = s.flows[flow_id]
    spray = s.sprays[flow_id]
    config = s.config[0]
    now = s.control[0].now
    may_change = spray.last_ticks >= 0 and now - spray.last_ticks >= config.spray_gap_ticks
    if may_change and spray.num_paths > 1:
        if config.round_robin:
            spray.path = (spray.path + 1) % spray.num_paths
        else:
            spray.path = int(next_uniform(spray) * spray.num_paths)
    spray.last_ticks = now
    return flow.data_position + spray.path * flow.num_links


@inline_kernel
def pass_acknowledged(s, flow_id):
    """Moves a sender on to the next packet of which it has no ACK, where it sends again."""
    if has_spraying(s):
        flow = s.flows[flow_id]
        while flow.snd_nxt < flow.size_bytes and _has_ack(s, flow_id, flow.snd_nxt):
            flow.snd_nxt = min(flow.snd_nxt + s.config[0].payload_bytes, flow.size_bytes)


@kernel
def first_unacknowledged(s, flow_id):
    """First byte of which a sender has no ACK."""
    flow = s.flows[flow_id]
    if not has_spraying(s):
        return flow.snd_una
    word = s.sprays[flow_id].first_word
    while s.packet_bits[word, ACKNOWLEDGED] == _ALL_BITS:
        word += 1
    number = (word - s.sprays[flow_id].first_word) * WORD_BITS
    while _has_ack(s, flow_id, number * s.config[0].payload_bytes):
        number += 1
    return number * s.config[0].payload_bytes


@kernel
def note_arrived(s, flow_id, seq):
    """A packet is at the receiver, for the first time or again."""
    s.flows[flow_id].rcv_nxt += _new_bytes(s, flow_id, seq, ARRIVED)


@kernel
def note_acknowledged(s, flow_id, seq):
    """The ACK of a packet is at the sender, for the first time or again."""
    s.flows[flow_id].snd_una += _new_bytes(s, flow_id, seq, ACKNOWLEDGED)


@inline_kernel
def _new_bytes(s, flow_id, seq, column):
    """Notes a packet by its first byte; gives its payload, 0 if it has been noted before."""
    word, bit = _place(s, flow_id, seq)
    if s.packet_bits[word, column] & bit:
        return 0
    s.packet_bits[word, column] |= bit
    return min(s.config[0].payload_bytes, s.flows[flow_id].size_bytes - seq)


@inline_kernel
def _has_ack(s, flow_id, seq):
    word, bit = _place(s, flow_id, seq)
    return s.packet_bits[word, ACKNOWLEDGED] & bit != 0


@inline_kernel
def _place(s, flow_id, seq):
    """The word and bit of a packet; a flow is always cut in the same places."""
    number = quotient(seq, s.config[0].payload_bytes)
    word = s.sprays[flow_id].first_word + number // WORD_BITS
    return word, np.uint64(1) << np.uint64(number % WORD_BITS)
