"""What the physics knows of the flows and links of one or more networks, between two events.

Several networks stand side by side in one estimate: flows and links are numbered through, and share
nothing. So one call treats one event of each network. Rates are bytes/ns, waits ns.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from m4graph.estimate.maxmin.filling import Scratch
from m4graph.estimate.maxmin.layout import Shares

FLOW_RECORD = np.dtype(
    [
        ("start_ns", "i8"),
        ("ideal_ns", "f8"),
        ("wire_bytes", "f8"),
        ("latency_ns", "f8"),  # of the ideal FCT, beyond the time to drain
        ("line_rate", "f8"),  # of the slowest link of the route
        ("rtt_ns", "f8"),  # idle round trip; of a flow within one window, its ideal FCT
        ("window_bytes", "f8"),  # on the wire, whole packets
        ("last_window_bytes", "f8"),
        ("is_burst", "i4"),  # it fits into one window, and into the pipe
        ("fills_pipe", "i4"),  # its window does
        ("variable_window", "i4"),
        ("network", "i4"),
        # Estimates of the present:
        ("send_rate", "f8"),
        ("rest_rate", "f8"),  # the same when waits have come to rest
        ("remaining_bytes", "f8"),  # to send at settled_ns
        ("settled_ns", "i8"),
        ("queue_ns", "f8"),  # wait along the route
        ("rest_ns", "f8"),  # where it comes to rest
        ("waited", "f8"),  # its integral since the start, ns * ns
        ("open_bytes", "f8"),  # in flight
        ("pace", "f8"),  # rate that it may not exceed
        ("burst_ns", "f8"),  # FCT of a flow within one window, as estimated when it arrived
        ("burst_wait_ns", "f8"),  # of its first window, behind other bursts
        ("first_wait_ns", "f8"),  # in standing queues, when it arrived
        # Of congestion control, see control.py:
        ("grant", "f8"),
        ("least_grant", "f8"),
        ("target", "f8"),  # DCQCN's; below 0: never marked
        ("rises", "f8"),  # of DCQCN's timer, due
        ("stage", "f8"),  # rises since the last cut
        ("trip_ns", "f8"),  # TIMELY's last round trip
        ("marking", "f8"),
        ("reacted_ns", "i8"),
        # When its competition was last looked at:
        ("backlog_ns", "f8"),  # the busiest link of its route sends what its flows have left
    ],
    align=True,
)
LINK_RECORD = np.dtype(
    [
        ("rate", "f8"),
        ("delay_ns", "f8"),
        ("wait_ns", "f8"),  # at wait_at_ns
        ("wait_at_ns", "i8"),
        ("rest_ns", "f8"),  # where the wait comes to rest
        ("speed", "f8"),  # how fast it goes there, ns/ns
        ("squeeze", "f8"),  # what its rate is of what its flows would send at rest, 1 at most
        ("held_ns", "f8"),  # congestion control lets the wait grow no further
        ("used", "f8"),  # rate
        ("marking", "f8"),
        ("marking_bytes", "f8"),  # threshold, or the pool where nothing is marked
        ("burst_bytes", "f8"),  # of bursts, queued at burst_at_ns
        ("inflow_bytes", "f8"),  # of bursts, on their way
        ("inflow_ns", "f8"),  # until they are in
        ("burst_at_ns", "f8"),
        ("kind", "i4"),  # bit 0: leaves a host, bit 1: enters a host
        ("src", "i4"),
        ("dst", "i4"),
        ("reverse", "i4"),  # the other direction of its cable, -1: none
        ("num_long", "i4"),  # flows that do not fit into one window
        ("network", "i4"),
    ],
    align=True,
)
NODE_RECORD = np.dtype([("pool_bytes", "f8"), ("queue_bytes", "f8")], align=True)
NETWORK_RECORD = np.dtype(
    [
        ("now_ns", "i8"),
        ("unit_ns", "f8"),  # a full packet at the slowest NIC
        ("packet_bytes", "f8"),
        ("window_bytes", "f8"),  # of the configuration, or the NIC's pipe if there is none
        ("nic_rate", "f8"),
        ("usable", "f8"),  # what congestion control lets flows use of a link; 0: nobody knows
    ],
    align=True,
)
CONTROL_RECORD = np.dtype(
    [
        ("algorithm", "i4"),  # a code of runs/settings.py
        ("additive_increase_bps", "f8"),
        ("hyper_increase_bps", "f8"),
        ("increase_timer_ns", "f8"),
        ("fast_recovery_steps", "f8"),
        ("clamp_target_rate", "f8"),  # 0 or 1
        ("t_low_ns", "f8"),
        ("t_high_ns", "f8"),
        ("min_rtt_ns", "f8"),
        ("beta", "f8"),
        ("eta", "f8"),
    ],
    align=True,
)
"""What :mod:`.control` reads of an algorithm's parameters, of one network."""


class Estimate(NamedTuple):
    """The estimate of some networks; :mod:`.build` makes it, :mod:`.events` carries it on.

    Shapes:
        - shares, scratch: who crosses what, and max-min fair rates
        - flows, links, nodes, networks, controls: records, ``[num_flows]`` ... ``[num_networks]``
    """

    shares: Shares
    scratch: Scratch
    flows: np.ndarray
    links: np.ndarray
    nodes: np.ndarray
    networks: np.ndarray
    controls: np.ndarray
