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

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from m4graph.ideal import HEADER_BYTES, serialization_ticks
from m4graph.units import BITS_PER_BYTE, NS_PER_S


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
        ideal_fct_ns (np.ndarray): From :func:`m4graph.ideal.ideal_fct_ns`, on the same routes.
        route_ptr (np.ndarray): Where each route starts in ``route_links``.
        route_links (np.ndarray): Directed links of the routes.
        payload_bytes (int): Payload of a full packet.

    Shapes:
        - size_bytes, ideal_fct_ns ``[num_flows]``; route_ptr ``[num_flows + 1]``
        - output: bytes and ns, both float64 ``[num_flows]``
    """
    if not len(size_bytes):
        return np.zeros(0), np.zeros(0)
    begin, hops = route_ptr[:-1], np.diff(route_ptr)
    rate_bps = arrays.link_rate_bps[route_links]
    packet_bytes = np.repeat(np.minimum(size_bytes, payload_bytes) + HEADER_BYTES, hops)
    packet_ns = serialization_ticks(packet_bytes, rate_bps)
    latency_ns = (
        np.add.reduceat(arrays.link_delay_ns[route_links], begin)
        + np.add.reduceat(packet_ns, begin)
        - np.maximum.reduceat(packet_ns, begin)
    )
    slowest = np.minimum.reduceat(link_bytes_per_ns(arrays)[route_links], begin)
    return (ideal_fct_ns - latency_ns) * slowest, latency_ns.astype(np.float64)
