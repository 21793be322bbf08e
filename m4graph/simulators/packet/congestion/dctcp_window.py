"""DCTCP as published: NewReno, but marks cut the window by the share of bytes that were marked.

Reference: Alizadeh et al., "Data Center TCP (DCTCP)", SIGCOMM 2010; RFC 8257, section 3.3.
"""

from __future__ import annotations

from typing import cast

import numpy as np

from m4graph.scenario import Scenario
from m4graph.scenario.tcp import DctcpWindow
from m4graph.simulators.packet.congestion.base import CongestionKernel
from m4graph.simulators.packet.jit import hook_kernel
from m4graph.simulators.packet.tcp import TCP
from m4graph.simulators.packet.tcp.record import (
    TCP_ACK_WIRE_BYTES,
    TCP_FLOW,
    TCP_IN_BAND,
    TCP_PARAMETERS,
    tcp_flow,
    tcp_parameters,
)
from m4graph.simulators.packet.tcp.sender import note_sent
from m4graph.simulators.packet.tcp.window import grow, reduce_for_mark

_FLOW_STATE = np.dtype(
    [
        *TCP_FLOW,
        ("alpha", "f8"),
        ("window_end", "i8"),  # of the window of data whose marks are being counted
        ("window_acked_bytes", "i8"),
        ("window_marked_bytes", "i8"),
    ]
)


@hook_kernel
def _on_ack(s, flow_id, packet_id):
    marked = s.packets[packet_id].marked
    state = s.congestion[flow_id]
    state.window_acked_bytes += state.acked_bytes
    if marked:
        state.window_marked_bytes += state.acked_bytes
    if s.flows[flow_id].snd_una > state.window_end:
        gain = s.congestion_config[0].gain
        share = state.window_marked_bytes / state.window_acked_bytes
        state.alpha = (1 - gain) * state.alpha + gain * share
        state.window_end = state.snd_max
        state.window_acked_bytes = 0
        state.window_marked_bytes = 0
    if marked:
        reduce_for_mark(s, flow_id, 1 - state.alpha / 2)
    else:
        grow(s, flow_id)


def _parameters(scenario: Scenario) -> tuple[float, ...]:
    model = cast(DctcpWindow, scenario.congestion_control)
    return *tcp_parameters(scenario, exact_echo=True), model.gain


def _flow_state(model: DctcpWindow) -> tuple[object, ...]:
    return *tcp_flow(model), 1.0, 0, 0, 0


DCTCP_WINDOW_KERNEL = CongestionKernel(
    transport=TCP,
    flow_state=_FLOW_STATE,
    parameters=np.dtype([*TCP_PARAMETERS, ("gain", "f8")]),
    make_parameters=_parameters,
    make_flow_state=_flow_state,
    on_ack=_on_ack,
    on_send=note_sent,
    in_band=TCP_IN_BAND,
    data_overhead_bytes=DctcpWindow.header_bytes,
    ack_wire_bytes=TCP_ACK_WIRE_BYTES,
)
