"""Busy periods: the unit of the original's training (arXiv 2503.01770).

A busy period is the whole life of a component of the graph of active flows and links: its flows
meet no others, so it can be simulated by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from m4graph.core.kernel_cache import cached_njit
from m4graph.graph.paper.component_kernel import root
from m4graph.runs import LabelledRun
from m4graph.runs.events import ARRIVAL


def busy_periods(run: LabelledRun) -> NDArray[np.int64]:
    """The busy period of each flow, int64 ``[num_flows]``: the number of one of its flows."""
    network = run.network
    return _period_of(  # type: ignore[no-any-return]
        network.route_ptr,
        network.route_links,
        network.num_links,
        run.event_flow,
        run.event_kind,
    )


def most_active_flows(run: LabelledRun, period_of: NDArray[np.int64]) -> NDArray[np.int64]:
    """The most flows that a period has under way at once, int64 ``[num_flows]``, by its number."""
    change = np.where(run.event_kind == ARRIVAL, 1, -1)
    return _most_active(period_of[run.event_flow], change, run.network.num_flows)  # type: ignore[no-any-return]


def split_run(run: LabelledRun, least: int, most: int, most_active: int) -> Iterator[LabelledRun]:
    """The busy periods of a run, each as a run with its own flows and links.

    Periods with a flow that did not finish are left out.

    Args:
        run (LabelledRun): The run.
        least (int): Fewest flows of a period.
        most (int): Most flows of a period.
        most_active (int): Most flows under way at once.
    """
    period_of = busy_periods(run)
    active = most_active_flows(run, period_of)
    order = np.argsort(period_of, kind="stable")
    ends = np.flatnonzero(np.diff(period_of[order])) + 1
    event_order = np.argsort(period_of[run.event_flow], kind="stable")
    event_periods = period_of[run.event_flow][event_order]
    for flows in np.split(order, ends):
        name = period_of[flows[0]]
        if not least <= len(flows) <= most or active[name] > most_active:
            continue
        if (run.fct_ns[flows] < 0).any():
            continue
        first, end = np.searchsorted(event_periods, [name, name + 1])
        yield cut_run(run, flows, event_order[first:end])


def cut_run(run: LabelledRun, flows: NDArray[np.int64], events: NDArray[np.int64]) -> LabelledRun:
    """A run of some flows only, on the links that they use.

    Args:
        run (LabelledRun): The run.
        flows (np.ndarray): The flows, ascending; all that the labels of the events speak of.
        events (np.ndarray): Their events, in order.
    """
    network = run.network
    route_ptr, hops = _select(network.route_ptr, flows)
    links, route_links = np.unique(network.route_links[hops], return_inverse=True)
    label_flow_ptr, label_rows = _select(run.label_flow_ptr, events)
    label_link_ptr, queue_rows = _select(run.label_link_ptr, events)
    return LabelledRun(
        network=replace(
            network,
            link_rate_bps=network.link_rate_bps[links],
            link_delay_ns=network.link_delay_ns[links],
            link_kind=network.link_kind[links],
            link_src=network.link_src[links],
            link_dst=network.link_dst[links],
            size_bytes=network.size_bytes[flows],
            start_ns=network.start_ns[flows],
            ideal_fct_ns=network.ideal_fct_ns[flows],
            route_ptr=route_ptr,
            route_links=route_links.astype(np.int32),
        ),
        fct_ns=run.fct_ns[flows],
        event_time_ns=run.event_time_ns[events],
        event_flow=np.searchsorted(flows, run.event_flow[events]).astype(np.int32),
        event_kind=run.event_kind[events],
        label_flow_ptr=label_flow_ptr,
        label_flows=np.searchsorted(flows, run.label_flows[label_rows]).astype(np.int32),
        remaining_bytes=run.remaining_bytes[label_rows],
        label_link_ptr=label_link_ptr,
        queue_bytes=run.queue_bytes[queue_rows],
    )


def _select(
    ptr: NDArray[np.int64], rows: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Some rows of a CSR table: their pointers, and where their entries stand in the old table."""
    counts = ptr[rows + 1] - ptr[rows]
    new_ptr = np.concatenate(([0], np.cumsum(counts)))
    entries = np.arange(new_ptr[-1]) + np.repeat(ptr[rows] - new_ptr[:-1], counts)
    return new_ptr.astype(np.int64), entries


@cached_njit()
def _period_of(route_ptr, route_links, num_links, event_flow, event_kind):  # type: ignore[no-untyped-def]
    parent = np.arange(len(route_ptr) - 1)
    users = np.zeros(num_links, np.int64)
    member = np.zeros(num_links, np.int64)
    for event in range(len(event_flow)):
        flow = event_flow[event]
        for hop in range(route_ptr[flow], route_ptr[flow + 1]):
            link = route_links[hop]
            if event_kind[event] != ARRIVAL:
                users[link] -= 1
                continue
            if users[link] > 0:
                parent[root(parent, flow)] = root(parent, member[link])
            users[link] += 1
            member[link] = flow
    for flow in range(len(parent)):
        root(parent, flow)
    return parent


@cached_njit()
def _most_active(period, change, num_periods):  # type: ignore[no-untyped-def]
    active = np.zeros(num_periods, np.int64)
    most = np.zeros(num_periods, np.int64)
    for event in range(len(period)):
        active[period[event]] += change[event]
        most[period[event]] = max(most[period[event]], active[period[event]])
    return most
