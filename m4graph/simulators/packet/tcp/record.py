"""What TCP keeps for a flow, what a segment carries, and TCP's parameters.

An algorithm's own record of a flow starts with ``TCP_FLOW``, its parameters with
``TCP_PARAMETERS``.
"""

from __future__ import annotations

from typing import cast

import numpy as np

from m4graph.core.units import NS_PER_US
from m4graph.scenario import Scenario
from m4graph.scenario.tcp import TcpControl
from m4graph.simulators.packet.layout import NONE

RETRANSMIT, DELAYED_ACK = 0, 1
"""The deadlines of a flow."""

NO_THRESHOLD_BYTES = 2**62
_MAX_RTO_US = 60_000_000

TCP_ACK_WIRE_BYTES = 64
"""An ACK fills up a frame of the smallest size. Preamble and gap between frames are left out, as in
the RDMA model."""

TCP_FLOW = [
    # The sender; what it has in common with the RDMA transport stands in State.flows.
    ("cwnd_bytes", "i8"),
    ("ssthresh_bytes", "i8"),
    ("snd_max", "i8"),  # what follows the last byte ever sent
    ("resume_seq", "i8"),  # where to go on after the one retransmission at snd_nxt, or NONE
    ("acked_bytes", "i8"),  # by the ACK that is being processed
    ("num_duplicates", "i8"),
    ("recover_seq", "i8"),  # recovery ends when all before it is acknowledged
    ("in_recovery", "b1"),
    ("had_partial_ack", "b1"),
    ("may_grow", "b1"),  # the ACK that is being processed lets the window grow
    ("reduced_seq", "i8"),  # marks are heard again when all before it is acknowledged
    ("tell_reduced", "b1"),  # the next new segment carries CWR
    ("timed_seq", "i8"),  # the ACK that gives a round-trip time, or NONE
    ("timed_ticks", "i8"),
    ("srtt_ticks", "i8"),  # 0: none measured yet
    ("rttvar_ticks", "i8"),
    ("rto_ticks", "i8"),
    ("num_timeouts", "i8"),  # in a row
    ("deadline_ticks", "i8", 2),  # NONE: not running
    ("queued_ticks", "i8", 2),  # when the event comes that looks at it, or NONE
    # The receiver.
    ("first_range", "i4"),  # received beyond a gap: a list of packets' records, by sequence
    ("num_delayed", "i4"),  # segments that have not been acknowledged yet
    ("echo", "b1"),  # ACKs carry a mark
]
TCP_IN_BAND = np.dtype([("end_seq", "i8"), ("reduced", "b1")])
"""What a segment carries: the byte after its last, and CWR. A range beyond a gap ends, too."""

TCP_PARAMETERS = [
    ("window_bytes", "i8"),  # the receiver's
    ("min_rto_ticks", "i8"),
    ("max_rto_ticks", "i8"),
    ("initial_rto_ticks", "i8"),
    ("timeout_limit", "i8"),
    ("delayed_ack", "b1"),
    ("delayed_ack_ticks", "i8"),
    ("exact_echo", "b1"),  # RFC 8257: an ACK has the mark of its segments, not RFC 3168's latch
]


def tcp_parameters(scenario: Scenario, exact_echo: bool) -> tuple[float, ...]:
    """The values of ``TCP_PARAMETERS`` for a scenario."""
    model = cast(TcpControl, scenario.congestion_control)
    ticks_per_us = NS_PER_US * scenario.config.ticks_per_ns
    return (
        model.advertised_window_bytes or NO_THRESHOLD_BYTES,
        round(model.min_rto_us * ticks_per_us),
        _MAX_RTO_US * ticks_per_us,
        round(model.initial_rto_us * ticks_per_us),
        model.retransmit_limit,
        model.delayed_ack,
        round(model.delayed_ack_timeout_us * ticks_per_us),
        exact_echo,
    )


def tcp_flow(model: TcpControl) -> tuple[object, ...]:
    """The values of ``TCP_FLOW`` for a new flow of a resolved model."""
    values: dict[str, object] = {str(field[0]): 0 for field in TCP_FLOW}
    for name in ("resume_seq", "recover_seq", "timed_seq", "first_range"):
        values[name] = NONE
    for name in ("deadline_ticks", "queued_ticks"):
        values[name] = (NONE, NONE)
    values["cwnd_bytes"] = model.init_window_bytes
    values["ssthresh_bytes"] = NO_THRESHOLD_BYTES
    return tuple(values.values())
