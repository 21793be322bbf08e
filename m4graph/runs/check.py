"""What must hold of a run before any kernel sees it: nothing behind this is checked again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from m4graph.core.errors import InputError
from m4graph.runs.paper_settings import NAMES as PAPER_NAMES
from m4graph.runs.settings import ALGORITHM_CODES, NUM_FIRST_NAMES, OTHER
from m4graph.runs.settings import NAMES as SETTING_NAMES
from m4graph.topology.arrays import MAX_DELAY_NS, MAX_RATE_BPS

if TYPE_CHECKING:
    from m4graph.runs.flow_network import FlowNetwork
    from m4graph.runs.labelled_run import LabelledRun

Array = NDArray[Any]

_MAX = 2**60
"""Of times and sizes: a sum of some stays inside 64 bits."""


class Checker:
    """Checks arrays one by one; an error names the file and the array.

    Args:
        where (str): The file.
    """

    def __init__(self, where: str) -> None:
        self._where = where

    def refuse(self, name: str, expected: str, got: object) -> None:
        """Raises the error."""
        raise InputError(f"{self._where}: {name}: expected {expected} (got {got})")

    def array(self, name: str, array: Array, dtype: str, length: int) -> None:
        """An array of this type, and of one dimension and this length."""
        if array.dtype != dtype or array.shape != (length,):
            self.refuse(name, f"{np.dtype(dtype)} [{length}]", f"{array.dtype} {[*array.shape]}")

    def values(self, name: str, array: Array, low: float, high: float) -> None:
        """Finite values in ``[low, high]``."""
        bad = ~((array >= low) & (array <= high))
        if bad.any():
            at = int(bad.argmax())
            self.refuse(name, f"values in {low:g} .. {high:g}", f"{array[at]} at {at}")

    def rule(self, name: str, good: Array, expected: str) -> None:
        """Something that holds at each place."""
        if not good.all():
            self.refuse(name, expected, f"something else at {int(good.argmin())}")

    def pointers(self, name: str, ptr: Array, rows: int, length: int, least: int = 0) -> None:
        """Where the rows of a table begin and end: ``rows + 1`` of them, from 0 to its length."""
        self.array(name, ptr, "i8", rows + 1)
        if ptr[0] != 0 or ptr[-1] != length:
            self.refuse(name, f"0 first and {length} last", f"{ptr[0]} and {ptr[-1]}")
        # A difference may wrap: so the order is looked at.
        self.rule(name, ptr[1:] >= ptr[:-1], "values that do not fall")
        self.rule(name, ptr[1:] - ptr[:-1] >= least, f"steps of at least {least}")


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


def check_run(run: LabelledRun, where: str) -> None:
    """Checks the arrays of a run, those of its network included; arguments as above.

    Raises:
        InputError: For the first array that is wrong.
    """
    check_network(run.network, where)
    check = Checker(where)
    check.array("fct_ns", run.fct_ns, "i8", run.network.num_flows)
    check.values("fct_ns", run.fct_ns, -1, _MAX)
    check.rule("fct_ns", run.fct_ns != 0, "a time above 0, or -1")
    _check_events(check, run)
    _check_labels(check, run)


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
    known = (NUM_FIRST_NAMES, len(SETTING_NAMES))
    if configuration.shape not in [(length,) for length in known]:
        got = f"{[*configuration.shape]}"
        check.refuse("configuration", f"{known[0]} or {known[1]} numbers", got)
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


def _check_events(check: Checker, run: LabelledRun) -> None:
    num_events, num_flows = run.num_events, run.network.num_flows
    time_ns, flow, kind = run.event_time_ns, run.event_flow, run.event_kind
    check.array("event_time_ns", time_ns, "i8", num_events)
    check.values("event_time_ns", time_ns, 0, 2 * _MAX)
    check.rule("event_time_ns", time_ns[1:] >= time_ns[:-1], "times in order")
    check.array("event_flow", flow, "i4", num_events)
    check.values("event_flow", flow, 0, num_flows - 1)
    check.array("event_kind", kind, "i1", num_events)
    check.values("event_kind", kind, 0, 1)
    at = np.full((2, num_flows), -1)
    at[kind, flow] = np.arange(num_events)
    arrived, departed = at
    if (arrived >= 0).sum() + (departed >= 0).sum() != num_events:
        check.refuse("event_flow", "one arrival and one departure of a flow", "more of one")
    finished = run.fct_ns >= 0
    check.rule("event_kind", (departed < 0) | ((arrived >= 0) & (departed > arrived)),
               "a departure behind its arrival")  # fmt: skip
    check.rule("event_kind", ~finished | (departed >= 0), "a departure of each flow with a time")
    start_ns, end_ns = run.network.start_ns, run.network.start_ns + run.fct_ns
    check.rule("event_time_ns", (arrived < 0) | (time_ns[arrived] == start_ns),
               "arrivals at start_ns")  # fmt: skip
    # A clock of picoseconds rounds both.
    is_near = abs(time_ns[departed] - end_ns) <= 1
    check.rule("event_time_ns", ~finished | is_near, "departures at start_ns + fct_ns")


def _check_labels(check: Checker, run: LabelledRun) -> None:
    num_events, num_labels = run.num_events, len(run.label_flows)
    check.pointers("label_flow_ptr", run.label_flow_ptr, num_events, num_labels)
    check.array("label_flows", run.label_flows, "i4", num_labels)
    check.values("label_flows", run.label_flows, 0, run.network.num_flows - 1)
    check.array("remaining_bytes", run.remaining_bytes, "i8", num_labels)
    check.values("remaining_bytes", run.remaining_bytes, 0, _MAX)
    rest = run.network.size_bytes[run.label_flows] - run.remaining_bytes
    check.rule("remaining_bytes", rest >= 0, "at most the flow's size")
    num_queues = len(run.queue_bytes)
    check.pointers("label_link_ptr", run.label_link_ptr, num_events, num_queues)
    check.array("queue_bytes", run.queue_bytes, "i8", num_queues)
    check.values("queue_bytes", run.queue_bytes, 0, _MAX)
    counts, hops = np.diff(run.label_link_ptr), np.diff(run.network.route_ptr)[run.event_flow]
    check.rule("label_link_ptr", (counts == 0) | (counts == hops), "a label of each link, or none")
