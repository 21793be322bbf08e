r"""What a flow has to drain, and what its completion time has on top of that.

A fluid knows neither packets nor delays. To be comparable with the packet simulators, a flow that
is alone on its route must take its ideal FCT. That time has two parts: the *latency*

.. math::
    L = \sum_l d_l + \sum_l \lfloor t_l \rfloor - \max_l \lfloor t_l \rfloor,

the delays of the route and the times :math:`t_l` of the first packet on all links but the slowest,
which does not depend on other flows here, and the rest, in which the slowest link sends the whole
flow, headers included. The rest defines the volume that drains at the fair rate:

.. math::
    V = (\mathrm{ideal} - L) \cdot \min_l r_l .

This is the flow's bytes on the wire, up to the whole nanoseconds into which the ideal FCT (as
ns-3 does) cuts the time of each packet. Taking :math:`V` as the wire bytes, and all else as
latency, would make the latency negative for long flows: 48 bytes at 10 Gb/s are 38.4 ns, not 38.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from m4graph.core.compilation import kernel_digest
from m4graph.core.kernels import cached_kernel
from m4graph.core.units import BITS_PER_BYTE, NS_PER_S
from m4graph.scenario.ideal import HEADER_BYTES, serialization_ticks


class Links(Protocol):
    """The links of a network: rates and delays, int64 ``[num_links]``."""

    @property
    def link_rate_bps(self) -> NDArray[np.int64]:
        """Bits a second."""

    @property
    def link_delay_ns(self) -> NDArray[np.int64]:
        """Nanoseconds."""


def link_bytes_per_ns(arrays: Links) -> NDArray[np.float64]:
    """Rate of each directed link, float64 ``[num_links]``."""
    return np.asarray(arrays.link_rate_bps / (BITS_PER_BYTE * NS_PER_S))


def volumes_and_latencies(
    arrays: Links,
    size_bytes: NDArray[np.int64],
    ideal_fct_ns: NDArray[np.int64],
    route_ptr: NDArray[np.int64],
    route_links: NDArray[np.int32],
    payload_bytes: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Splits the ideal FCT of each flow into a volume to drain and a latency.

    Args:
        arrays (Links): The network, as :class:`~m4graph.topology.NetworkArrays`.
        size_bytes (np.ndarray): Size of each flow.
        ideal_fct_ns (np.ndarray): From :func:`~m4graph.scenario.ideal.ideal_fct_ns`, on
            the same routes.
        route_ptr (np.ndarray): Where each route starts in ``route_links``.
        route_links (np.ndarray): Directed links of the routes.
        payload_bytes (int): Payload of a full packet.

    Shapes:
        - size_bytes, ideal_fct_ns ``[num_flows]``; route_ptr ``[num_flows + 1]``
        - output: bytes and ns, both float64 ``[num_flows]``
    """
    volume_bytes, latency_ns = np.zeros(len(size_bytes)), np.zeros(len(size_bytes))
    _fill_volumes_and_latencies(
        volume_bytes,
        latency_ns,
        arrays.link_rate_bps,
        arrays.link_delay_ns,
        size_bytes,
        ideal_fct_ns,
        route_ptr,
        route_links,
        payload_bytes,
    )
    return volume_bytes, latency_ns


def _build(digest: str) -> Callable[..., None]:
    @cached_kernel
    def fill_volumes_and_latencies(  # type: ignore[no-untyped-def]
        volume_bytes,
        latency_ns,
        link_rate_bps,
        link_delay_ns,
        size_bytes,
        ideal_fct_ns,
        route_ptr,
        route_links,
        payload_bytes,
    ):
        digest  # noqa: B018 - part of numba's cache key: a change of any source recompiles
        for flow in range(len(size_bytes)):
            packet_bytes = min(size_bytes[flow], payload_bytes) + HEADER_BYTES
            slowest_bps = link_rate_bps[route_links[route_ptr[flow]]]
            total_ns, longest_ns = 0, 0
            for hop in range(route_ptr[flow], route_ptr[flow + 1]):
                rate_bps = link_rate_bps[route_links[hop]]
                slowest_bps = min(slowest_bps, rate_bps)
                packet_ns = serialization_ticks(packet_bytes, rate_bps)
                longest_ns = max(longest_ns, packet_ns)
                total_ns += link_delay_ns[route_links[hop]] + packet_ns
            latency_ns[flow] = total_ns - longest_ns
            slowest = slowest_bps / (BITS_PER_BYTE * NS_PER_S)
            volume_bytes[flow] = (ideal_fct_ns[flow] - (total_ns - longest_ns)) * slowest

    return fill_volumes_and_latencies  # type: ignore[no-any-return]


_fill_volumes_and_latencies = _build(kernel_digest(__name__))
