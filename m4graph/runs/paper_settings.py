"""The network configuration as the original m4 reads it: 13 numbers, in its units, not scaled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from m4graph.scenario import NetworkConfig
from m4graph.scenario.congestion import CongestionControl
from m4graph.scenario.rdma import DCQCN, DCTCP, HPCC, TIMELY

NAMES = (
    "buffer",  # of a switch, in units of 10 KB
    "window_kb",  # initial; 0: none
    "is_dctcp",
    "is_dcqcn",
    "is_hpcc",
    "is_timely",
    "dctcp_k_kb",  # at 10 Gb/s
    "dcqcn_kmin_kb",  # at 25 Gb/s
    "dcqcn_kmax_kb",  # at 25 Gb/s
    "hpcc_eta_percent",
    "hpcc_additive_increase",  # in units of 10 Mb/s
    "timely_t_low_us",
    "timely_t_high_us",
)
"""What concerns another algorithm than the scenario's is 0, and so is what no entry is for."""

_KB = 1000
_DCTCP_GBPS, _DCQCN_GBPS = 10, 25


def paper_configuration(control: CongestionControl, config: NetworkConfig) -> NDArray[np.float32]:
    """float32 ``[13]``, in the order of :data:`NAMES`.

    Args:
        control (CongestionControl): The algorithm, resolved.
        config (NetworkConfig): The network's configuration, resolved.

    Reference:
        Li et al., "m4: A Learned Flow-level Network Simulator", arXiv 2503.01770, and its code.
    """
    ecn = config.ecn
    window = control.fixed_window_bytes
    values = dict.fromkeys(NAMES, 0.0)
    values["buffer"] = config.buffer_bytes / (10 * _KB)
    values["window_kb"] = 0.0 if window is None else window / _KB
    if isinstance(control, DCTCP):
        values["is_dctcp"] = 1.0
        values["dctcp_k_kb"] = ecn.kmin_bytes / _KB * _DCTCP_GBPS / ecn.reference_gbps
    elif isinstance(control, DCQCN):
        values["is_dcqcn"] = 1.0
        values["dcqcn_kmin_kb"] = ecn.kmin_bytes / _KB * _DCQCN_GBPS / ecn.reference_gbps
        values["dcqcn_kmax_kb"] = ecn.kmax_bytes / _KB * _DCQCN_GBPS / ecn.reference_gbps
    elif isinstance(control, HPCC):
        values["is_hpcc"] = 1.0
        values["hpcc_eta_percent"] = 100 * control.eta
        values["hpcc_additive_increase"] = control.additive_increase_mbps / 10
    elif isinstance(control, TIMELY):
        values["is_timely"] = 1.0
        values["timely_t_low_us"] = control.t_low_us
        values["timely_t_high_us"] = control.t_high_us
    return np.array([values[name] for name in NAMES], np.float32)


def seen_by_paper(control: CongestionControl, config: NetworkConfig) -> dict[str, float]:
    """What the original can see of an algorithm's parameters; arguments as above."""
    return dict(zip(NAMES, paper_configuration(control, config).tolist(), strict=True))
