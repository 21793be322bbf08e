"""The largest round trip between two hosts of an idle network."""

from __future__ import annotations

import numpy as np

from m4graph.core.units import BITS_PER_BYTE, NS_PER_S
from m4graph.topology import NetworkArrays


def largest_idle_rtt_ns(arrays: NetworkArrays, data_wire_bytes: int, ack_wire_bytes: int) -> int:
    """Time until the ACK of a lone packet is back, for the two hosts that are farthest apart.

    The packet takes a route with the fewest links, of these the slowest one, and its ACK the same.

    Args:
        arrays (NetworkArrays): The network.
        data_wire_bytes (int): Size of the packet.
        ack_wire_bytes (int): Size of the ACK.
    """
    rate, delay = arrays.link_rate_bps, arrays.link_delay_ns
    byte_ns = BITS_PER_BYTE * NS_PER_S
    cost_ns = data_wire_bytes * byte_ns // rate + ack_wire_bytes * byte_ns // rate + 2 * delay
    # Hosts with equal links to the same switches see the same network.
    ends: dict[int, list[tuple[int, int]]] = {}
    for link in arrays.host_links.tolist():
        end = int(arrays.link_dst[link]), int(cost_ns[link])
        ends.setdefault(int(arrays.link_src[link]), []).append(end)
    representatives = {tuple(own): host for host, own in ends.items()}
    return max(_farthest_ns(arrays, cost_ns, host) for host in representatives.values())


def _farthest_ns(arrays: NetworkArrays, cost_ns: np.ndarray, host: int) -> int:
    """Breadth first from a host, with the largest cost over all shortest routes to each node."""
    cost_to = np.full(arrays.num_nodes, -1, np.int64)
    cost_to[host] = 0
    open_link = (arrays.link_src >= arrays.num_hosts) | (arrays.link_src == host)
    reached = np.zeros(arrays.num_nodes, bool)
    reached[host] = frontier_left = True
    while frontier_left:
        open_link &= ~reached[arrays.link_dst]
        links = np.flatnonzero(open_link & reached[arrays.link_src])
        ends = arrays.link_dst[links]
        np.maximum.at(cost_to, ends, cost_to[arrays.link_src[links]] + cost_ns[links])
        reached[ends] = True
        frontier_left = len(ends) > 0
    return int(cost_to[: arrays.num_hosts].max())
