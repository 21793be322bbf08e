"""Fills the records of a link's simulation from its input."""

from __future__ import annotations

import numpy as np

from m4graph.scenario.ideal import serialization_ticks
from m4graph.simulators.packet.events import push_with_serial
from m4graph.simulators.packet.jit import kernel
from m4graph.simulators.packet.layout import FLOWS_START, MAX_TICKS, NONE
from m4graph.simulators.parsimon.layout import ORDER_BITS, TARGET
from m4graph.simulators.parsimon.uplink import ring_length

_FEW_PACKETS = 64
"""A packet may come before so many that were sent earlier; it is sorted in among them."""


@kernel
def begin_link(s, w):
    """Makes the next link the one that is simulated, at the start of its first flow."""
    spot = w.spot[0]
    link = w.links[spot.position]
    spot.is_running = True
    spot.num_flows = link.after_row - link.first_row
    spot.num_left = spot.num_flows
    spot.num_started = 0
    spot.is_uplink, spot.is_downlink = link.is_uplink, link.is_downlink
    spot.ack_tx_ticks = link.ack_tx_ticks
    spot.ack_free_ticks = 0
    spot.previous_start_ticks = 0
    spot.most_queued_bytes = 0
    s.control[0].now = 0
    s.control[0].next_serial = 0
    spot.random = link.random
    _set_up_target(s, link)
    for nic in range(link.after_nic - link.first_nic):
        _set_up_nic(s, nic, w.nic_bps[link.first_nic + nic])
    _share_out_room(s, w, link)
    for local in range(spot.num_flows):
        _set_up_flow(s, w, w.flows[link.first_row + local], local)
        w.legs[local].row = link.first_row + local
    _look_at_ways(s, w, link)
    if not spot.is_uplink or not spot.marks_only:
        queue_next_start(s, w)


@kernel
def queue_next_start(s, w):
    """Queues the next flow's start, behind whatever else happens in its nanosecond."""
    spot = w.spot[0]
    if spot.num_started < spot.num_flows:
        start_ticks = w.legs[spot.num_started].start_ticks
        serial = ((start_ticks + 1) << ORDER_BITS) - 1
        push_with_serial(s, start_ticks, FLOWS_START, spot.num_started, 0, serial)


@kernel
def _set_up_target(s, link):
    target = s.links[TARGET]
    target.head = target.tail = NONE
    target.queue_bytes = 0
    target.free_ticks = NONE
    target.sent_bytes = 0
    target.rate_bps = link.rate_bps
    target.full_tx_ticks = _full_tx_ticks(s, link.rate_bps)
    target.kmin_bytes, target.kmax_bytes = link.kmin_bytes, link.kmax_bytes


@kernel
def _full_tx_ticks(s, rate_bps):
    config = s.config[0]
    return serialization_ticks(config.payload_bytes + config.data_overhead_bytes, rate_bps)


@kernel
def _look_at_ways(s, w, link):
    """Finds what holds for all flows: how soon an ACK may be back, and whether packets come to the
    link nearly as they were sent.
    """
    spot = w.spot[0]
    spot.first_coming = spot.after_coming = 0
    spot.catch_up_ticks = NONE
    shortest = w.flows[link.first_row].to_last_ticks
    longest = 0
    spot.way_back_ticks = MAX_TICKS
    for row in range(link.first_row, link.after_row):
        flow = w.flows[row]
        spot.way_back_ticks = min(spot.way_back_ticks, flow.from_last_ticks + flow.ack_ticks)
        shortest = min(shortest, flow.to_last_ticks)
        longest = max(longest, flow.to_full_ticks)
    spot.keeps_order = (longest - shortest) // s.links[TARGET].full_tx_ticks < _FEW_PACKETS


