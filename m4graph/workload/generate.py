"""Random workloads: sizes, starts and hosts from chosen laws, scaled to a load."""

from __future__ import annotations

import math
from typing import Any
from weakref import WeakKeyDictionary

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from m4graph.core.blocks import Spec, build
from m4graph.core.calls import plain_call
from m4graph.core.checks import check_count, check_positive
from m4graph.core.rng import generator
from m4graph.core.schema import KeyProblem, keys_inside, spell
from m4graph.core.units import BITS_PER_BYTE, NS_PER_S
from m4graph.routing import drawn_link_shares, expected_link_shares
from m4graph.topology.arrays import NetworkArrays
from m4graph.topology.validation import validate
from m4graph.workload.arrivals import ARRIVAL_LAWS, ArrivalLaw
from m4graph.workload.layout import HostLayout
from m4graph.workload.matrices import TRAFFIC_MATRICES, TrafficMatrix
from m4graph.workload.pairs import PairShares
from m4graph.workload.sizes import SIZE_LAWS, SizeLaw
from m4graph.workload.workload import Workload

MAX_FLOWS = 5 * 10**7
"""More are not drawn."""

_NUM_FLOWS = 2000
_LAST_START_NS = 2**62

_arguments: WeakKeyDictionary[Workload, dict[str, Any]] = WeakKeyDictionary()


@plain_call
def generate(
    network: nx.Graph,
    sizes: Spec | SizeLaw = "web_search",
    load: float = 0.5,
    num_flows: int | None = None,
    seed: int = 0,
    arrivals: Spec | ArrivalLaw = "poisson",
    matrix: Spec | TrafficMatrix = "uniform",
    start_ns: int = 0,
    until_ns: int | None = None,
) -> Workload:
    """Draws a workload, open loop.

    The load is that of the most loaded link, in expectation: payload bytes that are to cross it
    per second, over its rate. The expectation is over sizes, gaps, host pairs and the ECMP hash,
    and is exact (:func:`m4graph.routing.expected_link_shares`); no test flows are drawn. What a
    finite heavy-tailed workload really brings differs from it.

    Sizes, gaps and hosts come from streams of their own: with another load, say, a seed gives the
    same sizes between the same hosts, faster or slower.

    Args:
        network (networkx.Graph): The network.
        sizes (str, dict or SizeLaw, optional): One of :data:`SIZE_LAWS`, as a name, a block
            ``{"kind": name, ...}`` or an object. (default: ``"web_search"``)
        load (float, optional): Load of the most loaded link, in (0, 1]. (default: ``0.5``)
        num_flows (int, optional): Number of flows. (default: ``2000``, or what ``until_ns`` says)
        seed (int, optional): Seed. (default: ``0``)
        arrivals (str, dict or ArrivalLaw, optional): One of :data:`ARRIVAL_LAWS`. (default:
            ``"poisson"``)
        matrix (str, dict or TrafficMatrix, optional): One of :data:`TRAFFIC_MATRICES`. (default:
            ``"uniform"``)
        start_ns (int, optional): Start of the first flow. (default: ``0``)
        until_ns (int, optional): Instead of their number: all flows that start before this time.
            (default: ``None``)

    Returns:
        Workload: Flows ``0 .. num_flows - 1``, in the order of start.

    Raises:
        InputError: If the network or a parameter is not valid; the message names it.
    """
    arguments = {
        "sizes": sizes,
        "load": load,
        "num_flows": num_flows,
        "seed": seed,
        "arrivals": arrivals,
        "matrix": matrix,
        "start_ns": start_ns,
        "until_ns": until_ns,
    }
    load = _check_load(load)
    start_ns = check_count("start_ns", start_ns, 0, _LAST_START_NS)
    num_flows, until_ns = _check_end(num_flows, until_ns, start_ns)
    size_law = build(SIZE_LAWS, sizes, "sizes", SizeLaw)
    arrival_law = build(ARRIVAL_LAWS, arrivals, "arrivals", ArrivalLaw)
    traffic = build(TRAFFIC_MATRICES, matrix, "matrix", TrafficMatrix)

    arrays = validate(network)
    layout = HostLayout.of(network, arrays)
    with keys_inside("matrix"):
        pairs = traffic.place(layout, generator(seed, "workload", "matrix"))
    if arrays.has_one_nic:
        mean_ns = mean_gap_ns(arrays, pairs.shares(), size_law.mean_bytes, load)
    else:
        drawn = pairs.draw(generator(seed, "workload", "hosts"), num_flows or _NUM_FLOWS)
        crossing = drawn_link_shares(arrays, *drawn)
        mean_ns = _mean_gap_ns(arrays, crossing, size_law.mean_bytes, load)
    if until_ns is not None:
        num_flows = _flows_until(until_ns - start_ns, arrival_law, seed, mean_ns)
    gaps = arrival_law.gaps(generator(seed, "workload", "gaps"), num_flows - 1, mean_ns)
    src, dst = pairs.draw(generator(seed, "workload", "hosts"), num_flows)
    workload = Workload.from_arrays(
        id=np.arange(num_flows),
        src=src,
        dst=dst,
        size_bytes=size_law.sample(generator(seed, "workload", "sizes"), num_flows),
        start_ns=_starts(start_ns, gaps),
        num_hosts=arrays.num_hosts,
    )
    _arguments[workload] = arguments
    return workload


