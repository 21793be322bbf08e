"""TIMELY as ns-3's RDMA model runs it: one update a round trip, by the change of the RTT.

Reference: Mittal et al., "TIMELY: RTT-based Congestion Control for the Datacenter", SIGCOMM 2015;
docs/packet-model.md, TIMELY.
"""

from __future__ import annotations

from typing import cast

import numpy as np

from m4graph.core.units import NS_PER_US, mbps_to_bps
from m4graph.scenario import Scenario
from m4graph.scenario.rdma import TIMELY
from m4graph.simulators.packet.congestion.base import CongestionKernel
from m4graph.simulators.packet.hosts import set_rate
from m4graph.simulators.packet.jit import inline_hook_kernel

_STEPS_BEFORE_HYPER_INCREASE = 5

_FLOW_STATE = np.dtype(
    [
        ("update_seq", "i8"),
        ("last_rtt_ticks", "i8"),
        ("diff_ticks", "f8"),
        ("num_increases", "i8"),
    ]
)
_PARAMETERS = np.dtype(
    [
        ("t_low_ticks", "f8"),
        ("t_high_ticks", "f8"),
        ("beta", "f8"),
        ("ewma_weight", "f8"),
        ("min_rtt_ticks", "f8"),
        ("additive_increase_bps", "i8"),
        ("hyper_increase_bps", "i8"),
    ]
)
_IN_BAND = np.dtype([("sent_ticks", "i8")])


@inline_hook_kernel
def _on_send(s, flow_id, packet_id):
    s.in_band[packet_id].sent_ticks = s.control[0].now


@inline_hook_kernel
def _on_ack(s, flow_id, packet_id):
    flow = s.flows[flow_id]
    state = s.congestion[flow_id]
    if s.packets[packet_id].seq <= state.update_seq:
        return
    rtt_ticks = s.control[0].now - s.in_band[packet_id].sent_ticks
    if state.update_seq > 0:
        _update(s, flow, state, rtt_ticks)
    if flow.snd_nxt > state.update_seq:
        state.update_seq = flow.snd_nxt
        state.last_rtt_ticks = rtt_ticks


@inline_hook_kernel
def _update(s, flow, state, rtt_ticks):
    p = s.congestion_config[0]
    difference = rtt_ticks - state.last_rtt_ticks
    state.diff_ticks = (1 - p.ewma_weight) * state.diff_ticks + p.ewma_weight * difference
    gradient = state.diff_ticks / p.min_rtt_ticks
    if rtt_ticks < p.t_low_ticks or (rtt_ticks <= p.t_high_ticks and gradient <= 0):
        step_bps = p.additive_increase_bps
        if state.num_increases >= _STEPS_BEFORE_HYPER_INCREASE:
            step_bps = p.hyper_increase_bps
        state.num_increases += 1
        set_rate(s, flow, min(flow.line_rate_bps, flow.rate_bps + step_bps))
        return
    if rtt_ticks > p.t_high_ticks:
        factor = 1 - p.beta * (1 - p.t_high_ticks / rtt_ticks)
    else:
        factor = max(0.0, 1 - p.beta * gradient)
    state.num_increases = 0
    set_rate(s, flow, max(s.config[0].min_rate_bps, int(flow.rate_bps * factor)))


def _parameters(scenario: Scenario) -> tuple[float, ...]:
    model = cast(TIMELY, scenario.congestion_control)
    ticks_per_us = NS_PER_US * scenario.config.ticks_per_ns
    return (
        model.t_low_us * ticks_per_us,
        model.t_high_us * ticks_per_us,
        model.beta,
        model.ewma_weight,
        model.min_rtt_us * ticks_per_us,
        mbps_to_bps(model.additive_increase_mbps),
        mbps_to_bps(model.hyper_increase_mbps),
    )


def _flow_state(model: TIMELY) -> tuple[float, ...]:
    return 0, 0, 0.0, 0


TIMELY_KERNEL = CongestionKernel(
    flow_state=_FLOW_STATE,
    parameters=_PARAMETERS,
    make_parameters=_parameters,
    make_flow_state=_flow_state,
    on_ack=_on_ack,
    on_send=_on_send,
    in_band=_IN_BAND,
    data_overhead_bytes=TIMELY.header_bytes,
)
