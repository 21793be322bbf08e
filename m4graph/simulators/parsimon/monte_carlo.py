"""Parsimon's own way from links to flows, as published: draws from what flows met at each link.

It is a baseline to measure ``combine: max`` against. Links that are alike are simulated once; a
flow's delay at a link is drawn from those of flows of about its size there, and the draws are
summed as if links were independent.

Reference: Zhao et al., "Scalable Tail Latency Estimation for Data Center Networks", NSDI 2023,
sections 3.3 and 4.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from m4graph.core.kernel_cache import cached_njit
from m4graph.core.rng import generator
from m4graph.simulators.parsimon.decomposition import Decomposition
from m4graph.simulators.parsimon.link_model import NEVER_NS

_LEAST_RECORDS = 100
_LEAST_SPREAD = 2.0
"""A bucket is full with so many records, the largest flow so many times the smallest."""

_NUM_QUANTILES = 1000
_MOST_WMAPE = 0.1
_MOST_LOAD_APART = 0.005
"""Links are alike with sizes and gaps between starts so close, and loads."""


def representatives(network: Decomposition, links: NDArray[np.int64]) -> NDArray[np.int64]:
    """The link that is simulated in place of each: itself, or an earlier one that is like it.

    Greedy: in the order of loads, a link that no other one stands for stands for all behind it
    that are like it.

    Args:
        network (Decomposition): The network.
        links (np.ndarray): Links with at least one flow each.

    Returns:
        np.ndarray: int64 ``[num_links]`` of the network; -1 for those that are not given.
    """
    stands_for = np.full(len(network.link_packets), -1, np.int64)
    by_load = links[np.argsort(network.load[links], kind="stable")]
    sizes, gaps = _quantiles(network, by_load)
    found = _alike(network.load[by_load], sizes, gaps)
    stands_for[by_load] = by_load[found]
    return stands_for


def drawn(
    network: Decomposition, fct_ns: NDArray[np.int64], representative: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The ideal FCT, and a delay drawn at each link, by packets.

    Links without a representative add nothing. The scenario's seed decides the draws. A flow that
    draws one that did not finish does not, either.

    Args:
        network (Decomposition): The network.
        fct_ns (np.ndarray): int64 ``[num_rows]``, of the links that are representatives.
        representative (np.ndarray): From :func:`representatives`.
    """
    scenario, flow = network.scenario, network.row_flow
    over_ns = np.maximum(fct_ns - scenario.ideal_fct_ns[flow], 0)
    per_packet_ns = np.where(fct_ns < NEVER_NS, over_ns / network.num_packets[flow], np.inf)
    chance = generator(scenario.seed, "parsimon", "draws").random(len(flow))
    drawn_ns = _draw(
        network.link_ptr,
        scenario.workload.size_bytes[flow],
        per_packet_ns,
        representative,
        chance,
    )
    total_ns = np.bincount(flow, weights=drawn_ns, minlength=scenario.num_flows)
    total_ns = np.minimum(total_ns * network.num_packets, NEVER_NS)
    return np.asarray(scenario.ideal_fct_ns + np.rint(total_ns).astype(np.int64))


def _quantiles(
    network: Decomposition, links: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of flow sizes and of gaps between starts, float64 ``[links, quantiles]`` each."""
    workload, ptr = network.scenario.workload, network.link_ptr
    at = np.linspace(0, 1, _NUM_QUANTILES)
    sizes, gaps = np.zeros((2, len(links), _NUM_QUANTILES))
    for i, link in enumerate(links):
        flows = network.row_flow[ptr[link] : ptr[link + 1]]
        sizes[i] = np.quantile(workload.size_bytes[flows], at)
        if len(flows) > 1:
            gaps[i] = np.quantile(np.diff(workload.start_ns[flows]), at)
    return sizes, gaps


@cached_njit(nogil=True)
def _alike(load, sizes, gaps):  # type: ignore[no-untyped-def]
    """For each link, sorted by load, the position of the one that stands for it."""
    num_links = len(load)
    found = np.full(num_links, -1, np.int64)
    for first in range(num_links):
        if found[first] >= 0:
            continue
        found[first] = first
        for other in range(first + 1, num_links):
            if load[other] - load[first] >= _MOST_LOAD_APART:
                break
            if (
                found[other] < 0
                and _are_close(sizes[first], sizes[other])
                and _are_close(gaps[first], gaps[other])
            ):
                found[other] = first
    return found


@cached_njit(nogil=True)
def _are_close(a, b):  # type: ignore[no-untyped-def]
    """Whether the weighted mean absolute percentage error of ``b`` from ``a`` is small."""
    most = _MOST_WMAPE * a.sum()
    apart = 0.0
    for i in range(len(a)):
        apart += abs(a[i] - b[i])
        if apart >= most:
            return apart == 0.0
    return True


@cached_njit(nogil=True)
def _draw(link_ptr, size_bytes, per_packet_ns, representative, chance):  # type: ignore[no-untyped-def]
    """Draws a delay a packet for each row, float64 ``[num_rows]``."""
    drawn_ns = np.zeros(len(size_bytes))
    # The buckets of one representative serve all links that it stands for.
    for link in np.argsort(representative, kind="mergesort"):
        if representative[link] < 0:
            continue
        first, after = link_ptr[representative[link]], link_ptr[representative[link] + 1]
        order = first + np.argsort(size_bytes[first:after], kind="mergesort")
        sorted_bytes = size_bytes[order]
        ends = _bucket_ends(sorted_bytes)
        largest_bytes = sorted_bytes[ends - 1]
        largest_bytes[-1] = np.iinfo(np.int64).max
        for row in range(link_ptr[link], link_ptr[link + 1]):
            bucket = np.searchsorted(largest_bytes, size_bytes[row])
            begin = ends[bucket - 1] if bucket > 0 else 0
            record = begin + int(chance[row] * (ends[bucket] - begin))
            drawn_ns[row] = per_packet_ns[order[record]]
    return drawn_ns


@cached_njit(nogil=True)
def _bucket_ends(sorted_bytes):  # type: ignore[no-untyped-def]
    """Where each bucket of sorted sizes ends; flows of one size share one."""
    ends = np.empty(len(sorted_bytes), np.int64)
    num_buckets, begin = 0, 0
    for i in range(len(sorted_bytes)):
        is_full = (
            i + 1 - begin >= _LEAST_RECORDS
            and sorted_bytes[i] >= _LEAST_SPREAD * sorted_bytes[begin]
        )
        is_last = i + 1 == len(sorted_bytes)
        if is_last or (is_full and sorted_bytes[i + 1] != sorted_bytes[i]):
            ends[num_buckets] = i + 1
            num_buckets += 1
            begin = i + 1
    return ends[:num_buckets]
