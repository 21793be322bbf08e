"""What the flows of a link still have to send, and when one of them is through (numba)."""

from __future__ import annotations

from m4graph.core.kernels import kernel
from m4graph.estimate.outlook import fair_bytes_left
from m4graph.estimate.state import Estimate

_MOST_LOOKED_AT = 32
"""Flows of a link that are looked at, the youngest first; they stand for all of them."""


@kernel
def link_backlog_bytes(
    state: Estimate, link_id: int, own_bytes: float, now: int
) -> tuple[float, float, float]:
    """What the flows of a link have left to send, had all gone at max-min fair rates so far.

    Returns:
        tuple: The sum; the same with each flow at ``own_bytes`` at most: what a processor-sharing
        link sends until a flow with so much left is through; and the share of flows with less.
    """
    shares = state.shares
    total_bytes, shared_bytes, less, seen = 0.0, 0.0, 0.0, 0
    hop = shares.links[link_id].head
    while hop >= 0 and seen < _MOST_LOOKED_AT:
        left_bytes = max(fair_bytes_left(shares.flows[shares.hops[hop].flow], now), 0.0)
        total_bytes += left_bytes
        shared_bytes += min(left_bytes, own_bytes)
        less += left_bytes < own_bytes
        seen += 1
        hop = shares.hops[hop].after
    unseen = shares.links[link_id].num_flows / max(seen, 1)
    return total_bytes * unseen, shared_bytes * unseen, less / max(seen, 1)
