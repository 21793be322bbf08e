"""Fluid engines that hold the flows of a scenario, or of a flow network."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from m4graph.estimate.maxmin.volumes import Links, link_bytes_per_ns, volumes_and_latencies
from m4graph.runs import FlowNetwork
from m4graph.scenario import Scenario
from m4graph.simulators.fluid.engine import FluidEngine

_EVENTS_A_TURN = 100_000


def build_engine(scenario: Scenario, scope: str = "affected") -> FluidEngine:
    """An engine that holds the flows of a scenario, in the workload's order, none of them started.

    Raises:
        ConfigError: If the scope is unknown.
    """
    workload, routes = scenario.workload, scenario.routes
    return _with_flows(
        FluidEngine(link_bytes_per_ns(scenario.arrays), scope),
        scenario.arrays,
        workload.start_ns,
        workload.size_bytes,
        scenario.ideal_fct_ns,
        routes.data_ptr,
        routes.data_links,
        scenario.config.payload_bytes,
    )


def fluid_fct_ns(network: FlowNetwork) -> NDArray[np.int64]:
    """What the fluid simulator says of a network, int64 ``[num_flows]``."""
    engine = _with_flows(
        FluidEngine(link_bytes_per_ns(network)),
        network,
        network.start_ns,
        network.size_bytes,
        network.ideal_fct_ns,
        network.route_ptr,
        network.route_links,
        int(network.payload_bytes[0]),
    )
    while engine.run(_EVENTS_A_TURN):
        pass
    return engine.fct_ns.copy()


def _with_flows(
    engine: FluidEngine,
    links: Links,
    start_ns: NDArray[np.int64],
    size_bytes: NDArray[np.int64],
    ideal_fct_ns: NDArray[np.int64],
    route_ptr: NDArray[np.int64],
    route_links: NDArray[np.int32],
    payload_bytes: int,
) -> FluidEngine:
    volume_bytes, latency_ns = volumes_and_latencies(
        links, size_bytes, ideal_fct_ns, route_ptr, route_links, payload_bytes
    )
    engine.add_flows(start_ns, volume_bytes, latency_ns, ideal_fct_ns, route_ptr, route_links)
    return engine
