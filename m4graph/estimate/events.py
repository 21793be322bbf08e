"""Carries the estimate over an event: before it, at it, and after it (numba).

To *settle* is to put down what has happened up to now, at the rates that have held so far.
"""

from __future__ import annotations

import numpy as np

from m4graph.core.kernels import kernel
from m4graph.estimate.bursts import send_burst
from m4graph.estimate.control import mark, react, route_marking
from m4graph.estimate.maxmin.shares import AFFECTED, attach, detach, rebalance
from m4graph.estimate.state import Estimate
from m4graph.estimate.windows import (
    find_rest,
    open_window,
    set_rates,
    settle_flow,
    settle_link,
    sum_waits,
)

_SWEEPS = 2


@kernel
def settle_route(state: Estimate, event_flow: int, now: int) -> None:
    """Puts down how far the queues on an event's route have come, before the event."""
    shares = state.shares
    for hop in range(shares.route_ptr[event_flow], shares.route_ptr[event_flow + 1]):
        settle_link(state, shares.route_links[hop], now)


@kernel
def arrive(state: Estimate, flow_id: int, now: int) -> None:
    """Adds a flow to its links; its first window is a burst."""
    flow = state.flows[flow_id]
    fair = state.shares.flows[flow_id]
    fair.remaining = flow.wire_bytes
    fair.settled_ns = now
    flow.remaining_bytes = flow.wire_bytes
    flow.settled_ns = now
    flow.reacted_ns = now
    attach(state.shares, flow_id)
    shares = state.shares
    for hop in range(shares.route_ptr[flow_id], shares.route_ptr[flow_id + 1]):
        state.links[shares.route_links[hop]].num_long += 1 - flow.is_burst
    send_burst(state, flow_id, now)


@kernel
def depart(state: Estimate, flow_id: int) -> None:
    """Takes a flow off its links."""
    shares, flow = state.shares, state.flows[flow_id]
    detach(shares, flow_id)
    for hop in range(shares.route_ptr[flow_id], shares.route_ptr[flow_id + 1]):
        state.links[shares.route_links[hop]].num_long -= 1 - flow.is_burst


@kernel
def rebalance_fair_rates(state: Estimate) -> None:
    """Brings max-min fair rates up to the arrivals and departures so far.

    What flows have sent at the rate that has just ended is put down. Those whose rates may have
    changed stay listed in ``shares.changed`` until the next event.
    """
    shares = state.shares
    for i in range(rebalance(shares, state.scratch, AFFECTED)):
        flow_id = shares.changed[i]
        fair = shares.flows[flow_id]
        now = state.networks[state.flows[flow_id].network].now_ns
        fair.remaining -= fair.old_rate * (now - fair.settled_ns)
        fair.settled_ns = now


@kernel
def redirect(
    state: Estimate, event_flow: int, flow_ids: np.ndarray, first: int, last: int, now: int
) -> None:
    """Brings flows up to an event, and turns the queues on its route to where they go now.

    Args:
        state (Estimate): The estimate.
        event_flow (int): The flow that has arrived or departed.
        flow_ids (np.ndarray): Of which ``flow_ids[first:last]`` are the flows that the event
            concerns: those on the links of its route, at least.
        first (int): Where these begin.
        last (int): Where they end.
        now (int): Time of the event.
    """
    shares = state.shares
    for i in range(first, last):
        flow_id = flow_ids[i]
        flow = state.flows[flow_id]
        flow.waited += flow.queue_ns * (now - flow.settled_ns)
        settle_flow(state, flow_id, now)
        react(state, flow_id, now)
        sum_waits(state, flow_id, now)
        open_window(state, flow_id)
    start, end = shares.route_ptr[event_flow], shares.route_ptr[event_flow + 1]
    for hop in range(start, end):
        mark(state, shares.route_links[hop])
    for i in range(first, last):
        open_window(state, flow_ids[i])
    # What waits at the first of several narrow links does not wait at the others.
    for _ in range(_SWEEPS):
        for hop in range(start, end):
            find_rest(state, shares.route_links[hop])
    for i in range(first, last):
        flow_id = flow_ids[i]
        set_rates(state, flow_id)
        state.flows[flow_id].marking = route_marking(state, flow_id)
