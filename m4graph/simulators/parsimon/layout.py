"""Memory layout of the one-link simulator, beside the records that it shares with the packet
simulator: hosts, flows, packets and events are the same.

Times are ticks of a nanosecond since the first start on the link.
"""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import numpy as np
from numba.extending import typeof_impl

from m4graph.simulators.packet.memory import in_lines
from m4graph.simulators.packet.state_type import StateType, Table

TARGET = 0
"""The row of the link that is simulated; that of NIC ``n`` is ``1 + n``."""

NO_ACK, ANSWERED = 5, 6
"""Kinds of a data packet on its way: its sender need not hear of it, or does."""

ACK_BACK, CATCH_UP = map(np.int64, range(10, 12))
"""Kinds of events: an ACK is back at its sender; what has come to the link must be looked at."""

TIME_BITS = 46
"""Of a tick; what is left of 62 bits tells the order of events that are queued within one."""
ORDER_BITS = 62 - TIME_BITS

_WAY = [
    # For a full packet, and for the last one of its flow.
    ("to_full_ticks", "i8"),  # from the end of sending to the link
    ("to_last_ticks", "i8"),
    ("to_gap_full_ticks", "i8"),  # a packet follows another of its flow so much later at least
    ("to_gap_last_ticks", "i8"),
    ("from_full_ticks", "i8"),  # from the link's end to the receiver
    ("from_last_ticks", "i8"),
    ("from_gap_full_ticks", "i8"),
    ("from_gap_last_ticks", "i8"),
    ("ack_ticks", "i8"),  # of an ACK, from the receiver to the sender
    ("to_hop_ticks", "i8"),  # of these, on the last link before: ties go by it; 0: it is the NIC
    ("ack_hop_ticks", "i8"),
]

FLOW_AT_LINK = np.dtype(
    [
        *_WAY,
        ("start_ticks", "i8"),
        ("size_bytes", "i8"),
        ("line_rate_bps", "i8"),  # of its NIC, or what another link leaves it
        ("slowest_bps", "i8"),  # of the other switch ports on its route; 0: there is none
        ("nic", "i8"),  # among the NICs of the link, in the order of first starts
    ]
)
"""All that the simulation of a link knows of a flow. Sorted by starts, these are its input."""

LINK_INPUT = np.dtype(
    [
        ("first_row", "i8"),  # of FLOW_AT_LINK
        ("after_row", "i8"),
        ("first_nic", "i8"),  # of NIC rates
        ("after_nic", "i8"),
        ("rate_bps", "i8"),
        ("kmin_bytes", "i8"),
        ("kmax_bytes", "i8"),
        ("ack_tx_ticks", "i8"),  # on the way back over the link's cable
        ("random", "u8"),  # what its marks are drawn from
        ("is_uplink", "b1"),  # it leaves a host: there is no queue but the NIC
        ("is_downlink", "b1"),  # it leads to a host, whose ACKs leave one by one
    ]
)

LEG = in_lines(
    [
        *_WAY,
        # What has come of it so far.
        ("last_arrival_ticks", "i8"),
        ("last_finish_ticks", "i8"),
        ("start_ticks", "i8"),
        ("row", "i8"),
        ("last_wire_bytes", "i4"),
        ("is_held", "b1"),  # the window may hold it back on its uplink
        ("reports_own", "b1"),  # whether a port of the route that only this flow is on reports
    ]
)
"""A flow on its way to the link and back, beside its record of the packet simulator's."""

COMING = np.dtype([("arrival_ticks", "i8"), ("serial", "i8"), ("packet", "i8")])
"""A packet on its way to the link, with the place of its arrival among events of that time."""

SPOT = np.dtype(
    [
        ("position", "i8"),  # of the link that is simulated
        ("is_running", "b1"),
        ("is_uplink", "b1"),
        ("is_downlink", "b1"),
        ("num_flows", "i8"),
        ("num_started", "i8"),
        ("num_left", "i8"),  # flows whose last packet has not come to the link
        ("ack_tx_ticks", "i8"),
        ("ack_free_ticks", "i8"),
        ("way_back_ticks", "i8"),  # from coming to the link to the ACK at the sender, at least
        ("marks_only", "b1"),  # without a mark, flows keep their rates
        ("keeps_order", "b1"),  # packets come to the link nearly in the order of sending
        ("catch_up_ticks", "i8"),  # when that will be looked at; NONE
        ("catch_up_version", "i8"),  # of that event; others are void
        ("first_coming", "i8"),  # in a ring, counted on
        ("after_coming", "i8"),
        ("previous_start_ticks", "i8"),  # of the packet that was dequeued last
        ("most_queued_bytes", "i8"),
        ("random", "u8"),  # what marks are drawn from
        ("num_packets", "i8"),  # of all links so far
    ]
)
"""Where a run is: a record, so that it can go on after it came back to Python."""


class _Arrays(NamedTuple):
    spot: np.ndarray  # SPOT [1]
    links: np.ndarray  # LINK_INPUT
    flows: np.ndarray  # FLOW_AT_LINK
    nic_bps: np.ndarray  # int64: rates of the NICs of each link
    # Filled in.
    fct_ticks: np.ndarray  # int64, of each row of flows
    sending_ticks: np.ndarray  # from a flow's start to that of sending its last packet
    most_queued_bytes: np.ndarray  # int64, of each link
    # Of the flows of one link.
    legs: np.ndarray  # LEG
    congestion_words: np.ndarray  # uint64 [flows, words]: State.congestion
    new_congestion: np.ndarray  # uint64 [words]: of a new flow
    tx_start_ticks: np.ndarray  # int64, of each packet: when the link sends it
    acks: np.ndarray  # int64: a ring of times for each flow of an uplink, as long as its window
    coming: np.ndarray  # COMING, as many as packets: a ring, sorted by arrival


class LinkRun(_Arrays, Table):
    """Links that are simulated one after the other, and what comes of them."""

    @cached_property
    def kernel_type(self) -> StateType:
        """What compiled code knows it as."""
        return self.plain_type()


@typeof_impl.register(LinkRun)
def _typeof_run(run: LinkRun, c: object) -> StateType:
    return run.kernel_type
