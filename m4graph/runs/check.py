"""What must hold of a network before any kernel sees it: nothing behind this is checked again."""

from __future__ import annotations

import numpy as np

from m4graph.core.array_checks import Checker
from m4graph.runs.flow_network import FlowNetwork
from m4graph.runs.paper_settings import NAMES as PAPER_NAMES
from m4graph.runs.settings import ALGORITHM_CODES, LENGTHS, OTHER
from m4graph.topology.arrays import MAX_DELAY_NS, MAX_RATE_BPS

MAX_TIME_NS = 2**60
"""Of times, and as a number of sizes: a sum of some stays inside 64 bits."""
_MAX = MAX_TIME_NS


def check_network(network: FlowNetwork, where: str) -> None:
    """Checks the arrays of a network: types, lengths, ranges, and that they fit each other.

    Args:
        network (FlowNetwork): From a file.
        where (str): The file, for the message.

    Raises:
        InputError: For the first array that is wrong.
    """
    check = Checker(where)
    _check_links(check, network)
    _check_flows(check, network)
    _check_routes(check, network)
    _check_settings(check, network)


def _check_links(check: Checker, network: FlowNetwork) -> None:
    num_links, num_nodes = len(network.link_rate_bps), len(network.node_pool_bytes)
    for name, dtype, low, high in (
        ("link_rate_bps", "i8", 1, MAX_RATE_BPS),
        ("link_delay_ns", "i8", 0, MAX_DELAY_NS),
        ("link_kind", "i1", 0, 3),
        ("link_src", "i4", 0, num_nodes - 1),
        ("link_dst", "i4", 0, num_nodes - 1),
    ):
        array = getattr(network, name)
        check.array(name, array, dtype, num_links)
        check.values(name, array, low, high)
    check.rule("link_dst", network.link_dst != network.link_src, "another node than link_src")
    check.array("node_pool_bytes", network.node_pool_bytes, "f8", num_nodes)
    check.values("node_pool_bytes", network.node_pool_bytes, 0, _MAX)


def _check_flows(check: Checker, network: FlowNetwork) -> None:
    for name, low in (("size_bytes", 1), ("start_ns", 0), ("ideal_fct_ns", 1)):
        array = getattr(network, name)
        check.array(name, array, "i8", network.num_flows)
        check.values(name, array, low, _MAX)
    start_ns = network.start_ns
    check.rule("start_ns", start_ns[1:] >= start_ns[:-1], "times in order")


def _check_routes(check: Checker, network: FlowNetwork) -> None:
    ptr, links = network.route_ptr, network.route_links
    num_flows, num_hops, num_links = network.num_flows, len(links), network.num_links
    check.array("route_links", links, "i4", num_hops)
    check.values("route_links", links, 0, num_links - 1)
    check.pointers("route_ptr", ptr, num_flows, num_hops, least=1)
    goes_on = np.ones(num_hops, np.bool_)  # each hop but the first of a flow
    goes_on[ptr[:-1]] = False
    begins, ends = network.link_src[links], network.link_dst[links]
    joined = ~goes_on[1:] | (begins[1:] == ends[:-1])
    check.rule("route_links", joined, "links that begin where the one before ends")
    flow = np.repeat(np.arange(num_flows), np.diff(ptr))
    visits = np.sort(flow * num_links + links)
    check.rule("route_links", visits[1:] > visits[:-1], "no link twice on a route")


def _check_settings(check: Checker, network: FlowNetwork) -> None:
    configuration = network.configuration
    if configuration.shape not in [(length,) for length in LENGTHS]:
        got = f"{[*configuration.shape]}"
        check.refuse("configuration", f"{' or '.join(map(str, LENGTHS))} numbers", got)
    check.array("configuration", configuration, "f8", len(configuration))
    check.values("configuration", configuration[:1], OTHER, max(ALGORITHM_CODES.values()))
    check.rule("configuration", configuration[:1] % 1 == 0, "the code of an algorithm")
    check.values("configuration", configuration[1:], 0, _MAX)
    for name, low in (("window_bytes", 0), ("payload_bytes", 1)):
        array = getattr(network, name)
        check.array(name, array, "i8", 1)
        check.values(name, array, low, _MAX)
    paper = network.paper_configuration
    check.array("paper_configuration", paper, "f4", len(PAPER_NAMES))
    check.values("paper_configuration", paper, 0, _MAX)
