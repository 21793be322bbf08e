"""Fluid engines that hold the flows of a scenario, or of a flow network."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from m4graph.estimate.maxmin.volumes import link_bytes_per_ns, volumes_and_latencies
from m4graph.routing import Routes
from m4graph.runs import FlowNetwork
from m4graph.scenario import Scenario
from m4graph.simulators.fluid.engine import FluidEngine
from m4graph.simulators.fluid.windows import routes_with_windows

_EVENTS_A_TURN = 100_000


def build_engine(
    scenario: Scenario, scope: str = "affected", window_limit: bool = False
) -> FluidEngine:
    """An engine that holds the flows of a scenario, in the workload's order, none of them started.

    Args:
        scenario (Scenario): The scenario.
        scope (str, optional): As of :class:`.FluidEngine`. (default: ``"affected"``)
        window_limit (bool, optional): As of :class:`.FluidSimulator`. (default: ``False``)

    Raises:
        ConfigError: If the scope is unknown.
    """
    engine = FluidEngine(link_bytes_per_ns(scenario.arrays), scope)
    workload, ideal_fct_ns = scenario.workload, scenario.ideal_fct_ns
    flows = as_fluids(
        engine, scenario, workload.size_bytes, ideal_fct_ns, scenario.routes, window_limit
    )
    engine.add_flows(workload.start_ns, *flows)
    return engine


def as_fluids(
    engine: FluidEngine,
    scenario: Scenario,
    size_bytes: NDArray[np.int64],
    ideal_fct_ns: NDArray[np.int64],
    routes: Routes,
    window_limit: bool,
) -> tuple[np.ndarray, ...]:
    """What :meth:`.FluidEngine.admit_flows` takes of flows.

    Args:
        engine (FluidEngine): Gets the links of windows.
        scenario (Scenario): Tells network and window; its workload does not matter.
        size_bytes (np.ndarray): Sizes, int64 ``[num_flows]``.
        ideal_fct_ns (np.ndarray): Ideal FCTs, int64 ``[num_flows]``.
        routes (Routes): The routes.
        window_limit (bool): As of :class:`.FluidSimulator`.
    """
    volume_bytes, latency_ns = volumes_and_latencies(
        scenario.arrays,
        size_bytes,
        ideal_fct_ns,
        routes.data_ptr,
        routes.data_links,
        scenario.config.payload_bytes,
    )
    crossed = (
        routes_with_windows(engine, scenario, size_bytes, routes)
        if window_limit
        else (routes.data_ptr, routes.data_links)
    )
    return volume_bytes, latency_ns, ideal_fct_ns, *crossed


def fluid_fct_ns(network: FlowNetwork) -> NDArray[np.int64]:
    """What the fluid simulator says of a network, int64 ``[num_flows]``."""
    engine = FluidEngine(link_bytes_per_ns(network))
    routes = network.route_ptr, network.route_links
    volume_bytes, latency_ns = volumes_and_latencies(
        network,
        network.size_bytes,
        network.ideal_fct_ns,
        *routes,
        int(network.payload_bytes[0]),
    )
    engine.add_flows(network.start_ns, volume_bytes, latency_ns, network.ideal_fct_ns, *routes)
    while engine.run(_EVENTS_A_TURN):
        pass
    return engine.fct_ns.copy()
