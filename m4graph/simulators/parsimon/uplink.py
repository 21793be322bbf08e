"""A host's own link: flows take turns at its NIC, and nothing slows them but their windows.

No packet is marked there. With an algorithm that marks alone slow, all that happens is known
without an event for every packet: what the packet simulator's NIC would do, in a loop of its own.
"""

from __future__ import annotations

import numpy as np

from m4graph.simulators.packet.division import quotient
from m4graph.simulators.packet.jit import inline_kernel, kernel
from m4graph.simulators.packet.layout import MAX_TICKS, NONE

_NIC = 0


@kernel
def simulate_uplink(s, w):
    """Simulates an uplink whose flows have been set up, from the first start to the last finish."""
    spot = w.spot[0]
    node = s.nodes[_NIC]
    ring = ring_length(s)
    free_ticks, sent_ticks = 0, NONE
    while spot.num_left > 0:
        _start_before(s, w, node, free_ticks)
        # A NIC looks for something to send when a packet is sent, and starts come after that.
        position = _next_in_turn(s, w, node, ring, free_ticks, sent_ticks)
        if position < 0:
            free_ticks = _wait(s, w, node, ring, free_ticks)
            sent_ticks = MAX_TICKS
            continue
        node.round_robin = position
        local = np.int64(s.host_flows[position])
        sent_ticks = free_ticks
        free_ticks = _send_some(s, w, node, ring, local, sent_ticks)


@inline_kernel
def ring_length(s):
    """Packets that a window lets be under way; 0: any number."""
    config = s.config[0]
    if config.window_bytes == 0:
        return 0
    return (config.window_bytes - 1) // np.int64(config.payload_bytes) + 1


@kernel
def _start_before(s, w, node, time_ticks):
    """Starts the flows whose time has come before a time."""
    spot = w.spot[0]
    while spot.num_started < spot.num_flows and w.legs[spot.num_started].start_ticks < time_ticks:
        s.host_flows[node.num_flows] = spot.num_started
        node.num_flows += 1
        spot.num_started += 1


@inline_kernel
def _ready_ticks(s, w, local, ring):
    """When a flow may send its next packet: paced, and with room in its window."""
    flow = s.flows[local]
    ready_ticks = flow.next_send_ticks
    if ring > 0 and w.legs[local].is_held:
        index = flow.snd_nxt // np.int64(s.config[0].payload_bytes)
        if index >= ring:
            ready_ticks = max(ready_ticks, w.acks[local * ring + index % ring])
    return ready_ticks


@inline_kernel
def _is_before(leg, ticks, now, queued_ticks):
    """Whether an ACK is processed before the event of this time that was queued at that one."""
    return ticks < now or (ticks == now and ticks - leg.ack_hop_ticks < queued_ticks)


@kernel
def _next_in_turn(s, w, node, ring, now, queued_ticks):
    """The position of the flow that is served next, as the packet simulator's NIC picks it."""
    count = np.int64(node.num_flows)
    found = np.int64(NONE)
    first_finished = count
    position = np.int64(node.round_robin)
    for _ in range(count):
        position += 1
        if position >= count:
            position = np.int64(0) if position == count else position % count
        local = np.int64(s.host_flows[position])
        flow, leg = s.flows[local], w.legs[local]
        if flow.snd_nxt < flow.size_bytes:
            ready_ticks = _ready_ticks(s, w, local, ring)
            is_paced = ready_ticks == flow.next_send_ticks
            if ready_ticks <= now and (is_paced or _is_before(leg, ready_ticks, now, queued_ticks)):
                found = position
                break
        elif _is_before(leg, flow.finish_ticks, now, queued_ticks):
            first_finished = min(first_finished, position)
    if first_finished < count:
        found = _drop_finished(s, w, node, first_finished, found, now, queued_ticks)
    return found


