r"""Exact max-min fair rates by progressive filling (numba, no allocation).

All flows start at rate 0 and rise together. A link with room :math:`R_l` and :math:`n_l` rising
flows is full at the level

.. math::
    \lambda_l = R_l / n_l .

The link with the smallest level stops its flows there; their rate is taken out of the room of the
other links that they cross, and the rest rises on. Levels only grow, so a heap of links in which
a stale key is put right when it comes up finds the next link without a scan.

Only :func:`fair_rates` is cached on disk. numba's cache looks at the file of the cached function
alone, so everything that it calls must stay in this file.

Reference:
    Bertsekas and Gallager, *Data Networks*, 6.5.2.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from m4graph.core.kernels import cached_kernel, inline_kernel, kernel

LINK_FILL = np.dtype(
    [("room", np.float64), ("rising", np.int32), ("first", np.int32), ("last", np.int32)],
    align=True,
)
FLOW_FILL = np.dtype(
    [("level", np.float64), ("bottleneck", np.int32), ("frozen", np.int32)], align=True
)
KEYED_LINK = np.dtype([("key", np.float64), ("link", np.int64)], align=True)


class Scratch(NamedTuple):
    """Working memory of the filling; ``links.rising`` is all zero between calls.

    Shapes:
        - links: records ``[num_links]``: the room, the number of rising flows, and where the
          link's flows stand in ``members``
        - flows: records ``[max_flows]``, the answer for each position of the list of flows:
          ``level`` is the rate in bytes/ns, ``bottleneck`` the limiting link
        - members: int32 ``[max_hops]``, positions of the flows of each touched link in turn
        - touched: int32 ``[num_links]``; heap: records (key, link) ``[num_links]``
    """

    links: np.ndarray
    flows: np.ndarray
    members: np.ndarray
    touched: np.ndarray
    heap: np.ndarray


def make_scratch(num_links: int, max_flows: int, max_hops: int) -> Scratch:
    """Working memory for up to ``max_flows`` flows with ``max_hops`` hops in all."""
    return Scratch(
        links=np.zeros(num_links, LINK_FILL),
        flows=np.zeros(max_flows, FLOW_FILL),
        members=np.zeros(max_hops, np.int32),
        touched=np.zeros(num_links, np.int32),
        heap=np.zeros(num_links, KEYED_LINK),
    )


@cached_kernel
def fair_rates(
    active_flows: np.ndarray,
    route_ptr: np.ndarray,
    route_links: np.ndarray,
    link_rate: np.ndarray,
    scratch: Scratch,
    out_rates: np.ndarray,
) -> None:
    """Max-min fair rates of a set of flows that has the network to itself.

    Callable from Python and from other numba kernels. Afterwards
    ``scratch.flows[:num_active].bottleneck`` is the link that limits each flow.

    Args:
        active_flows (np.ndarray): Distinct flow numbers, each with one link or more.
        route_ptr (np.ndarray): Where each flow's route starts in ``route_links``.
        route_links (np.ndarray): Directed links of all routes.
        link_rate (np.ndarray): Rate of each link in bytes per ns.
        scratch (Scratch): From :func:`make_scratch`.
        out_rates (np.ndarray): Filled with the rates in bytes per ns.

    Shapes:
        - active_flows int32 ``[num_active]``, out_rates float64 ``[num_active]``
        - route_ptr int64 ``[num_flows + 1]``, route_links int32 ``[num_hops]``
        - link_rate float64 ``[num_links]``
    """
    num_active = len(active_flows)
    num_touched = gather(active_flows, num_active, route_ptr, route_links, scratch)
    for i in range(num_touched):
        link = scratch.touched[i]
        scratch.links[link].room = link_rate[link]
    pour(active_flows, num_active, route_ptr, route_links, scratch, num_touched)
    for i in range(num_active):
        out_rates[i] = scratch.flows[i].level


@kernel
def gather(
    flows: np.ndarray,
    num_flows: int,
    route_ptr: np.ndarray,
    route_links: np.ndarray,
    scratch: Scratch,
) -> int:
    """Lists the links of ``flows[:num_flows]`` and, for each, the flows on it.

    Returns:
        int: The number of links, which are ``scratch.touched[:number]``.
    """
    links, touched, members = scratch.links, scratch.touched, scratch.members
    num_touched = 0
    for i in range(num_flows):
        flow = flows[i]
        scratch.flows[i].frozen = 0
        for hop in range(route_ptr[flow], route_ptr[flow + 1]):
            link = route_links[hop]
            if links[link].rising == 0:
                touched[num_touched] = link
                num_touched += 1
            links[link].rising += 1
    end = 0
    for i in range(num_touched):
        record = links[touched[i]]
        end += record.rising
        record.first = end
        record.last = end
    for i in range(num_flows):
        flow = flows[i]
        for hop in range(route_ptr[flow], route_ptr[flow + 1]):
            record = links[route_links[hop]]
            record.first -= 1
            members[record.first] = i
    return num_touched


@kernel
def pour(
    flows: np.ndarray,
    num_flows: int,
    route_ptr: np.ndarray,
    route_links: np.ndarray,
    scratch: Scratch,
    num_touched: int,
) -> None:
    """Fills the gathered ``flows[:num_flows]`` into the links' ``room``; what is left stays there.

    ``scratch.flows[i]`` gets rate and limiting link of ``flows[i]``.
    """
    links, heap = scratch.links, scratch.heap
    for i in range(num_touched):
        link = scratch.touched[i]
        heap[i].link = link
        heap[i].key = links[link].room / links[link].rising
    for i in range(num_touched // 2 - 1, -1, -1):
        _sink(heap, num_touched, i, heap[i].key, heap[i].link)
    size, num_rising, level = num_touched, num_flows, 0.0
    while num_rising > 0:
        link, key = heap[0].link, heap[0].key
        if links[link].rising == 0:
            size -= 1
            _sink(heap, size, 0, heap[size].key, heap[size].link)
            continue
        current = links[link].room / links[link].rising
        if current > key:
            _sink(heap, size, 0, current, link)
            continue
        level = max(level, current)
        num_rising -= _freeze(link, level, flows, route_ptr, route_links, scratch)


@inline_kernel
def _freeze(
    link: int,
    level: float,
    flows: np.ndarray,
    route_ptr: np.ndarray,
    route_links: np.ndarray,
    scratch: Scratch,
) -> int:
    """Stops every rising flow of a full link at the level; returns how many."""
    num_frozen = 0
    for entry in range(scratch.links[link].first, scratch.links[link].last):
        i = scratch.members[entry]
        answer = scratch.flows[i]
        if answer.frozen:
            continue
        num_frozen += 1
        answer.frozen = 1
        answer.level = level
        answer.bottleneck = link
        for hop in range(route_ptr[flows[i]], route_ptr[flows[i] + 1]):
            crossed = scratch.links[route_links[hop]]
            crossed.rising -= 1
            crossed.room = max(0.0, crossed.room - level)
    return num_frozen


@inline_kernel
def _sink(heap: np.ndarray, size: int, index: int, key: float, link: int) -> None:
    """Puts (key, link) at ``index`` of the heap and lets it sink; ties go by link number."""
    while True:
        child = 2 * index + 1
        if child >= size:
            break
        below = heap[child]
        if child + 1 < size:
            other = heap[child + 1]
            if other.key < below.key or (other.key == below.key and other.link < below.link):
                child, below = child + 1, other
        if key < below.key or (key == below.key and link < below.link):
            break
        heap[index].key = below.key
        heap[index].link = below.link
        index = child
    heap[index].key = key
    heap[index].link = link
