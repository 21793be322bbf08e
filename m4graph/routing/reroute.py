"""Routes around cables that are down."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from m4graph.core.calls import plain_call
from m4graph.routing.nics import NicChoice
from m4graph.routing.routes import Routes
from m4graph.routing.tracer import Ragged, Tracer
from m4graph.topology.arrays import NetworkArrays


@plain_call
def reroute(
    arrays: NetworkArrays,
    routes: Routes,
    src: ArrayLike,
    dst: ArrayLike,
    down: NDArray[np.bool_],
    seed: int = 0,
    nics: NicChoice | None = None,
    prefer_nvswitch: bool = False,
) -> Routes:
    """Routes flows anew by ECMP, over the network without the cables that are down.

    Source ports stay, so with no cable down the routes are those of
    :func:`~m4graph.routing.ecmp.ecmp_routes`. A cable with one direction down is not used in the
    other one either, as routing protocols have it. Flows whose hosts are cut off from each other
    keep the route that they have.

    Args:
        arrays (NetworkArrays): The whole network.
        routes (Routes): The routes so far.
        src (array_like): Sending hosts ``[num_flows]``.
        dst (array_like): Receiving hosts ``[num_flows]``.
        down (numpy.ndarray): bool ``[num_links]``.
        seed (int, optional): As of :func:`~m4graph.routing.ecmp.ecmp_routes`. (default: ``0``)
        nics (NicChoice, optional): As of :class:`~m4graph.routing.EcmpRouter`.
        prefer_nvswitch (bool, optional): As of :class:`~m4graph.routing.EcmpRouter`.
    """
    src, dst = np.asarray(src, np.int64), np.asarray(dst, np.int64)
    without = down | down[np.arange(arrays.num_links) ^ 1]
    tracer = Tracer(arrays, seed, nics, prefer_nvswitch, without)
    connected = tracer.connects(src, dst)
    port = routes.source_port.astype(np.int64)[connected]
    data, ack = tracer.trace(src[connected], dst[connected], port)
    return Routes(
        routes.source_port,
        *_replaced((routes.data_ptr, routes.data_links), data, connected),
        *_replaced((routes.ack_ptr, routes.ack_links), ack, connected),
    )


def _replaced(old: Ragged, new: Ragged, which: NDArray[np.bool_]) -> Ragged:
    """Puts new routes in the place of some of the old ones."""
    length = np.diff(old[0])
    length[which] = np.diff(new[0])
    ptr = np.concatenate(([0], np.cumsum(length)))
    is_new = np.repeat(which, length)
    links = np.empty(ptr[-1], np.int32)
    links[is_new] = new[1]
    links[~is_new] = old[1][np.repeat(~which, np.diff(old[0]))]
    return ptr, links
