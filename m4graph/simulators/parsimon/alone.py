"""What a flow takes alone on its route, with its window."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from m4graph.core.compilation import kernel_digest
from m4graph.core.kernels import cached_kernel, kernel
from m4graph.scenario.ideal import serialization_ticks
from m4graph.scenario.rdma import RdmaControl
from m4graph.simulators.parsimon.decomposition import Decomposition
from m4graph.simulators.parsimon.ways import add_up_ack, add_up_way


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
    window_bytes = (isinstance(control, RdmaControl) and control.fixed_window_bytes) or 0
    fct_ns, sending_ns = np.zeros((2, network.scenario.num_flows), np.int64)
    _fill_alone(network.ways, window_bytes, fct_ns, sending_ns)
    return Alone(fct_ns, sending_ns)


@kernel
def _packet(i, most, nic_tx, slowest_tx, full_ns, round_trip_ns):  # type: ignore[no-untyped-def]
    """When full packet ``i`` is sent and when it is there, with at most so many under way."""
    if most == 0 or i < most:
        return i * nic_tx, full_ns + i * slowest_tx
    if most * slowest_tx >= round_trip_ns:
        return max(i * nic_tx, round_trip_ns + (i - most) * slowest_tx), full_ns + i * slowest_tx
    sent_ns = i // most * round_trip_ns + i % most * slowest_tx
    return sent_ns, sent_ns + full_ns


def _build(digest: str) -> Callable[..., None]:
    @cached_kernel
    def fill_alone(ways, window_bytes, fct_ns, sending_ns):  # type: ignore[no-untyped-def]
        digest  # noqa: B018 - part of numba's cache key: a change of any source recompiles
        full_bytes = ways.payload_bytes + ways.overhead_bytes
        most = 0 if window_bytes == 0 else (window_bytes - 1) // ways.payload_bytes + 1
        for flow in range(len(fct_ns)):
            size_bytes, ptr = ways.size_bytes[flow], ways.route_ptr[flow]
            last = (size_bytes - 1) // ways.payload_bytes
            last_bytes = (size_bytes - 1) % ways.payload_bytes + 1 + ways.overhead_bytes
            full_ns, last_ns, slowest_tx, last_gap = add_up_way(
                ways, ptr, ways.route_ptr[flow + 1], full_bytes, last_bytes
            )
            nic_tx = serialization_ticks(full_bytes, ways.rate_bps[ways.route_links[ptr]])
            ack_ns, _ = add_up_ack(ways, flow)
            trip_ns = full_ns + ack_ns
            sent_ns, _ = _packet(last, most, nic_tx, slowest_tx, full_ns, trip_ns)
            sending_ns[flow] = sent_ns
            fct_ns[flow] = sent_ns + last_ns
            if last > 0:
                _, came_ns = _packet(last - 1, most, nic_tx, slowest_tx, full_ns, trip_ns)
                fct_ns[flow] = max(fct_ns[flow], came_ns + last_gap)

    return fill_alone  # type: ignore[no-any-return]


_fill_alone = _build(kernel_digest(__name__))
