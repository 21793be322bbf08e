"""What a fluid simulation knows between two events: arrays only, so that it can stop and go on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from m4graph.core.arrays import grown
from m4graph.core.heap import IndexedHeap, grow_heap, make_heap
from m4graph.estimate.maxmin.filling import Scratch, make_scratch
from m4graph.estimate.maxmin.layout import Shares, grown_links, grown_shares, make_shares

NUM_ARRIVALS, NUM_DEPARTURES, NUM_INSTANTS, NUM_ADDED, NUM_STARTING = range(5)


TIMES = np.dtype(
    [
        ("start_ns", np.int64),  # -1: not known yet
        ("latency_ns", np.float64),  # of the FCT, on top of the time to drain
        ("ideal_fct_ns", np.int64),
        ("fct_ns", np.int64),  # -1: not finished
    ],
    align=True,
)


class FluidState(NamedTuple):
    """The whole state of a simulation.

    Attributes:
        shares (Shares): Active flows, routes, rates and bytes.
        scratch (Scratch): Working memory of the filling.
        arrivals (IndexedHeap): Flows to come, by start.
        drains (IndexedHeap): Active flows, by the time when their last byte is sent.
        reports (IndexedHeap): Drained flows, by the time when their last byte arrives.

    Shapes:
        - times: records ``[num_flows]``
        - starting: int32 ``[num_flows]``, flows that have a start and are not among the arrivals
        - clock_ns: float64 ``[1]``
        - counts: int64 ``[5]``, see the constants ``NUM_ARRIVALS`` ...
    """

    shares: Shares
    scratch: Scratch
    arrivals: IndexedHeap
    drains: IndexedHeap
    reports: IndexedHeap
    times: np.ndarray
    starting: np.ndarray
    clock_ns: np.ndarray
    counts: np.ndarray


def make_state(link_rate: np.ndarray) -> FluidState:
    """The state of an idle network without flows.

    Args:
        link_rate (np.ndarray): Rate of each link in bytes per ns, float64 ``[num_links]``.
    """
    return FluidState(
        shares=make_shares(link_rate, np.zeros(1, np.int64), np.zeros(0, np.int32)),
        scratch=make_scratch(len(link_rate), 0, 0),
        arrivals=make_heap(0),
        drains=make_heap(0),
        reports=make_heap(0),
        times=np.zeros(0, TIMES),
        starting=np.zeros(0, np.int32),
        clock_ns=np.zeros(1, np.float64),
        counts=np.zeros(5, np.int64),
    )


def grow_state(state: FluidState, num_flows: int, num_hops: int) -> FluidState:
    """The same state with room for more flows and hops; existing flows keep their numbers.

    Args:
        state (FluidState): The state to copy into a larger one.
        num_flows (int): Flows that must fit, the existing ones included.
        num_hops (int): Hops of all their routes.
    """
    return state._replace(
        shares=grown_shares(state.shares, num_flows, num_hops),
        scratch=make_scratch(len(state.shares.links), num_flows, num_hops),
        arrivals=grow_heap(state.arrivals, num_flows),
        drains=grow_heap(state.drains, num_flows),
        reports=grow_heap(state.reports, num_flows),
        times=grown(state.times, num_flows),
        starting=grown(state.starting, num_flows),
    )


def grow_links(state: FluidState, num_links: int) -> FluidState:
    """The same state with room for more links, which no flow crosses yet.

    Args:
        state (FluidState): The state to copy into a larger one.
        num_links (int): Links that must fit, the existing ones included.
    """
    shares = state.shares
    return state._replace(
        shares=grown_links(shares, num_links),
        scratch=make_scratch(num_links, len(shares.flows), len(shares.route_links)),
    )
