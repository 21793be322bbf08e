"""Flows that wait for ACKs, as fluids: each has a link of its own, as fast as its window allows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from m4graph.core.units import BITS_PER_BYTE, NS_PER_S
from m4graph.routing import Routes
from m4graph.scenario import Scenario
from m4graph.scenario.ideal import HEADER_BYTES
from m4graph.scenario.windows import idle_pipes, waits_for_acks
from m4graph.simulators.fluid.engine import FluidEngine


def routes_with_windows(
    engine: FluidEngine, scenario: Scenario, size_bytes: NDArray[np.int64], routes: Routes
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Routes of flows that may have no more than a window in flight.

    A flow that is larger than its window, of :math:`k` packets, and would wait for ACKs when alone,
    gets a link of its own behind its route, of :math:`k` packets in a base round trip.

    Args:
        engine (FluidEngine): Gets these links.
        scenario (Scenario): Tells network and window; its workload does not matter.
        size_bytes (np.ndarray): Sizes of the flows, int64 ``[num_flows]``.
        routes (Routes): Their routes.

    Shapes:
        - output: ``route_ptr`` int64 ``[num_flows + 1]``, ``route_links`` int32 ``[num_hops]``
    """
    window_bytes = scenario.congestion_control.largest_window_bytes
    route_ptr, route_links = routes.data_ptr, routes.data_links
    if window_bytes is None or not len(size_bytes):
        return route_ptr, route_links
    config = scenario.config
    payload_bytes = config.payload_bytes
    round_packets = -(-window_bytes // payload_bytes)
    pipes = idle_pipes(scenario.arrays, routes, payload_bytes, config.ticks_per_ns)
    is_limited = waits_for_acks(pipes, round_packets)
    is_limited &= size_bytes > round_packets * payload_bytes
    trip_ns = pipes.round_trip_ticks[is_limited] / config.ticks_per_ns
    slowest = pipes.slowest_bps[is_limited] / (BITS_PER_BYTE * NS_PER_S)
    # What is cut off a packet's time may leave a window that is a hair faster than the link.
    rates = np.minimum(round_packets * (payload_bytes + HEADER_BYTES) / trip_ns, slowest)
    own = engine.add_links(rates) + np.arange(len(rates))
    ends = route_ptr[1:][is_limited]
    return (
        route_ptr + np.concatenate(([0], np.cumsum(is_limited))),
        np.insert(route_links, ends, own).astype(np.int32),
    )
