"""The compiled part of :mod:`.paths`."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from m4graph.core.compilation import kernel_digest
from m4graph.core.kernel_cache import cached_njit
from m4graph.routing.kernels import is_next_hop, num_next_hops


@cache
def ways_kernel() -> Callable[..., Any]:
    """The compiled ``ways(first_link, here, dst, fabric, distance, length, most)``.

    It gives all ways of so many links that begin with a link, which leads to switch ``here``, and
    the choices that were made on each: both ``[num_ways, length]``, without any rows if there are
    more than ``most``.
    """
    return _build(kernel_digest(__name__))


def _build(digest: str) -> Callable[..., Any]:
    """``digest`` changes with any source, as what a kernel closes over is part of its cache key."""

    @cached_njit(nogil=True)
    def ways(first_link, here, dst, fabric, distance, length, most):
        digest  # noqa: B018 - makes it part of the cache key
        links = np.full((1, length), first_link, np.int32)
        choices = np.zeros((1, length), np.int32)
        ends = np.full(1, here, np.int64)
        for hop in range(1, length):
            is_last = hop == length - 1
            longer = np.empty((most, length), np.int32)
            chosen = np.empty((most, length), np.int32)
            reached = np.empty(most, np.int64)
            count = 0
            for row in range(len(ends)):
                end = ends[row]
                if is_last:
                    first, after = fabric.nic_ptr[dst], fabric.nic_ptr[dst + 1]
                    only_preferred = False
                else:
                    first, after = fabric.ptr[end], fabric.ptr[end + 1]
                    _, only_preferred = num_next_hops(end, fabric, distance)
                choice = 0
                for k in range(first, after):
                    if is_last:
                        leads = fabric.nic_end[k] == end
                    else:
                        leads = is_next_hop(end, k, only_preferred, fabric, distance)
                    if not leads:
                        continue
                    if count == most:
                        return links[:0], choices[:0]
                    longer[count] = links[row]
                    chosen[count] = choices[row]
                    longer[count, hop] = fabric.nic_link[k] ^ 1 if is_last else fabric.link[k]
                    chosen[count, hop] = choice
                    reached[count] = 0 if is_last else fabric.neighbour[k]
                    choice += 1
                    count += 1
            links, choices, ends = longer[:count], chosen[:count], reached[:count]
        return links, choices

    return ways  # type: ignore[no-any-return]


@cached_njit(nogil=True)
def number_of_routes(route_ptr, route_links, start, count, links, number):
    """Which of its paths each flow's route is; -1: none."""
    for flow in range(len(start)):
        route = route_links[route_ptr[flow] : route_ptr[flow + 1]]
        number[flow] = -1
        for path in range(count[flow]):
            first = start[flow] + path * len(route)
            if (links[first : first + len(route)] == route).all():
                number[flow] = path
                break
