"""A network taken apart: which flows each link has, and how busy they keep it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from m4graph.core.kernel_cache import cached_njit
from m4graph.core.units import BITS_PER_BYTE, NS_PER_S
from m4graph.scenario import Scenario
from m4graph.simulators.packet.congestion import CONGESTION_KERNELS
from m4graph.simulators.parsimon.ways import Ways

_MOST_ACKS = 0.5
"""ACKs take this part of a link at most."""


@dataclass(frozen=True, eq=False)
class Decomposition:
    """The flows of a scenario by link. A row is a flow at a link of its route.

    Args:
        scenario (Scenario): What was taken apart.
        built_bps (np.ndarray): The rate of each link without faults, int64 ``[num_links]``.

    Attributes:
        link_ptr (np.ndarray): Where the rows of each link begin.
        row_flow (np.ndarray): The flow of each row; on a link, in the order of starts.
        row_hop (np.ndarray): The link's position in the flow's route.

    Shapes:
        - ``link_ptr`` int64 ``[num_links + 1]``; ``row_flow``, ``row_hop`` int32 ``[num_rows]``
    """

    scenario: Scenario
    built_bps: NDArray[np.int64]
    link_ptr: NDArray[np.int64]
    row_flow: NDArray[np.int32]
    row_hop: NDArray[np.int32]

    @classmethod
    def of(cls, scenario: Scenario, built_bps: NDArray[np.int64] | None = None) -> Decomposition:
        """Takes a scenario apart.

        Args:
            scenario (Scenario): One without faults.
            built_bps (np.ndarray, optional): As of the class. (default: the scenario's rates)
        """
        routes = scenario.routes
        num_links = scenario.arrays.num_links
        ptr = np.zeros(num_links + 1, np.int64)
        np.cumsum(np.bincount(routes.data_links, minlength=num_links), out=ptr[1:])
        by_start = np.argsort(scenario.workload.start_ns, kind="stable")
        row_flow, row_hop = _rows_by_link(ptr, by_start, routes.data_ptr, routes.data_links)
        if built_bps is None:
            built_bps = scenario.arrays.link_rate_bps
        return cls(scenario, built_bps, ptr, row_flow, row_hop)

    @cached_property
    def row_link(self) -> NDArray[np.int32]:
        """The link of each row, int32 ``[num_rows]``."""
        num_links = self.scenario.arrays.num_links
        return np.repeat(np.arange(num_links, dtype=np.int32), np.diff(self.link_ptr))

    @cached_property
    def num_packets(self) -> NDArray[np.int64]:
        """Data packets of each flow, int64 ``[num_flows]``."""
        size_bytes = self.scenario.workload.size_bytes
        return -(-size_bytes // self.scenario.config.payload_bytes)

    @cached_property
    def link_packets(self) -> NDArray[np.int64]:
        """Data packets that cross each link, int64 ``[num_links]``."""
        return self.sum_by_link(self.num_packets[self.row_flow])

    @cached_property
    def load(self) -> NDArray[np.float64]:
        """What a link's flows would keep it busy, over the time from the first start on it to the
        last flow's end alone; float64 ``[num_links]``, 0 where there is none.
        """
        scenario = self.scenario
        kernel = CONGESTION_KERNELS.resolve(scenario.congestion_control.kind)
        wire_bytes = scenario.workload.size_bytes + self.num_packets * kernel.data_overhead_bytes
        total_bytes = self.sum_by_link(wire_bytes[self.row_flow])
        span_ns = _span_ns(scenario, self.row_link, self.row_flow)
        bits = total_bytes * float(BITS_PER_BYTE * NS_PER_S)
        return np.asarray(bits / scenario.arrays.link_rate_bps / span_ns, dtype=np.float64)

    @cached_property
    def ways(self) -> Ways:
        """What the inputs of links are made of."""
        scenario = self.scenario
        kernel = CONGESTION_KERNELS.resolve(scenario.congestion_control.kind)
        arrays, workload, routes = scenario.arrays, scenario.workload, scenario.routes
        return Ways(
            rate_bps=arrays.link_rate_bps,
            built_bps=self.built_bps,
            left_bps=_left_bps(scenario, self.num_packets, kernel.ack_wire_bytes),
            delay_ns=arrays.link_delay_ns,
            src=workload.src,
            size_bytes=workload.size_bytes,
            start_ns=workload.start_ns,
            route_ptr=routes.data_ptr,
            route_links=routes.data_links,
            ack_ptr=routes.ack_ptr,
            ack_links=routes.ack_links,
            payload_bytes=scenario.config.payload_bytes,
            overhead_bytes=kernel.data_overhead_bytes,
            ack_bytes=kernel.ack_wire_bytes,
        )

    def rows_of(self, links: NDArray[np.int64]) -> NDArray[np.int64]:
        """The rows of some links, link after link."""
        first, after = self.link_ptr[links], self.link_ptr[links + 1]
        length = after - first
        ends = np.cumsum(length)
        inside = np.arange(length.sum()) - np.repeat(ends - length, length)
        return np.asarray(np.repeat(first, length) + inside)

    def sum_by_link(self, values: NDArray[np.int64]) -> NDArray[np.int64]:
        """Sums int64 ``[num_rows]`` over the rows of each link, int64 ``[num_links]``."""
        total = np.concatenate(([0], np.cumsum(values)))
        return total[self.link_ptr[1:]] - total[self.link_ptr[:-1]]


@cached_njit(nogil=True)
def _rows_by_link(link_ptr, by_start, route_ptr, route_links):  # type: ignore[no-untyped-def]
    """Sorts flows to the links of their routes, in one pass over them in the order of starts."""
    row_flow = np.empty(len(route_links), np.int32)
    row_hop = np.empty(len(route_links), np.int32)
    filled = link_ptr[:-1].copy()
    for flow in by_start:
        for position in range(route_ptr[flow], route_ptr[flow + 1]):
            link = route_links[position]
            row_flow[filled[link]] = flow
            row_hop[filled[link]] = position - route_ptr[flow]
            filled[link] += 1
    return row_flow, row_hop


def _span_ns(
    scenario: Scenario, link: NDArray[np.int32], flow: NDArray[np.int32]
) -> NDArray[np.int64]:
    """From the first start of a link's flows to the last end of any of them alone, at least 1."""
    num_links = scenario.arrays.num_links
    start_ns = scenario.workload.start_ns
    first_ns = np.full(num_links, np.iinfo(np.int64).max)
    last_ns = np.zeros(num_links, np.int64)
    np.minimum.at(first_ns, link, start_ns[flow])
    np.maximum.at(last_ns, link, (start_ns + scenario.ideal_fct_ns)[flow])
    return np.where(last_ns > 0, np.maximum(last_ns - first_ns, 1), 1)


def _left_bps(
    scenario: Scenario, num_packets: NDArray[np.int64], ack_bytes: int
) -> NDArray[np.int64]:
    """What its ACKs leave of a link on average, from the first flow on it or ACK to the last."""
    routes, rate_bps = scenario.routes, scenario.arrays.link_rate_bps
    flow = np.repeat(np.arange(scenario.num_flows, dtype=np.int32), np.diff(routes.ack_ptr))
    total_bytes = np.bincount(
        routes.ack_links, weights=num_packets[flow] * float(ack_bytes), minlength=len(rate_bps)
    )
    data_flow = np.repeat(np.arange(scenario.num_flows, dtype=np.int32), np.diff(routes.data_ptr))
    span_ns = _span_ns(
        scenario,
        np.concatenate((routes.ack_links, routes.data_links)),
        np.concatenate((flow, data_flow)),
    )
    ack_bps = total_bytes * BITS_PER_BYTE * NS_PER_S / span_ns
    return rate_bps - np.minimum(ack_bps, rate_bps * _MOST_ACKS).astype(np.int64)
