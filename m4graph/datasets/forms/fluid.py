"""Departures of a network under max-min fair sharing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from m4graph.estimate.maxmin.volumes import link_bytes_per_ns, volumes_and_latencies
from m4graph.runs import FlowNetwork
from m4graph.simulators.fluid import FluidEngine

_EVENTS_A_TURN = 100_000


def fluid_fct_ns(network: FlowNetwork) -> NDArray[np.int64]:
    """What the fluid simulator says of a network, int64 ``[num_flows]``."""
    engine = FluidEngine(link_bytes_per_ns(network))
    volumes, latencies = volumes_and_latencies(
        network,
        network.size_bytes,
        network.ideal_fct_ns,
        network.route_ptr,
        network.route_links,
        int(network.payload_bytes[0]),
    )
    engine.add_flows(
        network.start_ns,
        volumes,
        latencies,
        network.ideal_fct_ns,
        network.route_ptr,
        network.route_links,
    )
    while engine.run(_EVENTS_A_TURN):
        pass
    return engine.fct_ns.copy()
