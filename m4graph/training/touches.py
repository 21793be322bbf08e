"""Which events of the true stream touch a flow: how many, and which is the last (numba)."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from m4graph.core.compilation import kernel_digest
from m4graph.core.kernels import cached_kernel
from m4graph.estimate.maxmin.layout import make_shares
from m4graph.estimate.maxmin.lists import enter_list, leave_list
from m4graph.estimate.maxmin.volumes import link_bytes_per_ns
from m4graph.runs import LabelledRun, true_stream
from m4graph.runs.events import ARRIVAL


class Touches(NamedTuple):
    """Of each flow.

    Shapes:
        - ``number`` int64 ``[num_flows]``: events of flows that share a link with it, while it is
          active, its own arrival among them
        - ``last_ns`` int64 ``[num_flows]``: when the last of them is
    """

    number: NDArray[np.int64]
    last_ns: NDArray[np.int64]


def touches(run: LabelledRun) -> Touches:
    """Follows the true stream of a run; needs no labels."""
    network = run.network
    shares = make_shares(link_bytes_per_ns(network), network.route_ptr, network.route_links)
    number = np.zeros(network.num_flows, np.int64)
    last_ns = network.start_ns.copy()
    seen = np.full(network.num_flows, -1, np.int64)
    _follow(
        true_stream(run),
        shares.route_ptr,
        shares.route_links,
        shares.links,
        shares.hops,
        number,
        last_ns,
        seen,
    )
    return Touches(number, last_ns)


def _build(digest: str) -> Callable[..., None]:
    @cached_kernel
    def follow(  # type: ignore[no-untyped-def]
        events, route_ptr, route_links, links, hops, count, last_ns, seen
    ):
        digest  # noqa: B018 - makes it part of the cache key
        for i in range(len(events)):
            event = events[i]
            first, end = route_ptr[event.flow], route_ptr[event.flow + 1]
            for hop in range(first, end):
                if event.kind == ARRIVAL:
                    enter_list(links, hops, route_links[hop], hop, event.flow)
                else:
                    leave_list(links, hops, route_links[hop], hop)
            for hop in range(first, end):
                other = links[route_links[hop]].head
                while other >= 0:
                    flow = hops[other].flow
                    if seen[flow] != i:
                        seen[flow] = i
                        count[flow] += 1
                        last_ns[flow] = event.time_ns
                    other = hops[other].after

    return follow  # type: ignore[no-any-return]


_follow = _build(kernel_digest(__name__))
