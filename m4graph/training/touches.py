"""Which events of the true stream touch a flow: how many, and which is the last (numba)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from m4graph.runs import LabelledRun
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
    count, last_ns = _touches(
        network.route_ptr,
        network.route_links,
        network.num_links,
        run.event_flow,
        run.event_kind == ARRIVAL,
        run.event_time_ns,
    )
    return Touches(count, np.maximum(last_ns, network.start_ns))


@njit(cache=True)
def _touches(route_ptr, route_links, num_links, event_flow, arrives, time_ns):  # type: ignore[no-untyped-def]
    num_flows = len(route_ptr) - 1
    count = np.zeros(num_flows, np.int64)
    last_ns = np.zeros(num_flows, np.int64)
    seen = np.full(num_flows, -1, np.int64)
    flow_of = np.zeros(len(route_links), np.int64)
    # The active flows of each link, as a chain of hops.
    head = np.full(num_links, -1, np.int64)
    after = np.full(len(route_links), -1, np.int64)
    before = np.full(len(route_links), -1, np.int64)
    for event in range(len(event_flow)):
        flow = event_flow[event]
        for hop in range(route_ptr[flow], route_ptr[flow + 1]):
            link = route_links[hop]
            if arrives[event]:
                flow_of[hop] = flow
                after[hop] = head[link]
                if head[link] >= 0:
                    before[head[link]] = hop
                head[link] = hop
                continue
            if before[hop] >= 0:
                after[before[hop]] = after[hop]
            else:
                head[link] = after[hop]
            if after[hop] >= 0:
                before[after[hop]] = before[hop]
        for hop in range(route_ptr[flow], route_ptr[flow + 1]):
            other = head[route_links[hop]]
            while other >= 0:
                if seen[flow_of[other]] != event:
                    seen[flow_of[other]] = event
                    count[flow_of[other]] += 1
                    last_ns[flow_of[other]] = time_ns[event]
                other = after[other]
    return count, last_ns
