"""The records of a max-min fair network: links, flows, hops, and who crosses what."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

NUM_ACTIVE, NUM_CHANGED, NUM_DIRTY, STAMP, NUM_FILLED, NUM_ROUNDS = range(6)


LINK = np.dtype(
    [
        ("rate", np.float64),  # bytes/ns
        ("used", np.float64),  # sum of the rates of its flows
        ("stamp", np.int64),  # last search that has seen it
        ("head", np.int32),  # first hop on its list, -1: none
        ("num_flows", np.int32),
    ],
    align=True,
)
FLOW = np.dtype(
    [
        ("rate", np.float64),  # bytes/ns; 0 when not active
        ("old_rate", np.float64),  # before the change, for flows in ``changed``
        ("remaining", np.float64),  # bytes to drain at time ``settled_ns``
        ("settled_ns", np.float64),
        ("bottleneck", np.int32),
        ("place", np.int32),  # in ``active``
        ("in_change", np.int32),
    ],
    align=True,
)
HOP = np.dtype([("flow", np.int32), ("before", np.int32), ("after", np.int32)], align=True)


class Shares(NamedTuple):
    """Active flows, who crosses which link, and everybody's rate.

    A flow is on the list of each link of its route; a node of a list is a hop of ``route_links``.

    Shapes:
        - links, flows, hops: records ``[num_links]``, ``[num_flows]``, ``[num_hops]``
        - route_ptr: int64 ``[num_flows + 1]``; route_links: int32 ``[num_hops]``
        - active, changed: int32 ``[num_flows]``, lists of flows; dirty: int32 ``[num_links]``
        - counts: int64 ``[6]``, see the constants ``NUM_ACTIVE`` ...
    """

    links: np.ndarray
    flows: np.ndarray
    hops: np.ndarray
    route_ptr: np.ndarray
    route_links: np.ndarray
    active: np.ndarray
    changed: np.ndarray
    dirty: np.ndarray
    counts: np.ndarray