@kernel
def _drop_finished(s, w, node, first_finished, found, now, queued_ticks):
    """Closes the gaps of flows that are acknowledged; the pointer stays where it is."""
    kept = first_finished
    for position in range(first_finished, node.num_flows):
        local = np.int64(s.host_flows[position])
        flow = s.flows[local]
        is_over = flow.snd_nxt == flow.size_bytes
        if not (is_over and _is_before(w.legs[local], flow.finish_ticks, now, queued_ticks)):
            if position == found:
                found = np.int64(kept)
            s.host_flows[kept] = local
            kept += 1
    node.num_flows = kept
    return found


@kernel
def _wait(s, w, node, ring, now):
    """Passes the time until a flow may send or one starts; each ACK has the NIC look for one."""
    spot = w.spot[0]
    next_ticks = np.int64(MAX_TICKS)
    for position in range(node.num_flows):
        local = np.int64(s.host_flows[position])
        if s.flows[local].snd_nxt < s.flows[local].size_bytes:
            next_ticks = min(next_ticks, max(_ready_ticks(s, w, local, ring), now))
    if spot.num_started < spot.num_flows:
        start_ticks = w.legs[spot.num_started].start_ticks
        if start_ticks < next_ticks:
            _drop_finished(s, w, node, 0, NONE, start_ticks, MAX_TICKS)
            # All of this instant start one by one, and the first takes the NIC.
            s.host_flows[node.num_flows] = spot.num_started
            node.num_flows += 1
            spot.num_started += 1
            return start_ticks
    _drop_finished(s, w, node, 0, NONE, next_ticks, MAX_TICKS)
    return next_ticks


@kernel
def _send_some(s, w, node, ring, local, now):
    """Sends a packet, or as many as nothing can come between; gives the time when that is over."""
    config = s.config[0]
    flow, leg = s.flows[local], w.legs[local]
    nic = s.links[1 + _NIC]
    payload_bytes = np.int64(config.payload_bytes)
    num_full = (flow.size_bytes - 1 - flow.snd_nxt) // payload_bytes
    if num_full == 0:
        return _send_last(s, w, local, now)
    count = np.int64(1)
    if node.num_flows == 1 and not leg.is_held and flow.full_pace_ticks <= nic.full_tx_ticks:
        count = num_full
        spot = w.spot[0]
        if spot.num_started < spot.num_flows:
            ahead_ticks = w.legs[spot.num_started].start_ticks - now
            count = min(count, max(ahead_ticks, 0) // nic.full_tx_ticks + 1)
    sent_ticks = now + count * nic.full_tx_ticks
    leg.last_finish_ticks = max(
        sent_ticks + leg.from_full_ticks, leg.last_finish_ticks + leg.from_gap_full_ticks
    )
    if leg.is_held:
        place = local * ring + flow.snd_nxt // payload_bytes % ring
        w.acks[place] = leg.last_finish_ticks + leg.ack_ticks
    flow.snd_nxt += count * payload_bytes
    flow.next_send_ticks = sent_ticks - nic.full_tx_ticks + flow.full_pace_ticks
    w.spot[0].num_packets += count
    return sent_ticks


@kernel
def _send_last(s, w, local, now):
    spot = w.spot[0]
    flow, leg = s.flows[local], w.legs[local]
    nic = s.links[1 + _NIC]
    tx_ticks = nic.full_tx_ticks
    full_bytes = s.config[0].payload_bytes + s.config[0].data_overhead_bytes
    if leg.last_wire_bytes != full_bytes:
        tx_ticks = quotient(leg.last_wire_bytes * s.config[0].byte_ticks, nic.rate_bps)
    finish_ticks = max(
        now + tx_ticks + leg.from_last_ticks, leg.last_finish_ticks + leg.from_gap_last_ticks
    )
    flow.snd_nxt = flow.size_bytes
    flow.finish_ticks = finish_ticks + leg.ack_ticks
    w.fct_ticks[leg.row] = finish_ticks - leg.start_ticks
    w.sending_ticks[leg.row] = now - leg.start_ticks
    spot.num_packets += 1
    spot.num_left -= 1
    return now + tx_ticks
