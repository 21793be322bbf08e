"""A flow network: what a learned simulator may know of one scenario, as plain arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from m4graph.core.calls import plain_call
from m4graph.runs.paper_settings import paper_configuration
from m4graph.runs.settings import configuration_vector, pool_bytes
from m4graph.scenario import Scenario


@plain_call
@dataclass(frozen=True, eq=False)
class FlowNetwork:
    """The flows and links of one scenario, and nothing that only a simulation could know.

    Flows are rows of the workload, ordered by start; links are directed.

    Shapes:
        - ``link_rate_bps``, ``link_delay_ns`` int64, ``link_kind`` int8 (bit 0: leaves a host,
          bit 1: enters a host) ``[num_links]``
        - ``size_bytes``, ``start_ns``, ``ideal_fct_ns`` int64 ``[num_flows]``
        - ``route_ptr`` int64 ``[num_flows + 1]``, ``route_links`` int32 ``[num_hops]``
        - ``link_src``, ``link_dst`` int32 ``[num_links]``; ``node_pool_bytes`` float64
          ``[num_nodes]``: what the ports of a switch share of its buffer, 0 for a host
        - ``configuration`` float64: raw, see :mod:`.settings`
        - ``window_bytes``, ``payload_bytes`` int64 ``[1]``; a window of 0: none
        - ``paper_configuration`` float32 ``[13]``, see :mod:`.paper_settings`
    """

    link_rate_bps: NDArray[np.int64]
    link_delay_ns: NDArray[np.int64]
    link_kind: NDArray[np.int8]
    size_bytes: NDArray[np.int64]
    start_ns: NDArray[np.int64]
    ideal_fct_ns: NDArray[np.int64]
    route_ptr: NDArray[np.int64]
    route_links: NDArray[np.int32]
    link_src: NDArray[np.int32]
    link_dst: NDArray[np.int32]
    node_pool_bytes: NDArray[np.float64]
    configuration: NDArray[np.float64]
    window_bytes: NDArray[np.int64]
    payload_bytes: NDArray[np.int64]
    paper_configuration: NDArray[np.float32]

    @classmethod
    def from_scenario(cls, scenario: Scenario) -> FlowNetwork:
        """Takes what a learned simulator may know from a scenario.

        Raises:
            WorkloadError: If its workload is a closed loop: starts are known after a run only.
        """
        workload, routes = scenario.workload, scenario.routes
        return replace(
            cls.without_flows(scenario),
            size_bytes=workload.size_bytes,
            start_ns=workload.start_ns,
            ideal_fct_ns=scenario.ideal_fct_ns,
            route_ptr=routes.data_ptr,
            route_links=routes.data_links,
        )

    @classmethod
    def without_flows(cls, scenario: Scenario) -> FlowNetwork:
        """The links and the configuration of a scenario."""
        arrays = scenario.arrays
        leaves_host = (arrays.link_src < arrays.num_hosts).astype(np.int8)
        enters_host = (arrays.link_dst < arrays.num_hosts).astype(np.int8)
        return cls(
            link_rate_bps=arrays.link_rate_bps,
            link_delay_ns=arrays.link_delay_ns,
            link_kind=leaves_host + 2 * enters_host,
            size_bytes=np.zeros(0, np.int64),
            start_ns=np.zeros(0, np.int64),
            ideal_fct_ns=np.zeros(0, np.int64),
            route_ptr=np.zeros(1, np.int64),
            route_links=np.zeros(0, np.int32),
            link_src=arrays.link_src.astype(np.int32),
            link_dst=arrays.link_dst.astype(np.int32),
            node_pool_bytes=pool_bytes(scenario),
            configuration=configuration_vector(scenario.congestion_control, scenario.config),
            window_bytes=np.array([scenario.congestion_control.fixed_window_bytes or 0]),
            payload_bytes=np.array([scenario.config.payload_bytes]),
            paper_configuration=paper_configuration(scenario.congestion_control, scenario.config),
        )

    @property
    def num_flows(self) -> int:
        """Number of flows."""
        return len(self.size_bytes)

    @property
    def num_links(self) -> int:
        """Number of directed links."""
        return len(self.link_rate_bps)

    @property
    def longest_route(self) -> int:
        """Links of the longest route; 1 at least."""
        return int(np.max(np.diff(self.route_ptr), initial=1))


def joined_routes(
    networks: Sequence[FlowNetwork],
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Routes of networks side by side, flows and links numbered through.

    Shapes:
        - ``route_ptr`` int64 ``[num_flows + 1]``, ``route_links`` int32 ``[num_hops]``
    """
    first_hop = np.cumsum([0, *(len(net.route_links) for net in networks)])
    first_link = np.cumsum([0, *(net.num_links for net in networks)])
    ptr = [net.route_ptr[1:] + at for net, at in zip(networks, first_hop, strict=False)]
    links = [net.route_links + at for net, at in zip(networks, first_link, strict=False)]
    return (
        np.concatenate([[0], *ptr]).astype(np.int64),
        np.concatenate(links).astype(np.int32),
    )
