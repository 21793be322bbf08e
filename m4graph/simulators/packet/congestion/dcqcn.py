"""DCQCN as ns-3's RDMA model runs it: three timers of each flow, started by its first mark.

Reference: Zhu et al., "Congestion Control for Large-Scale RDMA Deployments", SIGCOMM 2015;
docs/packet-model.md, DCQCN.
"""

from __future__ import annotations

from typing import cast

import numpy as np

from m4graph.core.units import NS_PER_US, mbps_to_bps
from m4graph.scenario import Scenario
from m4graph.scenario.rdma import DCQCN
from m4graph.simulators.packet.congestion.base import CongestionKernel
from m4graph.simulators.packet.events import start_timer
from m4graph.simulators.packet.hosts import set_rate
from m4graph.simulators.packet.jit import inline_hook_kernel

_ALPHA, _DECREASE, _INCREASE = 0, 1, 2

_FLOW_STATE = np.dtype(
    [
        ("alpha", "f8"),
        ("target_bps", "i8"),
        ("num_increases", "i8"),  # since the last cut
        ("marked_for_alpha", "b1"),  # in the alpha timer's slot
        ("marked_for_decrease", "b1"),
        ("started", "b1"),
    ]
)
_PARAMETERS = np.dtype(
    [
        ("gain", "f8"),
        ("alpha_timer_ticks", "i8"),
        ("decrease_timer_ticks", "i8"),
        ("increase_timer_ticks", "i8"),
        ("fast_recovery_steps", "i8"),
        ("clamp_target_rate", "b1"),
        ("additive_increase_bps", "i8"),
        ("hyper_increase_bps", "i8"),
    ]
)


@inline_hook_kernel
def _on_ack(s, flow_id, packet_id):
    flow = s.flows[flow_id]
    if not s.packets[packet_id].marked or flow.snd_una >= flow.size_bytes:
        return
    state = s.congestion[flow_id]
    parameters = s.congestion_config[0]
    state.marked_for_decrease = True
    if state.started:
        state.marked_for_alpha = True
        return
    state.started = True
    state.alpha = 1.0
    state.target_bps = flow.rate_bps
    start_timer(s, flow_id, _ALPHA, parameters.alpha_timer_ticks)
    # ns-3 lets one tick pass so that the first cut comes after alpha's update.
    start_timer(s, flow_id, _DECREASE, parameters.decrease_timer_ticks + 1)


@inline_hook_kernel
def _on_timer(s, flow_id, timer):
    parameters = s.congestion_config[0]
    if timer == _ALPHA:
        start_timer(s, flow_id, _ALPHA, parameters.alpha_timer_ticks)
        state = s.congestion[flow_id]
        state.alpha *= 1 - parameters.gain
        if state.marked_for_alpha:
            state.alpha += parameters.gain
        state.marked_for_alpha = False
    elif timer == _DECREASE:
        start_timer(s, flow_id, _DECREASE, parameters.decrease_timer_ticks)
        if s.congestion[flow_id].marked_for_decrease:
            _decrease(s, flow_id)
            start_timer(s, flow_id, _INCREASE, parameters.increase_timer_ticks)
    else:
        start_timer(s, flow_id, _INCREASE, parameters.increase_timer_ticks)
        _increase(s, flow_id)


@inline_hook_kernel
def _decrease(s, flow_id):
    flow = s.flows[flow_id]
    state = s.congestion[flow_id]
    if state.num_increases > 0 or s.congestion_config[0].clamp_target_rate:
        state.target_bps = flow.rate_bps
    reduced_bps = int(flow.rate_bps * (1 - state.alpha / 2))
    set_rate(s, flow, max(s.config[0].min_rate_bps, reduced_bps))
    state.num_increases = 0
    state.marked_for_decrease = False


@inline_hook_kernel
def _increase(s, flow_id):
    flow = s.flows[flow_id]
    state = s.congestion[flow_id]
    parameters = s.congestion_config[0]
    if state.num_increases >= parameters.fast_recovery_steps:
        step_bps = parameters.hyper_increase_bps
        if state.num_increases == parameters.fast_recovery_steps:
            step_bps = parameters.additive_increase_bps
        state.target_bps = min(flow.line_rate_bps, state.target_bps + step_bps)
    state.num_increases += 1
    set_rate(s, flow, flow.rate_bps // 2 + state.target_bps // 2)


def _parameters(scenario: Scenario) -> tuple[float, ...]:
    model = cast(DCQCN, scenario.congestion_control)
    ticks_per_us = NS_PER_US * scenario.config.ticks_per_ns
    return (
        model.gain,
        round(model.alpha_timer_us * ticks_per_us),
        round(model.decrease_timer_us * ticks_per_us),
        round(model.increase_timer_us * ticks_per_us),
        model.fast_recovery_steps,
        model.clamp_target_rate,
        mbps_to_bps(model.additive_increase_mbps),
        mbps_to_bps(model.hyper_increase_mbps),
    )


def _flow_state(model: DCQCN) -> tuple[float, ...]:
    return 1.0, 0, 0, False, False, False


DCQCN_KERNEL = CongestionKernel(
    flow_state=_FLOW_STATE,
    parameters=_PARAMETERS,
    make_parameters=_parameters,
    make_flow_state=_flow_state,
    on_ack=_on_ack,
    slowed_by_marks_only=True,
    on_timer=_on_timer,
    num_timers=3,
)
