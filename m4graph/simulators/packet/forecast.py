"""How much work a scenario is, before it is begun."""

from __future__ import annotations

import numpy as np

from m4graph.core.units import BITS_PER_BYTE, NS_PER_S
from m4graph.scenario import Scenario
from m4graph.simulators.forecast import S_PER_HOUR, check_hours
from m4graph.workload import ClosedLoopWorkload

HOPS_PER_S = 10**7
"""Packet hops that one core simulates in a second (``docs/packet-simulator.md``)."""


def forecast_packet_hops(scenario: Scenario) -> float:
    """About how many packets, data and ACK, are sent over a link, if none has to be sent again.

    Before a stop time no flow sends more than its first link carries.
    """
    workload, routes = scenario.workload, scenario.routes
    size_bytes = workload.size_bytes.astype(np.float64)
    if scenario.stop_ns is not None:
        rate_bps = scenario.arrays.link_rate_bps[routes.data_links[routes.data_ptr[:-1]]]
        bytes_per_ns = rate_bps / (BITS_PER_BYTE * NS_PER_S)
        # Flows of a closed loop may start at once, as far as is known.
        is_open = not isinstance(workload, ClosedLoopWorkload)
        start_ns = workload.start_ns.astype(np.float64) if is_open else 0.0
        time_ns = np.maximum(scenario.stop_ns - start_ns, 0.0)
        size_bytes = np.minimum(size_bytes, bytes_per_ns * time_ns)
    packets = np.ceil(size_bytes / scenario.config.payload_bytes)
    return float((packets * (np.diff(routes.data_ptr) + np.diff(routes.ack_ptr))).sum())


def check_forecast(scenario: Scenario, max_hours: float) -> None:
    """Refuses a scenario that would take too long, and tells of one that takes long.

    Args:
        scenario (Scenario): What is to be simulated.
        max_hours (float): The limit.

    Raises:
        ConfigError: If it would take longer.
    """
    hops = forecast_packet_hops(scenario)
    hours = hops / HOPS_PER_S / S_PER_HOUR
    work = f"{hops:.2g} packet hops, {hours:.2g} hours at {HOPS_PER_S:.0e} a second"
    check_hours("packet", hours, work, max_hours)
