"""Hosts: the NIC's round robin over flows, pacing and windows.

docs/packet-model.md, "Forwarding", "Flow start and FCT", "Window and pacing".
"""

from __future__ import annotations

from m4graph.simulators.packet.division import quotient, scaled_quotient
from m4graph.simulators.packet.events import push
from m4graph.simulators.packet.jit import inline_kernel, kernel
from m4graph.simulators.packet.layout import DATA, NIC_WAKE, NONE
from m4graph.simulators.packet.spraying import first_position, pass_acknowledged
from m4graph.simulators.packet.variants import full_window_bytes


@inline_kernel
def set_rate(s, flow, rate_bps):
    """Gives a flow a new rate: it acts from the flow's next packet, its window at once."""
    config = s.config[0]
    flow.rate_bps = rate_bps
    wire_bytes = config.payload_bytes + config.data_overhead_bytes
    flow.full_pace_ticks = quotient(wire_bytes * config.byte_ticks, rate_bps)
    full_bytes = full_window_bytes(s, flow)
    if full_bytes > 0 and config.variable_window:
        window_bytes = scaled_quotient(full_bytes, rate_bps, flow.line_rate_bps)
        flow.window_bytes = max(1, window_bytes)


@kernel
def set_rate_at_once(s, flow, rate_bps, last_wire_bytes):
    """As :func:`set_rate`, and the pause after the flow's last packet is made anew, too.

    The NIC wakes earlier if that packet's successor may now leave earlier.
    """
    old_pace_ticks = _pace_ticks(s, flow, last_wire_bytes)
    set_rate(s, flow, rate_bps)
    flow.next_send_ticks += _pace_ticks(s, flow, last_wire_bytes) - old_pace_ticks
    node = s.nodes[flow.src]
    if flow.next_send_ticks < node.wake_ticks:
        wake_at(s, flow.src, node, max(flow.next_send_ticks, s.control[0].now))


@inline_kernel
def _pace_ticks(s, flow, wire_bytes):
    """Time that a packet of the flow takes at the flow's rate."""
    config = s.config[0]
    if wire_bytes == config.payload_bytes + config.data_overhead_bytes:
        return flow.full_pace_ticks
    return quotient(wire_bytes * config.byte_ticks, flow.rate_bps)


@inline_kernel
def next_of_nic(s, host_id):
    """Makes the data packet that an idle NIC sends next: flows in turn, one packet each.

    Returns:
        The packet, or ``NONE`` when no flow may send; the NIC then wakes at a later time.
    """
    node = s.nodes[host_id]
    position = _pick_flow(s, node, s.links[node.uplink])
    if position == NONE:
        _schedule_wake(s, host_id, node)
        return NONE
    node.round_robin = position
    return _make_data(s, s.host_flows[node.flows_start + position])


@inline_kernel
def _pick_flow(s, node, link):
    """Position of the flow to serve next; drops finished flows if the scan meets one."""
    now = s.control[0].now
    count = node.num_flows
    found = NONE
    first_finished = count
    position = node.round_robin
    for _ in range(count):
        position += 1
        if position >= count:
            # A division takes as long as all the rest; it is needed if flows have dropped out.
            position = 0 if position == count else position % count
        flow = s.flows[s.host_flows[node.flows_start + position]]
        in_flight = flow.snd_nxt - flow.snd_una
        if (
            flow.snd_nxt < flow.size_bytes
            and not link.paused
            and (flow.window_bytes == 0 or in_flight < flow.window_bytes)
        ):
            if flow.next_send_ticks <= now:
                found = position
                break
        elif flow.snd_una >= flow.size_bytes:
            first_finished = min(first_finished, position)
    if first_finished < count:
        found = _drop_finished(s, node, first_finished, found)
    return found


@kernel
def give_turn(s, node, flow_id):
    """Makes a flow the one that the NIC looks at first."""
    for position in range(node.num_flows):
        if s.host_flows[node.flows_start + position] == flow_id:
            node.round_robin = position - 1


@kernel
def _drop_finished(s, node, first_finished, found):
    """Closes the gaps of finished flows; returns where the found flow stands then.

    The round-robin pointer stays where it is, although the flows shift, as in ns-3.
    """
    start = node.flows_start
    kept = first_finished
    for position in range(first_finished, node.num_flows):
        flow_id = s.host_flows[start + position]
        if s.flows[flow_id].snd_una < s.flows[flow_id].size_bytes:
            if position == found:
                found = kept
            s.host_flows[start + kept] = flow_id
            kept += 1
    node.flows_reserved -= node.num_flows - kept
    node.num_flows = kept
    return found


@inline_kernel
def _schedule_wake(s, host_id, node):
    """Wakes the NIC at the earliest next-send time, window-blocked flows too, if that is ahead."""
    if node.wake_ticks >= 0:
        return
    earliest = NONE
    for position in range(node.num_flows):
        flow = s.flows[s.host_flows[node.flows_start + position]]
        if flow.snd_nxt < flow.size_bytes and (earliest < 0 or flow.next_send_ticks < earliest):
            earliest = flow.next_send_ticks
    if earliest > s.control[0].now:
        wake_at(s, host_id, node, earliest)


@inline_kernel
def wake_at(s, host_id, node, time_ticks):
    """Has the NIC look for something to send at a time, and not before."""
    node.wake_ticks = time_ticks
    node.wake_version += 1
    push(s, time_ticks, NIC_WAKE, host_id, node.wake_version)


@inline_kernel
def wake(s, host_id, version):
    """A wake-up's time has come: True unless a later one has taken its place."""
    node = s.nodes[host_id]
    if version != node.wake_version:
        return False
    node.wake_ticks = NONE
    return True


@inline_kernel
def _make_data(s, flow_id):
    c = s.control[0]
    config = s.config[0]
    flow = s.flows[flow_id]
    packet_id = c.free_packet
    packet = s.packets[packet_id]
    c.free_packet = packet.next
    c.packets_left -= 1
    payload = min(config.payload_bytes, flow.size_bytes - flow.snd_nxt)
    packet.kind = DATA
    packet.marked = False
    packet.flow = flow_id
    packet.seq = flow.snd_nxt
    packet.wire_bytes = payload + config.data_overhead_bytes
    packet.position = first_position(s, flow_id)
    flow.snd_nxt += payload
    pass_acknowledged(s, flow_id)
    flow.next_send_ticks = c.now + _pace_ticks(s, flow, packet.wire_bytes)
    return packet_id