def arguments_of(workload: object) -> dict[str, Any] | None:
    """What :func:`generate` made a workload of, without the network; ``None``: it did not."""
    given = _arguments.get(workload) if isinstance(workload, Workload) else None
    return None if given is None else dict(given)


@plain_call
def mean_gap_ns(arrays: NetworkArrays, shares: PairShares, mean_bytes: float, load: float) -> float:
    """The mean time between two flow starts that brings the most loaded link to a load.

    Args:
        arrays (NetworkArrays): The network; each host has one cable.
        shares (PairShares): What part of the flows goes where.
        mean_bytes (float): Mean flow size.
        load (float): The load.

    Returns:
        float: In ns.
    """
    crossing = expected_link_shares(arrays, shares.send, shares.receive, shares.between)
    return _mean_gap_ns(arrays, crossing, mean_bytes, load)


def _mean_gap_ns(
    arrays: NetworkArrays, crossing: NDArray[np.float64], mean_bytes: float, load: float
) -> float:
    """The same, of the part of the flows that crosses each link ``[num_links]``."""
    seconds_per_bit = (crossing / arrays.link_rate_bps).max()
    return float(mean_bytes * BITS_PER_BYTE * seconds_per_bit * NS_PER_S / load)


def _check_end(
    num_flows: int | None, until_ns: int | None, start_ns: int
) -> tuple[int, int | None]:
    """Checks what ends a workload: a number of flows, or a time."""
    if until_ns is None:
        return check_count("num_flows", _NUM_FLOWS if num_flows is None else num_flows), None
    if num_flows is not None:
        raise KeyProblem("num_flows", "expected it without until_us (got both)")
    return 0, check_count("until_ns", until_ns, start_ns + 1, _LAST_START_NS)


def _flows_until(span_ns: int, law: ArrivalLaw, seed: int, mean_ns: float) -> int:
    """How many flows start in a time, the first one at its beginning."""
    drawn = 1 + math.ceil(span_ns / mean_ns)
    while drawn <= MAX_FLOWS:
        starts = np.rint(np.cumsum(law.gaps(generator(seed, "workload", "gaps"), drawn, mean_ns)))
        if starts[-1] >= span_ns:
            return 1 + int(np.searchsorted(starts, span_ns))
        drawn *= 2
    raise KeyProblem("until_us", f"expected a time with at most {MAX_FLOWS} flows (got more)")


def _check_load(load: float) -> float:
    number = check_positive("load", load)
    if number > 1:
        raise KeyProblem("load", f"expected a number in (0, 1] (got {spell(load)})")
    return number


def _starts(start_ns: int, gaps: NDArray[np.float64]) -> NDArray[np.int64]:
    """Start times, rounded to whole ns after adding up the gaps."""
    since_first = np.rint(np.concatenate(([0.0], np.cumsum(gaps))))
    if not since_first[-1] < _LAST_START_NS:
        raise KeyProblem(
            "load", f"expected the last start before {_LAST_START_NS} ns (got {since_first[-1]:g})"
        )
    return start_ns + since_first.astype(np.int64)
