"""What a fluid simulation knows between two events: arrays only, so that it can stop and go on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from m4graph.core.heap import IndexedHeap, grow_heap, make_heap
from m4graph.estimate.maxmin.filling import Scratch, make_scratch
from m4graph.estimate.maxmin.layout import FLOW, HOP, LINK, Shares

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
    num_links = len(link_rate)
    links = np.zeros(num_links, LINK)
    links["rate"] = link_rate
    links["head"] = -1
    links["stamp"] = -1
    shares = Shares(
        links=links,
        flows=np.zeros(0, FLOW),
        hops=np.zeros(0, HOP),
        route_ptr=np.zeros(1, np.int64),
        route_links=np.zeros(0, np.int32),
        active=np.zeros(0, np.int32),
        changed=np.zeros(0, np.int32),
        dirty=np.zeros(num_links, np.int32),
        counts=np.zeros(6, np.int64),
    )
    return FluidState(
        shares=shares,
        scratch=make_scratch(num_links, 0, 0),
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
    shares = state.shares
    return state._replace(
        shares=shares._replace(
            flows=_grown(shares.flows, num_flows),
            hops=_grown(shares.hops, num_hops),
            route_ptr=_grown(shares.route_ptr, num_flows + 1),
            route_links=_grown(shares.route_links, num_hops),
            active=_grown(shares.active, num_flows),
            changed=_grown(shares.changed, num_flows),
        ),
        scratch=make_scratch(len(shares.links), num_flows, num_hops),
        arrivals=grow_heap(state.arrivals, num_flows),
        drains=grow_heap(state.drains, num_flows),
        reports=grow_heap(state.reports, num_flows),
        times=_grown(state.times, num_flows),
        starting=_grown(state.starting, num_flows),
    )


def _grown(array: np.ndarray, length: int) -> np.ndarray:
    grown = np.zeros(length, array.dtype)
    grown[: len(array)] = array
    return grown
