"""What the engine asks of a congestion-control algorithm."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from m4graph.core.calls import plain_call
from m4graph.scenario import Scenario
from m4graph.scenario.ideal import ACK_BYTES, HEADER_BYTES
from m4graph.simulators.packet.jit import inline_hook_kernel
from m4graph.simulators.packet.rdma import RDMA
from m4graph.simulators.packet.transport import Transport


@inline_hook_kernel
def nothing(s, subject, detail):
    """The hook of an algorithm that does nothing there."""


@plain_call
@dataclass(frozen=True)
class CongestionKernel:
    """One algorithm, as the packet engine runs it.

    The hooks are ``register_jitable`` functions of the state ``s``
    (:class:`~m4graph.simulators.packet.state.State`). The algorithm's own record of a flow is
    ``s.congestion[flow_id]``, its parameters are ``s.congestion_config[0]``, and what a packet
    carries for it is ``s.in_band[packet_id]``; an ACK brings back what its data packet carried.

    Args:
        flow_state: Record type of what the algorithm keeps for each flow.
        parameters: Record type of its parameters.
        make_parameters: From a scenario to the values of ``parameters``, in order; raises
            :class:`~m4graph.core.errors.ConfigError` if the algorithm cannot run it.
        make_flow_state: From the parameter model to a new flow's values of ``flow_state``.
        on_ack: ``on_ack(s, flow_id, packet_id)``, at each ACK or NACK (``s.packets[packet_id]``),
            after the transport has seen it and before the NIC sends again. It changes the rate with
            :func:`m4graph.simulators.packet.hosts.set_rate`, or TCP's window with
            :func:`m4graph.simulators.packet.tcp.window.set_cwnd`.
        on_timer: ``on_timer(s, flow_id, timer)``, when a timer of
            :func:`m4graph.simulators.packet.events.start_timer` expires.
        on_send: ``on_send(s, flow_id, packet_id)``, when the NIC takes a data packet to send it.
        on_forward: ``on_forward(s, link_id, packet_id)``, when a switch has taken a data packet
            off the queue of a port to send it.
        in_band: Record type of what a packet carries; ``None``: nothing.
        num_timers: Timers of a flow, numbered from 0.
        data_overhead_bytes: Header bytes of a data packet, in-band fields included.
        ack_wire_bytes: Size of an ACK on the wire.
        max_switches: How many a route may have; ``None``: any number.
        transport: What sends, receives and acknowledges.
        slowed_by_marks_only: Without a mark, a flow keeps the rate that it starts with.
        keeps_routes: It counts on every packet of a flow to take one route.
    """

    flow_state: np.dtype[Any]
    parameters: np.dtype[Any]
    make_parameters: Callable[[Scenario], tuple[Any, ...]]
    make_flow_state: Callable[[Any], tuple[Any, ...]]
    on_ack: Callable[..., None]
    on_timer: Callable[..., None] = nothing
    on_send: Callable[..., None] = nothing
    on_forward: Callable[..., None] = nothing
    in_band: np.dtype[Any] | None = None
    num_timers: int = 0
    data_overhead_bytes: int = HEADER_BYTES
    ack_wire_bytes: int = ACK_BYTES
    max_switches: int | None = None
    transport: Transport = RDMA
    slowed_by_marks_only: bool = False
    keeps_routes: bool = False
