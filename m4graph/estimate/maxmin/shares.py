r"""Max-min fair rates kept up to date while flows come and go (numba).

Rates are max-min fair exactly when every flow has a *bottleneck*: a link on its route that is full
and on which no flow is faster. That is a local condition, so a change need not be paid for by all
flows, or even by all that are connected to it:

1. start with the flows that the change concerns directly;
2. fill them into the room that all others leave (:mod:`.maxmin`);
3. on the links of these flows, look for others that have lost their bottleneck, and for others
   that are faster than a flow that is limited there; take them in and repeat from 2.

When nobody is taken in, the condition holds for everyone, so the rates are the max-min rates.
``scope`` chooses the start: ``AFFECTED`` as above, ``COMPONENT`` all flows that are connected to
the change over shared links (also the fall-back when 3. does not end soon), ``FULL`` all flows.
"""

from __future__ import annotations

import numpy as np

from m4graph.core.kernels import inline_kernel, kernel
from m4graph.estimate.maxmin.filling import Scratch, gather, pour
from m4graph.estimate.maxmin.layout import (
    NUM_ACTIVE,
    NUM_CHANGED,
    NUM_DIRTY,
    NUM_FILLED,
    NUM_ROUNDS,
    STAMP,
    Shares,
)
from m4graph.estimate.maxmin.lists import enter_list, leave_list

AFFECTED, COMPONENT, FULL = 0, 1, 2
SCOPES = {"affected": AFFECTED, "component": COMPONENT, "full": FULL}
MAX_ROUNDS = 12
WIDESPREAD = 0.5  # of the active flows: a change that reaches so many will reach the component
TOLERANCE = 1e-10  # relative, for "full" and "as fast as"; far above float64 noise


@kernel
def attach(shares: Shares, flow: int) -> None:
    """Makes a flow active with rate 0; :func:`rebalance` gives it its share."""
    counts = shares.counts
    for hop in range(shares.route_ptr[flow], shares.route_ptr[flow + 1]):
        link_id = shares.route_links[hop]
        enter_list(shares.links, shares.hops, link_id, hop, flow)
        shares.links[link_id].num_flows += 1
    shares.active[counts[NUM_ACTIVE]] = flow
    shares.flows[flow].active_index = counts[NUM_ACTIVE]
    counts[NUM_ACTIVE] += 1
    shares.flows[flow].rate = 0.0
    shares.flows[flow].bottleneck = -1
    _take_in(shares, flow)


@kernel
def detach(shares: Shares, flow: int) -> None:
    """Takes an active flow out of the network; :func:`rebalance` shares out what it leaves."""
    counts, leaving = shares.counts, shares.flows[flow]
    for hop in range(shares.route_ptr[flow], shares.route_ptr[flow + 1]):
        link_id = shares.route_links[hop]
        link = shares.links[link_id]
        leave_list(shares.links, shares.hops, link_id, hop)
        link.num_flows -= 1
        link.used = link.used - leaving.rate if link.num_flows else 0.0
        if link.stamp != counts[STAMP]:
            link.stamp = counts[STAMP]
            shares.dirty[counts[NUM_DIRTY]] = link_id
            counts[NUM_DIRTY] += 1
    counts[NUM_ACTIVE] -= 1
    last = shares.active[counts[NUM_ACTIVE]]
    shares.active[leaving.active_index] = last
    shares.flows[last].active_index = leaving.active_index
    leaving.rate = 0.0


@kernel
def rebalance(shares: Shares, scratch: Scratch, scope: int) -> int:
    """Brings all rates up to date after any number of :func:`attach` and :func:`detach`.

    Returns:
        int: How many flows were filled anew: ``shares.changed[:number]``, with their rates from
        before as ``old_rate``. Call :func:`forget_change` when done with them.
    """
    counts = shares.counts
    if scope == AFFECTED:
        _start_affected(shares)
    elif scope == COMPONENT:
        _start_component(shares)
    else:
        for i in range(counts[NUM_ACTIVE]):
            _take_in(shares, shares.active[i])
    rounds, filled = 0, 0
    while filled < counts[NUM_CHANGED]:
        widespread = counts[NUM_CHANGED] > WIDESPREAD * counts[NUM_ACTIVE]
        if rounds >= MAX_ROUNDS or (rounds >= 2 and widespread):
            _start_component(shares)
        filled = counts[NUM_CHANGED]
        rounds += 1
        counts[NUM_FILLED] += filled
        _refill(shares, scratch, filled)
    counts[NUM_ROUNDS] += rounds
    return filled


@kernel
def forget_change(shares: Shares) -> None:
    """Clears the list of changed flows and dirty links."""
    for i in range(shares.counts[NUM_CHANGED]):
        shares.flows[shares.changed[i]].in_change = 0
    shares.counts[NUM_CHANGED] = 0
    shares.counts[NUM_DIRTY] = 0
    shares.counts[STAMP] += 1


