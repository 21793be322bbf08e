"""TCP NewReno; with ECN, a mark halves the window once a round trip.

Reference: RFC 5681, RFC 6582, RFC 3168.
"""

from __future__ import annotations

import numpy as np

from m4graph.scenario import Scenario
from m4graph.scenario.tcp import NewReno
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


@hook_kernel
def _on_ack(s, flow_id, packet_id):
    if s.packets[packet_id].marked:
        reduce_for_mark(s, flow_id, 0.5)
    else:
        grow(s, flow_id)


def _parameters(scenario: Scenario) -> tuple[float, ...]:
    return tcp_parameters(scenario, exact_echo=False)


def _flow_state(model: NewReno) -> tuple[object, ...]:
    return tcp_flow(model)


NEWRENO_KERNEL = CongestionKernel(
    transport=TCP,
    flow_state=np.dtype(TCP_FLOW),
    parameters=np.dtype(TCP_PARAMETERS),
    make_parameters=_parameters,
    make_flow_state=_flow_state,
    on_ack=_on_ack,
    on_send=note_sent,
    in_band=TCP_IN_BAND,
    data_overhead_bytes=NewReno.header_bytes,
    ack_wire_bytes=TCP_ACK_WIRE_BYTES,
)
