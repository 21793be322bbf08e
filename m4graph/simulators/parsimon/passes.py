"""Two passes over the links: the second one knows which flows another link holds back.

docs/parsimon.md, "Two passes".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from m4graph.core.units import BITS_PER_BYTE, NS_PER_S, mbps_to_bps
from m4graph.scenario.rdma import RdmaControl
from m4graph.simulators.parsimon.alone import Alone
from m4graph.simulators.parsimon.combination import bottleneck_row
from m4graph.simulators.parsimon.decomposition import Decomposition

_FEW_PACKETS = 18
"""A flow of so many packets is over before anything could hold it back for long."""
_HELD_BACK = 1.05
"""A flow is held back if its last packet is sent so much later than alone."""
_MATTERS = 0.2
"""A link is simulated anew if so much of its packets belongs to flows held back elsewhere."""


@dataclass(frozen=True)
class HeldBack:
    """Flows that one link gives less than their sender's NIC would.

    Args:
        row (np.ndarray): The row in which a flow is held back; -1: it is not. int64 ``[num_flows]``
        limit_bps (np.ndarray): What that leaves it at its other links; 0: all.
            int64 ``[num_rows]``
    """

    row: NDArray[np.int64]
    limit_bps: NDArray[np.int64]


def held_back(
    network: Decomposition,
    fct_ns: NDArray[np.int64],
    sending_ns: NDArray[np.int64],
    alone: Alone,
) -> HeldBack:
    """Finds the flows that are held back, and where.

    Args:
        network (Decomposition): The network.
        fct_ns (np.ndarray): int64 ``[num_rows]``, from the first pass; below 0 where a link was
            not simulated.
        sending_ns (np.ndarray): The same, up to when the last packet is sent.
        alone (Alone): The flows alone.
    """
    scenario = network.scenario
    row = bottleneck_row(network, fct_ns)
    sent_ns = np.where(row < 0, 0, sending_ns[row])
    is_slow = (network.num_packets > _FEW_PACKETS) & (sent_ns > _HELD_BACK * alone.sending_ns)
    row = np.where(is_slow, row, -1)
    # What is sent before the last packet, in the time up to it.
    full_bytes = network.ways.payload_bytes + network.ways.overhead_bytes
    sent_bits = (network.num_packets - 1) * float(full_bytes * BITS_PER_BYTE)
    rate_bps = sent_bits * NS_PER_S / np.maximum(sent_ns, 1)
    control = scenario.congestion_control
    least_bps = mbps_to_bps(control.min_rate_mbps) if isinstance(control, RdmaControl) else 1
    flow_bps = np.where(is_slow, np.maximum(rate_bps, least_bps), 0).astype(np.int64)
    limit_bps = flow_bps[network.row_flow]
    limit_bps[row[row >= 0]] = 0
    return HeldBack(row, limit_bps)


def links_that_matter(network: Decomposition, limit_bps: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Links on which enough packets belong to flows that are held back elsewhere."""
    packets = network.num_packets[network.row_flow]
    limited = network.sum_by_link(np.where(limit_bps > 0, packets, 0))
    return np.asarray(limited > _MATTERS * network.link_packets)


def second_pass(
    held: HeldBack,
    combine: Callable[[NDArray[np.int64]], NDArray[np.int64]],
    again_ns: NDArray[np.int64],
) -> NDArray[np.int64]:
    """The FCTs of flows after the second pass.

    A flow that is held back has its time from the link that does it alone: at others it was sent
    at the rate that this link gave it in the first pass, so they would hold it back once more.

    Args:
        held (HeldBack): Flows that are held back.
        combine (Callable): From times of rows to those of flows.
        again_ns (np.ndarray): int64 ``[num_rows]``, from the second pass; those of links that were
            not simulated again are those of the first.
    """
    return np.where(held.row >= 0, again_ns[held.row], combine(again_ns))
