"""The RDMA transport of ns-3: go-back-N on a NACK, and a timeout that is off by default.

docs/packet-model.md, "Acknowledgement and loss". Where flows are spread over paths, packets come in
any order: each is acknowledged by itself, and only the timer finds a loss.
"""

from __future__ import annotations

from m4graph.scenario import Scenario
from m4graph.simulators.packet.events import push
from m4graph.simulators.packet.jit import hook_kernel, inline_hook_kernel
from m4graph.simulators.packet.layout import ACK, DEADLINE, NACK, NONE
from m4graph.simulators.packet.ports import enqueue_priority, free_packet
from m4graph.simulators.packet.spraying import (
    first_unacknowledged,
    note_acknowledged,
    note_arrived,
    pass_acknowledged,
)
from m4graph.simulators.packet.transport import Transport
from m4graph.simulators.packet.variants import has_spraying

_NACK_INTERVAL_NS = 500_000


@inline_hook_kernel
def _receive(s, flow_id, packet_id):
    """A data packet is complete at its host: turn it into the answer and queue that.

    ns-3 does not answer to what has been received before. With a timeout that would be fatal: the
    ACK may be what was lost.
    """
    now = s.control[0].now
    config = s.config[0]
    packet = s.packets[packet_id]
    flow = s.flows[flow_id]
    if has_spraying(s):
        note_arrived(s, flow_id, packet.seq)
        return _answer(s, flow, packet_id, ACK)
    if packet.seq == flow.rcv_nxt:
        flow.rcv_nxt += packet.wire_bytes - config.data_overhead_bytes
        kind = ACK
    elif packet.seq > flow.rcv_nxt and (
        now >= flow.nack_allowed_ticks or flow.nack_seq != flow.rcv_nxt
    ):
        flow.nack_allowed_ticks = now + _NACK_INTERVAL_NS * config.ticks_per_ns
        flow.nack_seq = flow.rcv_nxt
        kind = NACK
    elif packet.seq < flow.rcv_nxt and config.retransmit_ticks > 0:
        kind = ACK
    else:
        free_packet(s, packet_id)
        return NONE
    packet.seq = flow.rcv_nxt
    return _answer(s, flow, packet_id, kind)


@inline_hook_kernel
def _answer(s, flow, packet_id, kind):
    """Sends a data packet's record back as its answer; gives the uplink."""
    packet = s.packets[packet_id]
    packet.kind = kind
    packet.wire_bytes = s.config[0].ack_wire_bytes
    packet.position = flow.ack_position
    uplink = s.route_links[flow.ack_position]
    enqueue_priority(s, uplink, packet_id)
    return uplink


@inline_hook_kernel
def _acknowledge(s, flow_id, packet_id):
    """Moves the sender's window on an ACK or NACK."""
    packet = s.packets[packet_id]
    flow = s.flows[flow_id]
    if has_spraying(s):
        note_acknowledged(s, flow_id, packet.seq)
        pass_acknowledged(s, flow_id)
        # To the algorithm, what has come so far is the sequence of an ACK.
        packet.seq = flow.snd_una
        return
    flow.snd_una = max(flow.snd_una, packet.seq)
    # After a timeout, an ACK of what was sent before may come for more than was sent since.
    if packet.kind == NACK or flow.snd_nxt < flow.snd_una:
        flow.snd_nxt = flow.snd_una


@hook_kernel
def _on_deadline(s, flow_id, which):
    """A period is over. If nothing was acknowledged in it, go back to the first such byte.

    Only the timer looks at the clock, so it costs nothing for a packet; a loss is found one to two
    periods after the last progress.
    """
    flow = s.flows[flow_id]
    retry = s.retries[flow_id]
    if flow.snd_una >= flow.size_bytes:
        return NONE
    link_id = NONE
    if flow.snd_una > retry.snd_una:
        retry.snd_una = flow.snd_una
        retry.num_periods = 0
    elif retry.num_periods == s.config[0].retransmit_limit:
        return NONE
    else:
        retry.num_periods += 1
        flow.snd_nxt = first_unacknowledged(s, flow_id)
        link_id = s.nodes[flow.src].uplink
    push(s, s.control[0].now + s.config[0].retransmit_ticks, DEADLINE, flow_id, 0)
    return link_id


def _first_window_bytes(scenario: Scenario) -> int:
    return scenario.congestion_control.fixed_window_bytes or 0


RDMA = Transport(
    receive=_receive,
    acknowledge=_acknowledge,
    on_deadline=_on_deadline,
    first_window_bytes=_first_window_bytes,
    takes_any_order=True,
)
