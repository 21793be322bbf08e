"""PFC headroom: what a switch sets aside for what is still on its way after a pause."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from m4graph.core.products import multiply_divide
from m4graph.core.units import BITS_PER_BYTE, NS_PER_S
from m4graph.scenario.ideal import HEADER_BYTES
from m4graph.scenario.network import NetworkConfig
from m4graph.topology import NetworkArrays

_CONSTANT_BYTES = 3860
_QUEUES_WITH_HEADROOM = 2


def link_headroom_bytes(arrays: NetworkArrays, payload_bytes: int) -> NDArray[np.int64]:
    r"""What one queue behind each link sets aside, as in ns-3's RDMA model.

    .. math::
        2 (P + 48) + 3860 + \lfloor 2 r_l d_l / 8 \rfloor,

    two packets of payload :math:`P`, a constant, and what link :math:`l` of rate :math:`r_l` and
    delay :math:`d_l` holds there and back.

    Shapes:
        - output int64 ``[num_links]``
    """
    half = BITS_PER_BYTE * NS_PER_S // 2
    in_flight = multiply_divide(arrays.link_rate_bps, arrays.link_delay_ns, half)
    return np.asarray(2 * (payload_bytes + HEADER_BYTES) + _CONSTANT_BYTES + in_flight)


def switch_headroom_bytes(arrays: NetworkArrays, config: NetworkConfig) -> NDArray[np.float64]:
    """What each switch sets aside for all links that lead to it, up to ``headroom_cap``.

    Shapes:
        - output float64 ``[num_nodes]``; for a host, what a switch in its place would
    """
    total = np.zeros(arrays.num_nodes)
    link_bytes = link_headroom_bytes(arrays, config.payload_bytes)
    np.add.at(total, arrays.link_dst, float(_QUEUES_WITH_HEADROOM) * link_bytes)
    if config.headroom_cap is not None:
        total = np.minimum(total, config.headroom_cap * config.buffer_bytes)
    return total
