"""What the engine asks of a congestion-control algorithm."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class CongestionKernel:
    """One algorithm, as the packet engine runs it.

    Args:
        flow_state: Record type of what the algorithm keeps for each flow.
        parameters: Record type of its parameters.
        make_parameters: From the algorithm's model in ``m4graph.congestion`` to the values of
            ``parameters``, in order.
        make_flow_state: From the parameter model to a new flow's values of ``flow_state``.
        on_ack: ``on_ack(s, flow_id, ack_seq, marked, is_nack)``, a ``register_jitable`` function
            that runs at each ACK, after the window has moved and before the NIC sends again. It
            changes the rate with :func:`m4graph.simulators.packet.hosts.set_rate`; its own record
            of the flow is ``s.congestion[flow_id]``, its parameters ``s.congestion_config[0]``.
        data_overhead_bytes: Header bytes of a data packet, in-band fields included.
        ack_wire_bytes: Size of an ACK on the wire.
    """

    flow_state: np.dtype[Any]
    parameters: np.dtype[Any]
    make_parameters: Callable[[Any], tuple[Any, ...]]
    make_flow_state: Callable[[Any], tuple[Any, ...]]
    on_ack: Callable[..., None]
    data_overhead_bytes: int = 48
    ack_wire_bytes: int = 60
