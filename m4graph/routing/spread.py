"""What share of the traffic crosses each link, if every switch splits it evenly."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from m4graph.core.calls import plain_call
from m4graph.routing.ecmp import EcmpRouter
from m4graph.routing.fabric import Fabric
from m4graph.routing.kernels import split_evenly
from m4graph.topology.arrays import NetworkArrays

Floats = NDArray[np.float64]


@plain_call
def expected_link_shares(
    arrays: NetworkArrays, send: Floats, receive: Floats, between: Floats
) -> Floats:
    """The part of all flows that is expected to cross each link under ECMP.

    Each host has one cable. It is exact: the expectation over the hash, in which a switch splits
    what goes to a rack evenly over the neighbours that are nearer to it. Nothing is sampled.

    Args:
        arrays (NetworkArrays): The network.
        send (numpy.ndarray): Part of the flows that each host sends.
        receive (numpy.ndarray): Part of the flows that each host receives.
        between (numpy.ndarray): Part of the flows from the hosts of one switch (row) to those of
            another (column); switches with hosts only, by ascending id. The diagonal is not used.

    Shapes:
        - send, receive ``[num_hosts]``; between ``[num_edge_switches, num_edge_switches]``
        - output ``[num_links]``, 0 to 1
    """
    shares = np.zeros(arrays.num_links)
    split_evenly(np.ascontiguousarray(between, dtype=np.float64), Fabric.of(arrays), shares)
    shares[arrays.host_uplink] = send
    shares[arrays.host_downlink] = receive
    return shares


@plain_call
def drawn_link_shares(arrays: NetworkArrays, src: ArrayLike, dst: ArrayLike) -> Floats:
    """The part of given flows that crosses each link, by ECMP that prefers NVSwitches.

    For networks in which hosts have several cables.

    Args:
        arrays (NetworkArrays): The network.
        src (array_like): Sending hosts ``[num_flows]``.
        dst (array_like): Receiving hosts ``[num_flows]``.

    Shapes:
        - output ``[num_links]``, 0 to 1
    """
    routes = EcmpRouter(arrays, prefer_nvswitch=True).route(src, dst)
    return np.bincount(routes.data_links, minlength=arrays.num_links) / routes.num_flows
