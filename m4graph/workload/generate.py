"""Random workloads: sizes, starts and hosts from chosen laws, scaled to a load."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from m4graph.core.blocks import Spec, build
from m4graph.core.checks import check_count, check_positive
from m4graph.core.rng import generator
from m4graph.core.schema import KeyProblem, keys_inside, spell
from m4graph.core.units import BITS_PER_BYTE, NS_PER_S, NS_PER_US
from m4graph.routing import expected_link_shares
from m4graph.topology.arrays import NetworkArrays, validate
from m4graph.workload.arrivals import ARRIVAL_LAWS, ArrivalLaw
from m4graph.workload.layout import HostLayout
from m4graph.workload.matrices import TRAFFIC_MATRICES, TrafficMatrix
from m4graph.workload.pairs import Ints, Pairs, PairShares
from m4graph.workload.sizes import SIZE_LAWS, SizeLaw
from m4graph.workload.workload import Workload

MAX_FLOWS = 10**8
"""Flows that ``until_us`` draws at most: they fill ten gigabytes."""

_LAST_START_NS = 2**62
_BLOCK_FLOWS = 4096


def generate(
    network: nx.Graph,
    sizes: Spec | SizeLaw = "web_search",
    load: float = 0.5,
    num_flows: int | None = None,
    seed: int = 0,
    arrivals: Spec | ArrivalLaw = "poisson",
    matrix: Spec | TrafficMatrix = "uniform",
    start_ns: int = 0,
    until_us: float | None = None,
) -> Workload:
    """Draws a workload, open loop.

    The load is that of the most loaded link, in expectation: payload bytes that are to cross it
    per second, over its rate. The expectation is over sizes, gaps, host pairs and the ECMP hash,
    and is exact (:func:`m4graph.routing.expected_link_shares`); no test flows are drawn. What a
    finite heavy-tailed workload really brings differs from it.

    Sizes, gaps and hosts come from streams of their own: with another load, say, a seed gives the
    same sizes between the same hosts, faster or slower. Up to a later time (``until_us``), a seed
    gives the same flows, and then others.

    Args:
        network (networkx.Graph): The network.
        sizes (str, dict or SizeLaw, optional): One of :data:`SIZE_LAWS`, as a name, a block
            ``{"kind": name, ...}`` or an object. (default: ``"web_search"``)
        load (float, optional): Load of the most loaded link, in (0, 1]. (default: ``0.5``)
        num_flows (int, optional): Number of flows. (default: ``2000``, without ``until_us``)
        seed (int, optional): Seed. (default: ``0``)
        arrivals (str, dict or ArrivalLaw, optional): One of :data:`ARRIVAL_LAWS`. (default:
            ``"poisson"``)
        matrix (str, dict or TrafficMatrix, optional): One of :data:`TRAFFIC_MATRICES`. (default:
            ``"uniform"``)
        start_ns (int, optional): Start of the first flow. (default: ``0``)
        until_us (float, optional): Instead of a number: all flows that start before this time, at
            most :data:`MAX_FLOWS`.

    Returns:
        Workload: Flows ``0 .. num_flows - 1``, in the order of start.

    Raises:
        InputError: If the network or a parameter is not valid; the message names it.
    """
    load = _check_load(load)
    start_ns = check_count("start_ns", start_ns, 0, _LAST_START_NS)
    span_ns = _check_extent(num_flows, until_us, start_ns)
    size_law = build(SIZE_LAWS, sizes, "sizes", SizeLaw)
    arrival_law = build(ARRIVAL_LAWS, arrivals, "arrivals", ArrivalLaw)
    traffic = build(TRAFFIC_MATRICES, matrix, "matrix", TrafficMatrix)

    arrays = validate(network)
    layout = HostLayout.of(network, arrays)
    with keys_inside("matrix"):
        pairs = traffic.place(layout, generator(seed, "workload", "matrix"))
    mean_ns = mean_gap_ns(arrays, pairs.shares(), size_law.mean_bytes, load)
    laws = _Laws(pairs, size_law, arrival_law, mean_ns)
    drawn = laws.flows(seed, num_flows or 2000) if span_ns is None else laws.until(seed, span_ns)
    return Workload.from_arrays(
        id=np.arange(len(drawn.src)),
        src=drawn.src,
        dst=drawn.dst,
        size_bytes=drawn.size_bytes,
        start_ns=_starts(start_ns, drawn.since_first_ns),
        num_hosts=arrays.num_hosts,
    )


@dataclass(frozen=True)
class _Drawn:
    """Flows, and when they start after the first one, in ns, float64."""

    src: Ints
    dst: Ints
    size_bytes: Ints
    since_first_ns: NDArray[np.float64]


@dataclass(frozen=True)
class _Laws:
    """What flows are drawn from."""

    pairs: Pairs
    sizes: SizeLaw
    arrivals: ArrivalLaw
    mean_ns: float

    def flows(self, seed: int, num_flows: int) -> _Drawn:
        """So many flows."""
        src, dst = self.pairs.draw(generator(seed, "workload", "hosts"), num_flows)
        gaps = self.arrivals.gaps(generator(seed, "workload", "gaps"), num_flows - 1, self.mean_ns)
        sizes = self.sizes.sample(generator(seed, "workload", "sizes"), num_flows)
        return _Drawn(src, dst, sizes, np.concatenate(([0.0], np.cumsum(gaps))))

    def until(self, seed: int, span_ns: float) -> _Drawn:
        """The flows that start before a time after the first.

        They are drawn by the thousand, from streams of their own: what comes later changes none.
        """
        if span_ns / self.mean_ns > MAX_FLOWS:
            raise _too_many(f"about {span_ns / self.mean_ns:.2g}")
        blocks_ns, last_ns = [np.zeros(1)], 0.0
        while last_ns < span_ns:
            if len(blocks_ns) * _BLOCK_FLOWS > MAX_FLOWS:
                raise _too_many("more")
            stream = generator(seed, "workload", "gaps", len(blocks_ns) - 1)
            gaps = self.arrivals.gaps(stream, _BLOCK_FLOWS, self.mean_ns)
            blocks_ns.append(last_ns + np.cumsum(gaps))
            last_ns = float(blocks_ns[-1][-1])
        since_first = np.concatenate(blocks_ns)
        since_first = since_first[since_first < span_ns]
        blocks = range(-(-len(since_first) // _BLOCK_FLOWS))
        src, dst, sizes = (
            np.concatenate(columns)[: len(since_first)]
            for columns in zip(*(self._block(seed, block) for block in blocks), strict=True)
        )
        return _Drawn(src, dst, sizes, since_first)

    def _block(self, seed: int, block: int) -> tuple[Ints, Ints, Ints]:
        src, dst = self.pairs.draw(generator(seed, "workload", "hosts", block), _BLOCK_FLOWS)
        stream = generator(seed, "workload", "sizes", block)
        return src, dst, self.sizes.sample(stream, _BLOCK_FLOWS)


def mean_gap_ns(arrays: NetworkArrays, shares: PairShares, mean_bytes: float, load: float) -> float:
    """The mean time between two flow starts that brings the most loaded link to a load.

    Args:
        arrays (NetworkArrays): The network.
        shares (PairShares): What part of the flows goes where.
        mean_bytes (float): Mean flow size.
        load (float): The load.

    Returns:
        float: In ns.
    """
    crossing = expected_link_shares(arrays, shares.send, shares.receive, shares.between)
    seconds_per_bit = (crossing / arrays.link_rate_bps).max()
    return float(mean_bytes * BITS_PER_BYTE * seconds_per_bit * NS_PER_S / load)


def _check_load(load: float) -> float:
    number = check_positive("load", load)
    if number > 1:
        raise KeyProblem("load", f"expected a number in (0, 1] (got {spell(load)})")
    return number


def _check_extent(num_flows: Any, until_us: Any, start_ns: int) -> float | None:
    """The time in which flows start, in ns; ``None`` if their number is given."""
    if until_us is None:
        if num_flows is not None:
            check_count("num_flows", num_flows)
        return None
    if num_flows is not None:
        raise KeyProblem("until_us", "expected one of num_flows, until_us (got both)")
    span_ns = check_positive("until_us", until_us) * NS_PER_US - start_ns
    if span_ns <= 0:
        raise KeyProblem(
            "until_us", f"expected a time after start_ns, {start_ns} ns (got {spell(until_us)} us)"
        )
    return span_ns


def _too_many(number: str) -> KeyProblem:
    return KeyProblem("until_us", f"expected at most {MAX_FLOWS} flows by then (got {number})")


def _starts(start_ns: int, since_first_ns: NDArray[np.float64]) -> NDArray[np.int64]:
    """Start times, rounded to whole ns after adding up the gaps."""
    since_first = np.rint(since_first_ns)
    if not since_first[-1] < _LAST_START_NS:
        raise KeyProblem(
            "load", f"expected the last start before {_LAST_START_NS} ns (got {since_first[-1]:g})"
        )
    return start_ns + since_first.astype(np.int64)