@inline_kernel
def _take_in(shares: Shares, flow_id: int) -> None:
    flow = shares.flows[flow_id]
    if not flow.in_change:
        flow.in_change = 1
        flow.old_rate = flow.rate
        shares.changed[shares.counts[NUM_CHANGED]] = flow_id
        shares.counts[NUM_CHANGED] += 1


@kernel
def _start_affected(shares: Shares) -> None:
    """Takes in the flows that a departure sets free or that an arrival will very likely slow."""
    new_flows = shares.counts[NUM_CHANGED]
    for i in range(shares.counts[NUM_DIRTY]):
        link_id = shares.dirty[i]
        link = shares.links[link_id]
        if link.used < link.rate * (1.0 - TOLERANCE):
            hop = link.head
            while hop >= 0:
                if shares.flows[shares.hops[hop].flow].bottleneck == link_id:
                    _take_in(shares, shares.hops[hop].flow)
                hop = shares.hops[hop].after
    for i in range(new_flows):
        _start_arrival(shares, shares.changed[i])


@kernel
def _start_arrival(shares: Shares, flow: int) -> None:
    """Takes in the flows above their link's equal share where the new flow finds too little."""
    wanted = np.inf
    for hop in range(shares.route_ptr[flow], shares.route_ptr[flow + 1]):
        link = shares.links[shares.route_links[hop]]
        wanted = min(wanted, max(link.rate / link.num_flows, link.rate - link.used))
    for hop in range(shares.route_ptr[flow], shares.route_ptr[flow + 1]):
        link = shares.links[shares.route_links[hop]]
        if link.rate - link.used >= wanted:
            continue
        equal = link.rate / link.num_flows
        other = link.head
        while other >= 0:
            if shares.flows[shares.hops[other].flow].rate > equal:
                _take_in(shares, shares.hops[other].flow)
            other = shares.hops[other].after


@kernel
def _start_component(shares: Shares) -> None:
    """Takes in every flow that is connected to the change over shared links."""
    counts = shares.counts
    counts[STAMP] += 1
    for i in range(counts[NUM_DIRTY]):
        _take_in_link(shares, shares.dirty[i])
    done = 0
    while done < counts[NUM_CHANGED]:
        flow = shares.changed[done]
        done += 1
        for hop in range(shares.route_ptr[flow], shares.route_ptr[flow + 1]):
            _take_in_link(shares, shares.route_links[hop])


@inline_kernel
def _take_in_link(shares: Shares, link_id: int) -> None:
    link = shares.links[link_id]
    if link.stamp != shares.counts[STAMP]:
        link.stamp = shares.counts[STAMP]
        hop = link.head
        while hop >= 0:
            _take_in(shares, shares.hops[hop].flow)
            hop = shares.hops[hop].after


@kernel
def _refill(shares: Shares, scratch: Scratch, num_changed: int) -> None:
    """Fills the changed flows into the room of the others, then takes in whom that concerns."""
    changed = shares.changed
    num_touched = gather(changed, num_changed, shares.route_ptr, shares.route_links, scratch)
    for i in range(num_touched):
        link, fill = shares.links[scratch.touched[i]], scratch.links[scratch.touched[i]]
        room = link.rate
        if fill.rising < link.num_flows:
            room -= link.used
            for entry in range(fill.first, fill.last):
                room += shares.flows[changed[scratch.members[entry]]].rate
            room = max(room, 0.0)
        fill.room = room
    pour(changed, num_changed, shares.route_ptr, shares.route_links, scratch, num_touched)
    for i in range(num_changed):
        flow = shares.flows[changed[i]]
        flow.rate = scratch.flows[i].level
        flow.bottleneck = scratch.flows[i].bottleneck
    for i in range(num_touched):
        link, fill = shares.links[scratch.touched[i]], scratch.links[scratch.touched[i]]
        if fill.last - fill.first < link.num_flows:
            _review(shares, scratch.touched[i])
        else:
            link.used = link.rate - fill.room


@kernel
def _review(shares: Shares, link_id: int) -> None:
    """Adds up a link and takes in the flows on it that break the max-min condition."""
    link = shares.links[link_id]
    total, fastest, limit = 0.0, 0.0, np.inf
    hop = link.head
    while hop >= 0:
        flow = shares.flows[shares.hops[hop].flow]
        total += flow.rate
        fastest = max(fastest, flow.rate)
        if flow.in_change and flow.bottleneck == link_id:
            limit = min(limit, flow.rate)
        hop = shares.hops[hop].after
    link.used = total
    full = total >= link.rate * (1.0 - TOLERANCE)
    lowest_valid = fastest * (1.0 - TOLERANCE) if full else np.inf
    limit *= 1.0 + TOLERANCE
    hop = link.head
    while hop >= 0:
        flow = shares.flows[shares.hops[hop].flow]
        if flow.rate > limit or (flow.bottleneck == link_id and flow.rate < lowest_valid):
            _take_in(shares, shares.hops[hop].flow)
        hop = shares.hops[hop].after
