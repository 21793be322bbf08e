"""Which flows are joined by shared links, event by event (numba).

Flows that share a link belong together, and stay together until none of them is left: components
merge when a flow arrives, and never split.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from m4graph.core.compilation import kernel_digest
from m4graph.core.kernels import cached_kernel, kernel
from m4graph.runs.events import ARRIVAL

NUM_FLOWS, NUM_LINKS, NUM_EDGES, NUM_HOPS, NUM_ACTIVE, STAMP = range(6)

_NOBODY = -1


class Components(NamedTuple):
    """Active flows by component, and the buffers of one step (see :class:`.ComponentStep`).

    A component is named by one of the flows that were ever in it, the root of ``parent``.

    Shapes:
        - ``route_ptr`` int64 ``[num_flows + 1]``, ``route_links`` int32 ``[num_hops]``
        - ``network`` int32, ``updated_ns``, ``parent``, ``before``, ``after`` int64
          ``[num_flows]``: a component's active flows are a list
        - ``head``, ``tail`` int64 ``[num_flows]``: of the list of the component with that name
        - ``users``, ``member``, ``stamp``, ``row`` int64, ``is_idle`` bool ``[num_links]``: active
          flows, one of the flows of its component, place in the step
        - ``now_ns`` int64 ``[num_networks]``; ``counts`` int64: rows in use
    """

    route_ptr: NDArray[np.int64]
    route_links: NDArray[np.int32]
    network: NDArray[np.int32]
    updated_ns: NDArray[np.int64]
    parent: NDArray[np.int64]
    before: NDArray[np.int64]
    after: NDArray[np.int64]
    head: NDArray[np.int64]
    tail: NDArray[np.int64]
    users: NDArray[np.int64]
    member: NDArray[np.int64]
    stamp: NDArray[np.int64]
    row: NDArray[np.int64]
    is_idle: NDArray[np.bool_]
    now_ns: NDArray[np.int64]
    counts: NDArray[np.int64]
    flow_ids: NDArray[np.int64]
    flow_is_new: NDArray[np.bool_]
    flow_gap_us: NDArray[np.float32]
    link_ids: NDArray[np.int64]
    link_is_new: NDArray[np.bool_]
    link_gap_us: NDArray[np.float32]
    edge_flow: NDArray[np.int64]
    edge_link: NDArray[np.int64]
    hop_link: NDArray[np.int64]


@kernel
def root(parent, flow):
    """The name of a flow's component; shortens the way there."""
    top = flow
    while parent[top] != top:
        top = parent[top]
    while parent[flow] != top:
        parent[flow], flow = top, parent[flow]
    return top


@kernel
def _merge(state, kept, other):
    """Appends the list of one component to that of another."""
    state.parent[other] = kept
    if state.head[other] == _NOBODY:
        return
    if state.head[kept] == _NOBODY:
        state.head[kept] = state.head[other]
    else:
        state.after[state.tail[kept]] = state.head[other]
        state.before[state.head[other]] = state.tail[kept]
    state.tail[kept] = state.tail[other]


@kernel
def _arrive(state, flow, now_ns):
    state.parent[flow] = flow
    state.head[flow] = flow
    state.tail[flow] = flow
    state.before[flow] = _NOBODY
    state.after[flow] = _NOBODY
    state.updated_ns[flow] = now_ns
    state.counts[NUM_ACTIVE] += 1
    for hop in range(state.route_ptr[flow], state.route_ptr[flow + 1]):
        link = state.route_links[hop]
        if state.users[link] > 0:
            kept, other = root(state.parent, state.member[link]), root(state.parent, flow)
            if kept != other:
                _merge(state, kept, other)
        state.users[link] += 1
        state.member[link] = flow


@kernel
def _depart(state, flow):
    name = root(state.parent, flow)
    before, after = state.before[flow], state.after[flow]
    if before == _NOBODY:
        state.head[name] = after
    else:
        state.after[before] = after
    if after == _NOBODY:
        state.tail[name] = before
    else:
        state.before[after] = before
    state.counts[NUM_ACTIVE] -= 1
    for hop in range(state.route_ptr[flow], state.route_ptr[flow + 1]):
        link = state.route_links[hop]
        state.users[link] -= 1
        if state.users[link] == 0:
            state.is_idle[link] = True


@kernel
def _longest_gap_us(state, first, now_ns):
    """One gap for the whole component: since the flow that was updated the longest ago."""
    gap_ns, flow = 0, first
    while flow != _NOBODY:
        gap_ns = max(gap_ns, now_ns - state.updated_ns[flow])
        flow = state.after[flow]
    return gap_ns / 1000.0


@kernel
def _list_links(state, flow, row, gap_us):
    counts = state.counts
    for hop in range(state.route_ptr[flow], state.route_ptr[flow + 1]):
        link = state.route_links[hop]
        if state.stamp[link] != counts[STAMP]:
            state.stamp[link] = counts[STAMP]
            state.row[link] = counts[NUM_LINKS]
            state.link_ids[counts[NUM_LINKS]] = link
            state.link_is_new[counts[NUM_LINKS]] = state.is_idle[link]
            state.link_gap_us[counts[NUM_LINKS]] = gap_us
            state.is_idle[link] = False
            counts[NUM_LINKS] += 1
        state.edge_flow[counts[NUM_EDGES]] = row
        state.edge_link[counts[NUM_EDGES]] = state.row[link]
        counts[NUM_EDGES] += 1


def _build(digest: str) -> Callable[..., None]:
    @cached_kernel
    def advance(state, events):
        digest  # noqa: B018 - makes it part of the cache key
        counts = state.counts
        counts[STAMP] += 1
        for kind in (NUM_FLOWS, NUM_LINKS, NUM_EDGES, NUM_HOPS):
            counts[kind] = 0
        for i in range(len(events)):
            event = events[i]
            now_ns = event.time_ns
            state.now_ns[state.network[event.flow]] = now_ns
            if event.kind == ARRIVAL:
                _arrive(state, event.flow, now_ns)
            else:
                _depart(state, event.flow)
            flow = state.head[root(state.parent, event.flow)]
            gap_us = _longest_gap_us(state, flow, now_ns)
            while flow != _NOBODY:
                row = counts[NUM_FLOWS]
                state.flow_ids[row] = flow
                state.flow_is_new[row] = event.kind == ARRIVAL and flow == event.flow
                state.flow_gap_us[row] = gap_us
                counts[NUM_FLOWS] += 1
                state.updated_ns[flow] = now_ns
                _list_links(state, flow, row, gap_us)
                flow = state.after[flow]
            if event.kind == ARRIVAL:
                for hop in range(state.route_ptr[event.flow], state.route_ptr[event.flow + 1]):
                    state.hop_link[counts[NUM_HOPS]] = state.row[state.route_links[hop]]
                    counts[NUM_HOPS] += 1

    return advance  # type: ignore[no-any-return]


advance: Callable[..., None] = _build(kernel_digest(__name__))
"""``advance(state, events)`` takes one event of each of some networks, records of
``EVENT_RECORD`` with flows numbered through, and leaves the step's graph in the buffers."""
