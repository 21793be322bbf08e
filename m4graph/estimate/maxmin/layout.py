"""The records of a max-min fair network: links, flows, hops, and who crosses what."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from m4graph.core.arrays import grown

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
        ("active_index", np.int32),  # in ``active``
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


def make_shares(link_rate: np.ndarray, route_ptr: np.ndarray, route_links: np.ndarray) -> Shares:
    """An idle network.

    Args:
        link_rate (np.ndarray): Rate of each link in bytes per ns, float64 ``[num_links]``.
        route_ptr (np.ndarray): Where each flow's route starts in ``route_links``.
        route_links (np.ndarray): Links of all routes.

    Shapes:
        - route_ptr int64 ``[num_flows + 1]``, route_links int32 ``[num_hops]``
    """
    num_links, num_flows = len(link_rate), len(route_ptr) - 1
    links = np.zeros(num_links, LINK)
    links["rate"] = link_rate
    links["head"] = -1
    links["stamp"] = -1
    return Shares(
        links=links,
        flows=np.zeros(num_flows, FLOW),
        hops=np.zeros(len(route_links), HOP),
        route_ptr=route_ptr,
        route_links=route_links,
        active=np.zeros(num_flows, np.int32),
        changed=np.zeros(num_flows, np.int32),
        dirty=np.zeros(num_links, np.int32),
        counts=np.zeros(6, np.int64),
    )


def grown_shares(shares: Shares, num_flows: int, num_hops: int) -> Shares:
    """The same network with room for more flows and hops; existing flows keep their numbers.

    Args:
        shares (Shares): To copy into a larger one.
        num_flows (int): Flows that must fit, the existing ones included.
        num_hops (int): Hops of all their routes.
    """
    return shares._replace(
        flows=grown(shares.flows, num_flows),
        hops=grown(shares.hops, num_hops),
        route_ptr=grown(shares.route_ptr, num_flows + 1),
        route_links=grown(shares.route_links, num_hops),
        active=grown(shares.active, num_flows),
        changed=grown(shares.changed, num_flows),
    )


def grown_links(shares: Shares, num_links: int) -> Shares:
    """The same network with room for more links, idle and of rate 0; flows keep their routes.

    Args:
        shares (Shares): To copy into a larger one.
        num_links (int): Links that must fit, the existing ones included.
    """
    links = grown(shares.links, num_links)
    links["head"][len(shares.links) :] = -1
    links["stamp"][len(shares.links) :] = -1
    return shares._replace(links=links, dirty=grown(shares.dirty, num_links))
