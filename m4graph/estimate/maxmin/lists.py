"""The active flows of each link, as a chain of hops (numba)."""

from __future__ import annotations

import numpy as np

from m4graph.core.kernels import inline_kernel


@inline_kernel
def enter_list(links: np.ndarray, hops: np.ndarray, link_id: int, hop: int, flow: int) -> None:
    """Puts a flow first on a link's list.

    Args:
        links (np.ndarray): Records with ``head``, the first hop on a link's list, -1: none.
        hops (np.ndarray): Records of :data:`~.layout.HOP`, one for each hop of all routes.
        link_id (int): The link.
        hop (int): The flow's hop over it.
        flow (int): The flow.
    """
    link = links[link_id]
    hops[hop].flow = flow
    hops[hop].before = -1
    hops[hop].after = link.head
    if link.head >= 0:
        hops[link.head].before = hop
    link.head = hop


@inline_kernel
def leave_list(links: np.ndarray, hops: np.ndarray, link_id: int, hop: int) -> None:
    """Takes a flow off a link's list, which keeps its order; arguments as above."""
    before, after = hops[hop].before, hops[hop].after
    if before >= 0:
        hops[before].after = after
    else:
        links[link_id].head = after
    if after >= 0:
        hops[after].before = before
