"""What the simulation of a link is given of its flows: constants of their ways, and their NICs.

docs/parsimon.md, "One link".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from m4graph.core.compilation import kernel_digest
from m4graph.core.kernels import cached_kernel, kernel
from m4graph.scenario.ideal import serialization_ticks


class Ways(NamedTuple):
    """The flows of a network and their routes, as compiled code takes them."""

    rate_bps: NDArray[np.int64]  # of each link
    built_bps: NDArray[np.int64]  # without faults: what senders and thresholds go by
    left_bps: NDArray[np.int64]  # what ACKs of the other direction leave of it
    delay_ns: NDArray[np.int64]
    src: NDArray[np.int32]  # of each flow
    size_bytes: NDArray[np.int64]
    start_ns: NDArray[np.int64]
    route_ptr: NDArray[np.int64]
    route_links: NDArray[np.int32]
    ack_ptr: NDArray[np.int64]
    ack_links: NDArray[np.int32]
    payload_bytes: int
    overhead_bytes: int
    ack_bytes: int


@kernel
def _fill_ways(ways, row, flow, here):  # type: ignore[no-untyped-def]
    """Adds up what is constant on a flow's way: propagation and sending on all other links.

    A NIC's own sending is simulated. If the link is an uplink, all other links lie behind it.
    """
    ptr, after = ways.route_ptr[flow], ways.route_ptr[flow + 1]
    full_bytes = ways.payload_bytes + ways.overhead_bytes
    size_bytes = ways.size_bytes[flow]
    last_bytes = (size_bytes - 1) % ways.payload_bytes + 1 + ways.overhead_bytes
    to_full, to_last, row.to_gap_full_ticks, row.to_gap_last_ticks = add_up_way(
        ways, ptr + 1, here, full_bytes, last_bytes
    )
    from_full, from_last, row.from_gap_full_ticks, row.from_gap_last_ticks = add_up_way(
        ways, here + 1, after, full_bytes, last_bytes
    )
    nic_delay_ns = ways.delay_ns[ways.route_links[ptr]]
    own_delay_ns = ways.delay_ns[ways.route_links[here]]
    is_uplink = here == ptr
    row.to_full_ticks = 0 if is_uplink else to_full + nic_delay_ns
    row.to_last_ticks = 0 if is_uplink else to_last + nic_delay_ns
    row.from_full_ticks = from_full + own_delay_ns
    row.from_last_ticks = from_last + own_delay_ns
    row.to_hop_ticks = 0
    if here > ptr + 1:
        before = ways.route_links[here - 1]
        full_tx = serialization_ticks(full_bytes, ways.rate_bps[before])
        row.to_hop_ticks = full_tx + ways.delay_ns[before]
    row.ack_ticks, row.ack_hop_ticks = add_up_ack(ways, flow)


@kernel
def add_up_way(ways, first, after, full_bytes, last_bytes):  # type: ignore[no-untyped-def]
    """Times over a part of a route: of a full packet and of the last one, and their gaps.

    A packet leaves a link its own sending after the one before it in its flow, at least. The
    largest sum of sending on from any link, less what the other one needs from there, is by how
    much the two are apart in the end.
    """
    full_ticks, last_ticks, gap_full_ticks, gap_last_ticks = 0, 0, 0, 0
    full_tx_behind, last_tx_behind = 0, 0
    for hop in range(after - 1, first - 1, -1):
        link = ways.route_links[hop]
        full_tx = serialization_ticks(full_bytes, ways.rate_bps[link])
        last_tx = serialization_ticks(last_bytes, ways.rate_bps[link])
        last_tx_behind += last_tx
        gap_full_ticks = max(gap_full_ticks, full_tx)
        gap_last_ticks = max(gap_last_ticks, last_tx_behind - full_tx_behind)
        full_tx_behind += full_tx
        full_ticks += full_tx + ways.delay_ns[link]
        last_ticks += last_tx + ways.delay_ns[link]
    return full_ticks, last_ticks, gap_full_ticks, gap_last_ticks


@kernel
def _slowest_other_bps(ways, flow, here):  # type: ignore[no-untyped-def]
    """The lowest rate of the switch ports on a route, but for the link itself; 0: there is none."""
    slowest_bps = 0
    ptr = ways.route_ptr[flow]
    for hop in range(1, ways.route_ptr[flow + 1] - ptr):
        rate_bps = ways.rate_bps[ways.route_links[ptr + hop]]
        if hop != here and (slowest_bps == 0 or rate_bps < slowest_bps):
            slowest_bps = rate_bps
    return slowest_bps


@kernel
def add_up_ack(ways, flow):  # type: ignore[no-untyped-def]
    """Time of an ACK from the receiver to the sender, and what of it the last link takes."""
    total_ticks, hop_ticks = 0, 0
    for hop in range(ways.ack_ptr[flow], ways.ack_ptr[flow + 1]):
        link = ways.ack_links[hop]
        tx = serialization_ticks(ways.ack_bytes, ways.rate_bps[link])
        hop_ticks = tx + ways.delay_ns[link]
        total_ticks += hop_ticks
    return total_ticks, hop_ticks


def _build(digest: str) -> Callable[..., int]:
    @cached_kernel
    def fill_flows(ways, rows, row_flow, row_hop, nic_of_link, nic_bps):  # type: ignore[no-untyped-def]
        """Fills the input of one link, whose flows are given in the order of their starts.

        Args:
            ways (Ways): The network's flows.
            rows (np.ndarray): FLOW_AT_LINK ``[flows]``, filled in.
            row_flow (np.ndarray): Each flow.
            row_hop (np.ndarray): The link's position in its route.
            nic_of_link (np.ndarray): int64 ``[links]`` of -1, and left so.
            nic_bps (np.ndarray): int64 ``[flows]``, filled in.

        Returns:
            int: How many NICs there are.
        """
        digest  # noqa: B018 - part of numba's cache key: a change of any source recompiles
        num_nics = 0
        origin_ns = ways.start_ns[row_flow[0]]
        for i in range(len(rows)):
            flow, row = row_flow[i], rows[i]
            uplink = ways.route_links[ways.route_ptr[flow]]
            nic = nic_of_link[uplink]
            if nic < 0:
                nic = num_nics
                nic_of_link[uplink] = nic
                nic_bps[nic] = ways.left_bps[uplink]
                num_nics += 1
            row.nic = nic
            row.start_ticks = ways.start_ns[flow] - origin_ns
            row.size_bytes = ways.size_bytes[flow]
            row.line_rate_bps = ways.built_bps[uplink]
            _fill_ways(ways, row, flow, ways.route_ptr[flow] + row_hop[i])
            row.slowest_bps = _slowest_other_bps(ways, flow, row_hop[i])
        for i in range(len(rows)):
            nic_of_link[ways.route_links[ways.route_ptr[row_flow[i]]]] = -1
        return num_nics

    return fill_flows  # type: ignore[no-any-return]


fill_flows = _build(kernel_digest(__name__))
