"""TCP as a transport of the engine."""

from __future__ import annotations

from typing import cast

from m4graph.scenario import Scenario
from m4graph.scenario.tcp import TcpControl
from m4graph.simulators.packet.jit import hook_kernel
from m4graph.simulators.packet.layout import NONE
from m4graph.simulators.packet.tcp.receiver import answer_late, receive
from m4graph.simulators.packet.tcp.record import RETRANSMIT
from m4graph.simulators.packet.tcp.sender import acknowledge, time_out
from m4graph.simulators.packet.tcp.timers import deadline_reached
from m4graph.simulators.packet.transport import Transport


@hook_kernel
def _on_deadline(s, flow_id, which):
    if not deadline_reached(s, flow_id, which):
        return NONE
    if which == RETRANSMIT:
        return time_out(s, flow_id)
    return answer_late(s, flow_id)


def _first_window_bytes(scenario: Scenario) -> int:
    """As :func:`~m4graph.simulators.packet.tcp.window.set_cwnd` has it for the first window."""
    model = cast(TcpControl, scenario.congestion_control)
    window_bytes = cast(int, model.init_window_bytes)
    if model.advertised_window_bytes is not None:
        window_bytes = min(window_bytes, model.advertised_window_bytes)
    return window_bytes - scenario.config.payload_bytes + 1


TCP = Transport(
    receive=receive,
    acknowledge=acknowledge,
    on_deadline=_on_deadline,
    first_window_bytes=_first_window_bytes,
)