@kernel
def _set_up_nic(s, nic, rate_bps):
    node = s.nodes[nic]
    node.uplink = 1 + nic
    node.wake_ticks = NONE
    node.round_robin = 0
    node.num_flows = 0
    node.flows_reserved = 0
    link = s.links[1 + nic]
    link.busy = False
    link.from_host = True
    link.free_serial = NONE
    link.src = nic
    link.rate_bps = rate_bps
    link.full_tx_ticks = _full_tx_ticks(s, rate_bps)


@kernel
def _share_out_room(s, w, link):
    """Gives each NIC its part of the list of flows that have started."""
    for row in range(link.first_row, link.after_row):
        s.nodes[w.flows[row].nic].flows_reserved += 1
    flows_start = 0
    for nic in range(link.after_nic - link.first_nic):
        s.nodes[nic].flows_start = flows_start
        flows_start += s.nodes[nic].flows_reserved


@kernel
def _set_up_flow(s, w, given, local):
    config = s.config[0]
    flow, leg = s.flows[local], w.legs[local]
    flow.snd_nxt = flow.snd_una = flow.next_send_ticks = 0
    flow.size_bytes = given.size_bytes
    flow.window_bytes = config.window_bytes
    flow.src = given.nic
    flow.line_rate_bps = flow.rate_bps = given.line_rate_bps
    flow.full_pace_ticks = _full_tx_ticks(s, given.line_rate_bps)
    for word in range(w.congestion_words.shape[1]):
        w.congestion_words[local, word] = w.new_congestion[word]
    for timer in range(s.timers.shape[1]):
        s.timers[local, timer] = 0
    _set_up_leg(leg, given)
    payload_bytes = np.int64(config.payload_bytes)
    before_last_bytes = (given.size_bytes - 1) // payload_bytes * payload_bytes
    leg.last_wire_bytes = given.size_bytes - before_last_bytes + config.data_overhead_bytes
    if w.spot[0].is_uplink:
        nic_tx_ticks = s.links[1 + given.nic].full_tx_ticks
        round_trip_ticks = nic_tx_ticks + given.from_full_ticks + given.ack_ticks
        most = ring_length(s)
        fills_window = most > 0 and given.size_bytes > most * payload_bytes
        leg.is_held = fills_window and (
            most * nic_tx_ticks < round_trip_ticks or given.from_gap_full_ticks > nic_tx_ticks
        )
    if len(s.route_links) > 0:
        _set_up_reports(s, w, given, local)


@kernel
def _set_up_leg(leg, given):
    leg.to_full_ticks = given.to_full_ticks
    leg.to_last_ticks = given.to_last_ticks
    leg.to_gap_full_ticks = given.to_gap_full_ticks
    leg.to_gap_last_ticks = given.to_gap_last_ticks
    leg.from_full_ticks = given.from_full_ticks
    leg.from_last_ticks = given.from_last_ticks
    leg.from_gap_full_ticks = given.from_gap_full_ticks
    leg.from_gap_last_ticks = given.from_gap_last_ticks
    leg.ack_ticks = given.ack_ticks
    leg.to_hop_ticks = given.to_hop_ticks
    leg.ack_hop_ticks = given.ack_hop_ticks
    leg.start_ticks = given.start_ticks
    leg.last_arrival_ticks = leg.last_finish_ticks = NONE


@kernel
def _set_up_reports(s, w, given, local):
    """Lets the switches on a flow's way report to it: the link's, and the slowest other one, where
    nothing is but the flow itself.
    """
    flow = s.flows[local]
    own = len(s.nodes) + 1 + local
    s.links[own].rate_bps = given.slowest_bps
    s.links[own].sent_bytes = 0
    s.links[own].queue_bytes = 0
    flow.data_position = 3 * local
    flow.num_links = 1
    if not w.spot[0].is_uplink:
        s.route_links[flow.data_position + 1] = TARGET
        flow.num_links = 2
    w.legs[local].reports_own = given.slowest_bps > 0
    if given.slowest_bps > 0:
        s.route_links[flow.data_position + flow.num_links] = own
        flow.num_links += 1
