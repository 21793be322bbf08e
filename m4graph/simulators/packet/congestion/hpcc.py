"""HPCC as ns-3's RDMA model runs it: every switch reports its queue and throughput (INT).

Reference: Li et al., "HPCC: High Precision Congestion Control", SIGCOMM 2019;
docs/packet-model.md, HPCC.
"""

from __future__ import annotations

from typing import cast

import numpy as np

from m4graph.core.errors import ConfigError
from m4graph.core.units import GBPS, mbps_to_bps
from m4graph.scenario import Scenario
from m4graph.scenario.rdma import HPCC
from m4graph.simulators.packet.congestion.base import CongestionKernel
from m4graph.simulators.packet.hosts import set_rate_at_once
from m4graph.simulators.packet.idle_rtt import largest_idle_rtt_ns
from m4graph.simulators.packet.jit import inline_hook_kernel
from m4graph.simulators.packet.variants import full_window_bytes

_MAX_SWITCHES = 5
"""A packet has room for so many reports."""
_KNOWN_GBPS = (10, 25, 40, 50, 100, 200, 400)
"""A report names a link's rate by its place in a list."""

_ACK_WIRE_BYTES = 88

# The fields of a report: units and widths in bits.
_SENT_UNIT, _QUEUE_UNIT = 128, 80
_TIME_MASK, _SENT_MASK, _QUEUE_MASK = (1 << 24) - 1, (1 << 20) - 1, (1 << 17) - 1
_FINE_TIME_MASK = (1 << 62) - 1
"""With ticks of a picosecond, a report's time has no limits."""

_REPORTS = [
    ("time_ticks", "i8", _MAX_SWITCHES),
    ("sent", "i4", _MAX_SWITCHES),  # what the port had sent before, in _SENT_UNIT
    ("queue", "i4", _MAX_SWITCHES),  # what was left in the port, in _QUEUE_UNIT
]
_IN_BAND = np.dtype(_REPORTS)
_FLOW_STATE = np.dtype(
    [
        *_REPORTS,  # of the last ACK
        ("update_seq", "i8"),
        ("current_bps", "i8"),  # the rate that changes once a round trip
        ("utilisation", "f8"),
        ("num_additive", "i8"),
        ("last_wire_bytes", "i8"),
    ]
)
_PARAMETERS = np.dtype(
    [
        ("eta", "f8"),
        ("multiplicative_threshold", "i8"),
        ("fast_react", "b1"),
        ("additive_increase_bps", "i8"),
        ("base_rtt_ticks", "i8"),
        ("time_mask", "i8"),
        ("tick_s", "f8"),
    ]
)


@inline_hook_kernel
def _on_send(s, flow_id, packet_id):
    s.congestion[flow_id].last_wire_bytes = s.packets[packet_id].wire_bytes


