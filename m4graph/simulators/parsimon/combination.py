"""From a flow's times at each of its links to its time in the network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from m4graph.simulators.parsimon.decomposition import Decomposition

Combine = Literal["max", "sum", "monte_carlo"]
"""The ways; ``"monte_carlo"`` is one of its own (:mod:`.monte_carlo`)."""
Combination = Callable[[Decomposition, NDArray[np.int64], NDArray[np.int64]], NDArray[np.int64]]


def largest(
    network: Decomposition, fct_ns: NDArray[np.int64], alone_ns: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The largest FCT of each flow over its links, at least that of the flow alone.

    A flow that is throttled at one link comes to the others so slowly that it waits little there,
    which their simulations, each with the flow at full speed, do not know.

    Args:
        network (Decomposition): The network.
        fct_ns (np.ndarray): int64 ``[num_rows]``; below 0 where a link was not simulated.
        alone_ns (np.ndarray): int64 ``[num_flows]``: of each flow alone, with its window.
    """
    largest_ns = alone_ns.copy()
    np.maximum.at(largest_ns, network.row_flow, fct_ns)
    return largest_ns


def summed(
    network: Decomposition, fct_ns: NDArray[np.int64], alone_ns: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The FCT alone, and the delays at all links. Each holds the delay at the sender's own NIC,
    which every simulation has, so that counts once.

    Args:
        network (Decomposition): As of :func:`largest`.
        fct_ns (np.ndarray): As of :func:`largest`.
        alone_ns (np.ndarray): As of :func:`largest`.
    """
    flow = network.row_flow
    delay_ns = np.where(fct_ns < 0, 0, np.maximum(fct_ns - alone_ns[flow], 0))
    is_uplink = network.row_hop == 0
    at_nic_ns = np.zeros(len(alone_ns), np.int64)
    at_nic_ns[flow[is_uplink]] = delay_ns[is_uplink]
    behind_ns = np.where(is_uplink, 0, np.maximum(delay_ns - at_nic_ns[flow], 0))
    total_ns = alone_ns + at_nic_ns
    np.add.at(total_ns, flow, behind_ns)
    return total_ns


def bottleneck_row(network: Decomposition, fct_ns: NDArray[np.int64]) -> NDArray[np.int64]:
    """The row in which each flow takes longest, int64 ``[num_flows]``; -1 if none was simulated.

    Of equal ones it is the first on the route.
    """
    order = np.lexsort((-network.row_hop.astype(np.int64), fct_ns))
    order = order[fct_ns[order] >= 0]
    row = np.full(network.scenario.num_flows, -1, np.int64)
    row[network.row_flow[order]] = order
    return row
