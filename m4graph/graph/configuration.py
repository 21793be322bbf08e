"""The network configuration of a scenario as numbers of order one, for a model to read."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from m4graph.congestion import BASE_RTT_NS, RdmaControl
from m4graph.scenario import Scenario
from m4graph.units import BITS_PER_BYTE, GBPS, NS_PER_S, mbps_to_bps

NAMES = (
    "no_window",
    "log_window",  # over what the slowest NIC sends in the base RTT
    "variable_window",
    "log_min_rate",  # over the slowest NIC's rate
    "ack_priority",
    "log_kmin",  # over the same product as the window, at the slowest NIC's rate
    "log_kmax",
    "pmax",
    "log_additive_increase",  # over the slowest NIC's rate
)


def configuration_vector(scenario: Scenario) -> NDArray[np.float32]:
    """float32 ``[num_configuration]``, in the order of :data:`NAMES`.

    Everything is a ratio, so that a configuration that is the same up to a scale of time and rate
    gives the same numbers.
    """
    arrays, control, ecn = scenario.arrays, scenario.congestion_control, scenario.config.ecn
    nic_bps = int(arrays.link_rate_bps[arrays.host_uplink].min())
    bdp_bytes = nic_bps * BASE_RTT_NS / (BITS_PER_BYTE * NS_PER_S)
    # Thresholds are per rate, so at the NIC's rate they scale with it.
    scale = nic_bps / (ecn.reference_gbps * GBPS) / bdp_bytes
    window = control.init_window_bytes
    # TCP's window moves by itself, and no rate holds it back.
    rdma = control if isinstance(control, RdmaControl) else None
    min_rate_bps = mbps_to_bps(rdma.min_rate_mbps) if rdma else nic_bps
    increase_bps = mbps_to_bps(getattr(control, "additive_increase_mbps", 0.0))
    values = (
        window is None,
        0.0 if window is None else np.log(window / bdp_bytes),
        rdma is not None and rdma.variable_window,
        np.log(min_rate_bps / nic_bps),
        control.ack_priority,
        np.log1p(ecn.kmin_bytes * scale),
        np.log1p(ecn.kmax_bytes * scale),
        ecn.pmax,
        np.log1p(increase_bps / nic_bps),
    )
    return np.array(values, np.float32)
