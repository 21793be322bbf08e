"""The ideal flow completion time: what a flow needs alone on its route. The one definition."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numba.extending import register_jitable
from numpy.typing import NDArray

from m4graph.core.kernel_cache import cached_njit
from m4graph.core.units import BITS_PER_BYTE, NS_PER_S
from m4graph.routing import Routes
from m4graph.topology import NetworkArrays

HEADER_BYTES = 48
"""Bytes that each packet carries on top of its payload (layer 2, IPv4, UDP, sequence number)."""

ACK_BYTES = 60
"""Bytes of an ACK on the wire."""

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
    header_bytes: int = HEADER_BYTES,
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
    to whole ticks, the sum is rounded to ns, and 1 at least. The window and the additional headers
    of TIMELY and HPCC are left out, so a lone flow may be slower than its ideal.

    Args:
        arrays (NetworkArrays): The network.
        workload (Flows): The flows, as a workload.
        routes (Routes): Their routes, in the workload's order; each has at least one link.
        payload_bytes (int): Payload of a full packet.
        ticks_per_ns (int): 1 or 1000. (default: ``1``, as in ns-3)
        header_bytes (int): Of a packet. (default: :data:`HEADER_BYTES`, as slowdowns have it)

    Shapes:
        - output ``[num_flows]``, int64, ns, in the workload's order
    """
    return _ideal_fct_ns(  # type: ignore[no-any-return]
        workload.size_bytes.astype(np.int64),
        arrays.link_rate_bps,
        arrays.link_delay_ns,
        routes.data_ptr,
        routes.data_links,
        payload_bytes,
        ticks_per_ns,
        header_bytes,
    )


@register_jitable
def serialization_ticks(size_bytes, rate_bps, ticks_per_ns=1):  # type: ignore[no-untyped-def]
    """Time to put bytes on a link, truncated to whole ticks, exact for sizes of any int64.

    ``8e9 * bytes`` leaves 64 bits from 1.2 GB on, so the division is done in three digits.

    Args:
        size_bytes (np.ndarray or int): At least 0.
        rate_bps (np.ndarray or int): Above 0 and below ``9e13``.
        ticks_per_ns (int): 1 or 1000. (default: ``1``)

    Shapes:
        - inputs and output ``[n]``, int64, ticks; or all of them integers
    """
    seconds, rest = size_bytes // rate_bps, size_bytes % rate_bps
    rest = rest * (_BIT_NS // _FACTOR)
    upper, rest = rest // rate_bps, rest % rate_bps
    rest = rest * _FACTOR
    lower, rest = rest // rate_bps, rest % rate_bps
    whole_ns = seconds * _BIT_NS + upper * _FACTOR + lower
    return whole_ns * ticks_per_ns + rest * ticks_per_ns // rate_bps


@cached_njit(nogil=True)
def _ideal_fct_ns(  # type: ignore[no-untyped-def]
    size_bytes, link_rate_bps, link_delay_ns, ptr, links, payload_bytes, ticks_per_ns, header_bytes
):
    """The formula of :func:`ideal_fct_ns`, flow by flow."""
    fct_ns = np.zeros(len(size_bytes), np.int64)
    for flow in range(len(size_bytes)):
        first_bytes = min(size_bytes[flow], payload_bytes)
        slowest_bps = link_rate_bps[links[ptr[flow]]]
        delay_ns, ticks = 0, 0
        for hop in range(ptr[flow], ptr[flow + 1]):
            rate_bps = link_rate_bps[links[hop]]
            slowest_bps = min(slowest_bps, rate_bps)
            delay_ns += link_delay_ns[links[hop]]
            ticks += serialization_ticks(first_bytes + header_bytes, rate_bps, ticks_per_ns)
        later_packets = (size_bytes[flow] - 1) // payload_bytes
        ticks += serialization_ticks(size_bytes[flow] - first_bytes, slowest_bps, ticks_per_ns)
        ticks += later_packets * serialization_ticks(header_bytes, slowest_bps, ticks_per_ns)
        # Slowdowns are ratios to it.
        fct_ns[flow] = max(delay_ns + (ticks + ticks_per_ns // 2) // ticks_per_ns, 1)
    return fct_ns
