"""Routes around cables that are down."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from m4graph.routing.ecmp import ack_ports, data_ports, fabric_hops, trace
from m4graph.routing.fabric import Fabric
from m4graph.routing.hashing import hash_seeds
from m4graph.routing.routes import Routes
from m4graph.topology.arrays import NetworkArrays

_Ragged = tuple[NDArray[np.int64], NDArray[np.int32]]


def reroute(
    arrays: NetworkArrays,
    routes: Routes,
    src: ArrayLike,
    dst: ArrayLike,
    down: NDArray[np.bool_],
    seed: int = 0,
) -> Routes:
    """Routes flows anew by ECMP, over the network without the cables that are down.

    Source ports stay, so with no cable down the routes are those of
    :func:`~m4graph.routing.ecmp.ecmp_routes`. A cable with one direction down is not used in the
    other one either, as routing protocols have it. Flows whose switches are cut off from each other
    keep the route that they have.

    Args:
        arrays (NetworkArrays): The whole network.
        routes (Routes): The routes so far.
        src (array_like): Sending hosts ``[num_flows]``.
        dst (array_like): Receiving hosts ``[num_flows]``.
        down (numpy.ndarray): bool ``[num_links]``.
        seed (int, optional): As of :func:`~m4graph.routing.ecmp.ecmp_routes`. (default: ``0``)
    """
    src, dst = np.asarray(src, np.int64), np.asarray(dst, np.int64)
    fabric = Fabric.of(arrays, without=down | down[np.arange(arrays.num_links) ^ 1])
    _, num_hops = fabric_hops(fabric, src, dst)
    connected = num_hops >= 0
    hash_seed = hash_seeds(arrays.num_nodes, seed)
    port = routes.source_port.astype(np.int64)[connected]
    near, far = src[connected], dst[connected]
    data = trace(arrays, fabric, hash_seed, near, far, data_ports(port))
    ack = trace(arrays, fabric, hash_seed, far, near, ack_ports(port))
    return Routes(
        routes.source_port,
        *_replaced((routes.data_ptr, routes.data_links), data, connected),
        *_replaced((routes.ack_ptr, routes.ack_links), ack, connected),
    )


def _replaced(old: _Ragged, new: _Ragged, which: NDArray[np.bool_]) -> _Ragged:
    """Puts new routes in the place of some of the old ones."""
    length = np.diff(old[0])
    length[which] = np.diff(new[0])
    ptr = np.concatenate(([0], np.cumsum(length)))
    is_new = np.repeat(which, length)
    links = np.empty(ptr[-1], np.int32)
    links[is_new] = new[1]
    links[~is_new] = old[1][np.repeat(~which, np.diff(old[0]))]
    return ptr, links
