"""The ideal flow completion time: what a flow needs alone on its route. The one definition."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from m4graph.routing import Routes
from m4graph.topology import NetworkArrays
from m4graph.units import BITS_PER_BYTE, NS_PER_S

HEADER_BYTES = 48
"""Bytes that each packet carries on top of its payload (layer 2, IPv4, UDP, sequence number)."""

_BIT_NS = BITS_PER_BYTE * NS_PER_S
_FACTOR = 100_000  # _BIT_NS == 80_000 * _FACTOR


class Flows(Protocol):
    """Flows, of which only the sizes matter: bytes, int64 ``[num_flows]``."""

    @property
    def size_bytes(self) -> NDArray[np.int64]:
        """Bytes."""


def ideal_fct_ns(
    arrays: NetworkArrays,
    workload: Flows,
    routes: Routes,
    payload_bytes: int,
    ticks_per_ns: int = 1,
) -> NDArray[np.int64]:
    r"""Ideal flow completion times, as in ns-3's RDMA model.

    .. math::
        \sum_{l} d_l + \sum_{l} \Big\lfloor \frac{8 (p + h)}{r_l} \Big\rfloor
        + \Big\lfloor \frac{8 (s - p)}{r} \Big\rfloor
        + \Big\lfloor \frac{s - 1}{P} \Big\rfloor \Big\lfloor \frac{8 h}{r} \Big\rfloor

    where :math:`s` is the flow's size, :math:`P` the payload of a packet, :math:`p = \min(s, P)`
    that of the first, :math:`h` the header, :math:`l` the links of the flow's data route with
    delay :math:`d_l` and rate :math:`r_l`, and :math:`r` the slowest of these rates. The first
    packet crosses link after link, the rest follows behind the slowest. Each term is truncated
    to whole ticks, the sum is rounded to ns. The window and the additional headers of TIMELY and
    HPCC are left out, so a lone flow may be slower than its ideal.

    Args:
        arrays (NetworkArrays): The network.
        workload (Flows): The flows, as a workload.
        routes (Routes): Their routes, in the workload's order; each has at least one link.
        payload_bytes (int): Payload of a full packet.
        ticks_per_ns (int): 1 or 1000. (default: ``1``, as in ns-3)

    Shapes:
        - output ``[num_flows]``, int64, ns, in the workload's order
    """
    if len(workload.size_bytes) == 0:
        return np.zeros(0, dtype=np.int64)
    begin = routes.data_ptr[:-1]
    hops = np.diff(routes.data_ptr)
    rate_bps = arrays.link_rate_bps[routes.data_links]
    delay_ns = np.add.reduceat(arrays.link_delay_ns[routes.data_links], begin)
    slowest_bps = np.minimum.reduceat(rate_bps, begin)

    size_bytes = workload.size_bytes.astype(np.int64)
    first_bytes = np.minimum(size_bytes, payload_bytes)
    later_packets = (size_bytes - 1) // payload_bytes
    wire_bytes = np.repeat(first_bytes + HEADER_BYTES, hops)
    header_bytes = np.full_like(size_bytes, HEADER_BYTES)
    ticks = (
        np.add.reduceat(serialization_ticks(wire_bytes, rate_bps, ticks_per_ns), begin)
        + serialization_ticks(size_bytes - first_bytes, slowest_bps, ticks_per_ns)
        + later_packets * serialization_ticks(header_bytes, slowest_bps, ticks_per_ns)
    )
    return np.asarray(delay_ns + (ticks + ticks_per_ns // 2) // ticks_per_ns)


def serialization_ticks(
    size_bytes: NDArray[np.int64], rate_bps: NDArray[np.int64], ticks_per_ns: int = 1
) -> NDArray[np.int64]:
    """Time to put bytes on a link, truncated to whole ticks, exact for sizes of any int64.

    ``8e9 * bytes`` leaves 64 bits from 1.2 GB on, so the division is done in three digits.

    Args:
        size_bytes (np.ndarray): ``[n]``, at least 0.
        rate_bps (np.ndarray): ``[n]``, above 0 and below ``9e13``.
        ticks_per_ns (int): 1 or 1000. (default: ``1``)

    Shapes:
        - output ``[n]``, int64, ticks
    """
    seconds, rest = np.divmod(size_bytes, rate_bps)
    upper, rest = np.divmod(rest * (_BIT_NS // _FACTOR), rate_bps)
    lower, rest = np.divmod(rest * _FACTOR, rate_bps)
    whole_ns = seconds * _BIT_NS + upper * _FACTOR + lower
    return np.asarray(whole_ns * ticks_per_ns + rest * ticks_per_ns // rate_bps)
