"""What a flow takes alone on its route, with its window."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from m4graph.scenario.ideal import serialization_ticks
from m4graph.scenario.rdma import RdmaControl
from m4graph.simulators.parsimon.decomposition import Decomposition


@dataclass(frozen=True)
class Alone:
    """Flows, each alone in the network.

    Args:
        fct_ns (np.ndarray): From the start to the last byte at the receiver.
        sending_ns (np.ndarray): From the start to that of sending the last packet.

    Shapes:
        - int64 ``[num_flows]``
    """

    fct_ns: NDArray[np.int64]
    sending_ns: NDArray[np.int64]


def alone(network: Decomposition) -> Alone:
    """Works out how long flows would take alone: exact, for an algorithm that only marks slow.

    A window of ``w`` packets lets packet ``i`` go when packet ``i - w`` is acknowledged, so that
    packets leave in rounds, unless a round trip is over before the window is sent.
    """
    control = network.scenario.congestion_control
    # TCP's first window grows.
    window_bytes = (isinstance(control, RdmaControl) and control.init_window_bytes) or 0
    fct_ns, sending_ns = _alone(network.ways, window_bytes)
    return Alone(fct_ns, sending_ns)


@njit(cache=True, nogil=True)
def _alone(ways, window_bytes):  # type: ignore[no-untyped-def]
    num_flows = len(ways.size_bytes)
    fct_ns, sending_ns = np.zeros(num_flows, np.int64), np.zeros(num_flows, np.int64)
    full_bytes = ways.payload_bytes + ways.overhead_bytes
    for flow in range(num_flows):
        size_bytes = ways.size_bytes[flow]
        num_packets = (size_bytes - 1) // ways.payload_bytes + 1
        last_bytes = (size_bytes - 1) % ways.payload_bytes + 1 + ways.overhead_bytes
        full_ns, last_ns, slowest_tx, last_gap, nic_tx = 0, 0, 0, 0, 0
        full_behind, last_behind = 0, 0
        ptr = ways.route_ptr[flow]
        for hop in range(ways.route_ptr[flow + 1] - 1, ptr - 1, -1):
            link = ways.route_links[hop]
            full_tx = serialization_ticks(full_bytes, ways.rate_bps[link])
            last_tx = serialization_ticks(last_bytes, ways.rate_bps[link])
            last_behind += last_tx
            slowest_tx = max(slowest_tx, full_tx)
            last_gap = max(last_gap, last_behind - full_behind)
            full_behind += full_tx
            full_ns += full_tx + ways.delay_ns[link]
            last_ns += last_tx + ways.delay_ns[link]
            nic_tx = full_tx
        round_trip_ns = full_ns
        for hop in range(ways.ack_ptr[flow], ways.ack_ptr[flow + 1]):
            link = ways.ack_links[hop]
            round_trip_ns += ways.delay_ns[link]
            round_trip_ns += serialization_ticks(ways.ack_bytes, ways.rate_bps[link])
        most = 0 if window_bytes == 0 else (window_bytes - 1) // ways.payload_bytes + 1
        sent_ns, _ = _packet(num_packets - 1, most, nic_tx, slowest_tx, full_ns, round_trip_ns)
        sending_ns[flow] = sent_ns
        fct_ns[flow] = sent_ns + last_ns
        if num_packets > 1:
            _, came_ns = _packet(num_packets - 2, most, nic_tx, slowest_tx, full_ns, round_trip_ns)
            fct_ns[flow] = max(fct_ns[flow], came_ns + last_gap)
    return fct_ns, sending_ns


@njit(cache=True, nogil=True)
def _packet(i, most, nic_tx, slowest_tx, full_ns, round_trip_ns):  # type: ignore[no-untyped-def]
    """When full packet ``i`` is sent and when it is there, with at most so many under way."""
    if most == 0 or i < most:
        return i * nic_tx, full_ns + i * slowest_tx
    if most * slowest_tx >= round_trip_ns:
        return max(i * nic_tx, round_trip_ns + (i - most) * slowest_tx), full_ns + i * slowest_tx
    sent_ns = i // most * round_trip_ns + i % most * slowest_tx
    return sent_ns, sent_ns + full_ns
