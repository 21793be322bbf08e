"""DCTCP as ns-3's RDMA model runs it: rate-based, one update a round trip.

Reference: Alizadeh et al., "Data Center TCP (DCTCP)", SIGCOMM 2010; docs/packet-model.md, DCTCP.
"""

from __future__ import annotations

from typing import cast

import numpy as np

from m4graph.core.units import mbps_to_bps
from m4graph.scenario import Scenario
from m4graph.scenario.rdma import DCTCP
from m4graph.simulators.packet.congestion.base import CongestionKernel
from m4graph.simulators.packet.hosts import set_rate
from m4graph.simulators.packet.jit import inline_hook_kernel

_FLOW_STATE = np.dtype(
    [
        ("alpha", "f8"),
        ("num_marked", "i8"),
        ("batch", "i8"),
        ("update_seq", "i8"),
        ("recover_seq", "i8"),
        ("reduced", "b1"),
    ]
)
_PARAMETERS = np.dtype([("gain", "f8"), ("additive_increase_bps", "i8")])


@inline_hook_kernel
def _on_ack(s, flow_id, packet_id):
    ack_seq, marked = s.packets[packet_id].seq, s.packets[packet_id].marked
    flow = s.flows[flow_id]
    state = s.congestion[flow_id]
    parameters = s.congestion_config[0]
    payload_bytes = s.config[0].payload_bytes
    state.num_marked += marked
    round_trip_over = ack_seq > state.update_seq
    if round_trip_over:
        if state.update_seq == 0:
            state.batch = flow.snd_nxt // payload_bytes + 1
        else:
            fraction = min(1.0, state.num_marked / state.batch)
            state.alpha = (1 - parameters.gain) * state.alpha + parameters.gain * fraction
            state.num_marked = 0
            state.batch = (flow.snd_nxt - ack_seq) // payload_bytes + 1
        state.update_seq = flow.snd_nxt
    if state.reduced and ack_seq > state.recover_seq:
        state.reduced = False
    if marked and not state.reduced:
        reduced_bps = int(flow.rate_bps * (1 - state.alpha / 2))
        set_rate(s, flow, max(s.config[0].min_rate_bps, reduced_bps))
        state.reduced = True
        state.recover_seq = flow.snd_nxt
    if round_trip_over and not state.reduced:
        increased_bps = flow.rate_bps + parameters.additive_increase_bps
        set_rate(s, flow, min(flow.line_rate_bps, increased_bps))


def _parameters(scenario: Scenario) -> tuple[float, int]:
    model = cast(DCTCP, scenario.congestion_control)
    return model.gain, mbps_to_bps(model.additive_increase_mbps)


def _flow_state(model: DCTCP) -> tuple[float, int, int, int, int, bool]:
    return 1.0, 0, 0, 0, 0, False


DCTCP_KERNEL = CongestionKernel(
    flow_state=_FLOW_STATE,
    parameters=_PARAMETERS,
    make_parameters=_parameters,
    make_flow_state=_flow_state,
    on_ack=_on_ack,
    slowed_by_marks_only=True,
)