@inline_hook_kernel
def _on_forward(s, link_id, packet_id):
    packet = s.packets[packet_id]
    link = s.links[link_id]
    hop = packet.position - s.flows[packet.flow].data_position - 1
    report = s.in_band[packet_id]
    report.time_ticks[hop] = s.control[0].now & s.congestion_config[0].time_mask
    report.sent[hop] = (link.sent_bytes // _SENT_UNIT) & _SENT_MASK
    report.queue[hop] = (link.queue_bytes // _QUEUE_UNIT) & _QUEUE_MASK


@inline_hook_kernel
def _on_ack(s, flow_id, packet_id):
    flow = s.flows[flow_id]
    state = s.congestion[flow_id]
    parameters = s.congestion_config[0]
    round_trip_over = s.packets[packet_id].seq > state.update_seq
    if not round_trip_over and not parameters.fast_react:
        return
    if state.update_seq == 0:
        state.current_bps = flow.rate_bps
        for hop in range(flow.num_links - 1):
            _remember(s, state, packet_id, hop)
        state.update_seq = flow.snd_nxt
        return
    _measure(s, flow, state, packet_id)
    excess = state.utilisation / parameters.eta
    num_additive = state.num_additive + 1
    rate_bps = state.current_bps
    if excess >= 1 or state.num_additive >= parameters.multiplicative_threshold:
        num_additive = 0
        rate_bps = int(min(rate_bps / excess, 1e15))
    rate_bps += parameters.additive_increase_bps
    rate_bps = min(max(rate_bps, s.config[0].min_rate_bps), flow.line_rate_bps)
    set_rate_at_once(s, flow, rate_bps, state.last_wire_bytes)
    if round_trip_over:
        state.current_bps = rate_bps
        state.num_additive = num_additive
        state.update_seq = max(state.update_seq, flow.snd_nxt)


@inline_hook_kernel
def _measure(s, flow, state, packet_id):
    """Averages the utilisation of the busiest link into the flow's, and keeps the reports."""
    report = s.in_band[packet_id]
    parameters = s.congestion_config[0]
    highest = 0.0
    elapsed_ticks = 0
    for hop in range(flow.num_links - 1):
        dt_ticks = (report.time_ticks[hop] - state.time_ticks[hop]) & parameters.time_mask
        if dt_ticks > 0:
            sent_bytes = ((report.sent[hop] - state.sent[hop]) & _SENT_MASK) * _SENT_UNIT
            queue_bytes = min(report.queue[hop], state.queue[hop]) * _QUEUE_UNIT
            rate_bps = s.links[s.route_links[flow.data_position + 1 + hop]].rate_bps
            share = sent_bytes * 8 / (dt_ticks * parameters.tick_s) / rate_bps
            if queue_bytes > 0:
                queued = float(queue_bytes) * flow.line_rate_bps / rate_bps
                share += queued / full_window_bytes(s, flow)
            if share > highest:
                highest = share
                elapsed_ticks = dt_ticks
        _remember(s, state, packet_id, hop)
    base_rtt_ticks = parameters.base_rtt_ticks
    elapsed_ticks = min(elapsed_ticks, base_rtt_ticks)
    kept = state.utilisation * (base_rtt_ticks - elapsed_ticks)
    state.utilisation = (kept + highest * elapsed_ticks) / base_rtt_ticks


@inline_hook_kernel
def _remember(s, state, packet_id, hop):
    report = s.in_band[packet_id]
    state.time_ticks[hop] = report.time_ticks[hop]
    state.sent[hop] = report.sent[hop]
    state.queue[hop] = report.queue[hop]


def _parameters(scenario: Scenario) -> tuple[float, ...]:
    model = cast(HPCC, scenario.congestion_control)
    ticks_per_ns = scenario.config.ticks_per_ns
    _check_rates(scenario)
    base_rtt_ns = model.base_rtt_ns
    if base_rtt_ns is None:
        data_bytes = scenario.config.payload_bytes + HPCC.header_bytes
        base_rtt_ns = largest_idle_rtt_ns(scenario.arrays, data_bytes, _ACK_WIRE_BYTES)
    return (
        model.eta,
        model.multiplicative_threshold,
        model.fast_react,
        mbps_to_bps(model.additive_increase_mbps),
        base_rtt_ns * ticks_per_ns,
        _TIME_MASK if ticks_per_ns == 1 else _FINE_TIME_MASK,
        1e-9 / ticks_per_ns,
    )


def _check_rates(scenario: Scenario) -> None:
    arrays = scenario.arrays
    if len(arrays.nvswitches):
        raise ConfigError(
            f"node {arrays.nvswitches[0]}: expected no NVSwitch with hpcc, as it adds no telemetry"
        )
    known_bps = [gbps * GBPS for gbps in _KNOWN_GBPS]
    unknown = ~np.isin(arrays.link_rate_bps, known_bps) & (arrays.link_src >= arrays.num_hosts)
    if unknown.any() and scenario.config.tick == "ns":
        link = int(np.flatnonzero(unknown)[0])
        raise ConfigError(
            f"link {arrays.link_src[link]}-{arrays.link_dst[link]}: expected a rate that hpcc's "
            f"telemetry can name, one of {', '.join(map(str, _KNOWN_GBPS))} Gb/s "
            f"(got {arrays.link_rate_bps[link] / GBPS:g} Gb/s); network.tick: ps knows any"
        )


def _flow_state(model: HPCC) -> tuple[object, ...]:
    no_reports = (0,) * _MAX_SWITCHES
    return no_reports, no_reports, no_reports, 0, 0, 1.0, 0, 0


HPCC_KERNEL = CongestionKernel(
    flow_state=_FLOW_STATE,
    parameters=_PARAMETERS,
    make_parameters=_parameters,
    make_flow_state=_flow_state,
    on_ack=_on_ack,
    on_send=_on_send,
    on_forward=_on_forward,
    in_band=_IN_BAND,
    data_overhead_bytes=HPCC.header_bytes,
    max_switches=_MAX_SWITCHES,
    ack_wire_bytes=_ACK_WIRE_BYTES,
    keeps_routes=True,
)
