"""Checks that routes exist in a network and belong to their flows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from m4graph.core.calls import plain_call
from m4graph.core.errors import RoutingError
from m4graph.routing.routes import Routes
from m4graph.topology.arrays import NetworkArrays

Ints = NDArray[np.integer]


@plain_call
def check_routes(
    routes: Routes,
    arrays: NetworkArrays,
    flow_id: Ints,
    src: Ints,
    dst: Ints,
    source: str = "routing",
) -> None:
    """Checks routes that come from outside against the network and the flows.

    Args:
        routes (Routes): The routes, row by row those of the flows.
        arrays (NetworkArrays): The network.
        flow_id (numpy.ndarray): Flow ids ``[num_flows]``, for messages.
        src (numpy.ndarray): Sending hosts ``[num_flows]``.
        dst (numpy.ndarray): Receiving hosts ``[num_flows]``.
        source (str, optional): What messages start with, as a file name. (default: ``"routing"``)

    Raises:
        RoutingError: If there are too few or too many routes, or one has a link that does not
            exist, has a gap, does not join the flow's two hosts, or comes to a node twice.
    """
    if routes.num_flows != len(flow_id):
        raise RoutingError(
            f"{source}: expected a route for each of the {len(flow_id)} flows "
            f"(got {routes.num_flows})"
        )
    data = (routes.data_ptr, routes.data_links, src, dst)
    ack = (routes.ack_ptr, routes.ack_links, dst, src)
    for name, (ptr, links, start, end) in {"data": data, "ack": ack}.items():
        bad = _first_problem(arrays, ptr, links, start, end)
        if bad is not None:
            row, problem = bad
            raise RoutingError(f"{source}: flow {flow_id[row]}: {name} route: {problem}")


def _first_problem(
    arrays: NetworkArrays, ptr: Ints, links: Ints, start: Ints, end: Ints
) -> tuple[int, str] | None:
    """Finds one bad route: its row and what is wrong with it."""
    row_of_hop = np.repeat(np.arange(len(start)), np.diff(ptr))
    unknown = (links < 0) | (links >= arrays.num_links)
    if unknown.any():
        hop = int(np.argmax(unknown))
        expected = f"expected link ids below {arrays.num_links}"
        return int(row_of_hop[hop]), f"{expected} (got {links[hop]})"
    enters, leaves = arrays.link_src[links], arrays.link_dst[links]
    return (
        _wrong_end(enters[ptr[:-1]], start, "start")
        or _wrong_end(leaves[ptr[1:] - 1], end, "end")
        or _gap(enters, leaves, row_of_hop)
        or _host_between(arrays, enters, row_of_hop)
        or _loop(arrays, enters, row_of_hop)
    )


def _wrong_end(found: Ints, host: Ints, verb: str) -> tuple[int, str] | None:
    wrong = found != host
    if not wrong.any():
        return None
    row = int(np.argmax(wrong))
    return row, f"expected it to {verb} at host {host[row]} (got node {found[row]})"


def _gap(enters: Ints, leaves: Ints, row_of_hop: Ints) -> tuple[int, str] | None:
    gap = (row_of_hop[1:] == row_of_hop[:-1]) & (leaves[:-1] != enters[1:])
    if not gap.any():
        return None
    hop = int(np.argmax(gap))
    expected = f"expected a link from node {leaves[hop]} next"
    return int(row_of_hop[hop]), f"{expected} (got one from node {enters[hop + 1]})"


def _host_between(arrays: NetworkArrays, enters: Ints, row_of_hop: Ints) -> tuple[int, str] | None:
    inside = np.concatenate(([False], row_of_hop[1:] == row_of_hop[:-1])) & (
        enters < arrays.num_hosts
    )
    if not inside.any():
        return None
    hop = int(np.argmax(inside))
    return int(row_of_hop[hop]), f"expected switches between its ends (got host {enters[hop]})"


def _loop(arrays: NetworkArrays, enters: Ints, row_of_hop: Ints) -> tuple[int, str] | None:
    """Checks the nodes that the hops leave from; the last node is a host, which none is but the
    first one.
    """
    visit = row_of_hop * np.int64(arrays.num_nodes) + enters
    order = np.argsort(visit, kind="stable")
    again = visit[order[1:]] == visit[order[:-1]]
    if not again.any():
        return None
    hop = int(order[int(np.argmax(again))])
    return int(row_of_hop[hop]), f"expected each node once (got node {enters[hop]} twice)"
