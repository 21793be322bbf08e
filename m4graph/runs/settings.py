"""The configuration of a scenario as numbers: raw ones for the physics, and as features."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from m4graph.core.units import BITS_PER_BYTE, GBPS, NS_PER_S, NS_PER_US, mbps_to_bps
from m4graph.scenario import NetworkConfig, Scenario
from m4graph.scenario.congestion import BASE_RTT_NS, CongestionControl
from m4graph.scenario.headroom import switch_headroom_bytes
from m4graph.scenario.rdma import RdmaControl

DCTCP, DCQCN, TIMELY, HPCC, OTHER = 0, 1, 2, 3, -1
ALGORITHM_CODES = {"dctcp": DCTCP, "dcqcn": DCQCN, "timely": TIMELY, "hpcc": HPCC}
"""What stands for an algorithm, in stored runs too; any other one is ``OTHER``."""

_HELD_BY_DCTCP = 0.93

_LATER = {
    "increase_timer_ns": 55_000.0,
    "fast_recovery_steps": 1.0,
    "clamp_target_rate": 0.0,
    "min_rtt_ns": 20_000.0,
}
NAMES = (
    "algorithm",
    "window_bytes",  # 0: none
    "variable_window",
    "min_rate_bps",
    "ack_priority",
    "kmin_ns",  # marking thresholds, as the time in which a link sends them
    "kmax_ns",
    "pmax",
    "gain",  # nothing reads it; it is there because stored runs have it
    "additive_increase_bps",  # of a round trip, or of a step
    "hyper_increase_bps",
    "t_low_ns",
    "t_high_ns",
    "beta",
    "eta",
    "pfc",
    *_LATER,
)
"""Raw configuration, float64; 0 where an algorithm has no such parameter. The last four are younger
than the first stored runs: a vector leaves them out where all have the values of before, which are
the algorithms' defaults."""

NUM_FIRST_NAMES = len(NAMES) - len(_LATER)
"""Columns of a vector that leaves out the younger ones."""

_OF_SKETCHES = ("hyper_increase_bps", "beta", *_LATER)
"""What only the sketches of the algorithms with a code read."""

FEATURE_NAMES = (
    "is_dctcp",
    "is_dcqcn",
    "is_timely",
    "is_hpcc",
    "no_window",
    "log_window",  # over what the slowest NIC sends in the base RTT
    "variable_window",
    "log_min_rate",  # over the slowest NIC's rate
    "ack_priority",
    "log_kmin",  # over the base RTT
    "log_kmax",
    "pmax",
    "log_additive_increase",  # over the slowest NIC's rate
    "t_low",  # over the base RTT
    "t_high",
    "eta",
    "pfc",
)


def configuration_vector(control: CongestionControl, config: NetworkConfig) -> NDArray[np.float64]:
    """The raw configuration, in the order of :data:`NAMES`.

    Args:
        control (CongestionControl): The algorithm, resolved.
        config (NetworkConfig): The network's configuration, resolved.

    Shapes:
        - output float64 ``[16]``, or ``[20]`` where a younger parameter is not at its default
    """
    ecn = config.ecn
    # TCP's window moves by itself, and no rate holds it back.
    rdma = control if isinstance(control, RdmaControl) else None
    marked = control.kind not in ("timely", "hpcc") and control.ecn_capable
    per_ns = ecn.reference_gbps * GBPS / (BITS_PER_BYTE * NS_PER_S)
    values = {
        "algorithm": ALGORITHM_CODES.get(control.kind, OTHER),
        "window_bytes": control.fixed_window_bytes or 0,
        "variable_window": rdma is not None and rdma.variable_window,
        "min_rate_bps": mbps_to_bps(rdma.min_rate_mbps) if rdma else 0,
        "ack_priority": control.ack_priority,
        "kmin_ns": ecn.kmin_bytes / per_ns if marked else 0.0,
        "kmax_ns": ecn.kmax_bytes / per_ns if marked else 0.0,
        "pmax": ecn.pmax if marked else 0.0,
        "gain": getattr(control, "gain", 0.0),
        "additive_increase_bps": mbps_to_bps(getattr(control, "additive_increase_mbps", 0.0)),
        "hyper_increase_bps": mbps_to_bps(getattr(control, "hyper_increase_mbps", 0.0)),
        "t_low_ns": NS_PER_US * getattr(control, "t_low_us", 0.0),
        "t_high_ns": NS_PER_US * getattr(control, "t_high_us", 0.0),
        "beta": getattr(control, "beta", 0.0),
        "eta": getattr(control, "eta", 0.0),
        "pfc": config.pfc,
    }
    later = {
        "increase_timer_ns": NS_PER_US * getattr(control, "increase_timer_us", 55.0),
        "fast_recovery_steps": getattr(control, "fast_recovery_steps", 1),
        "clamp_target_rate": getattr(control, "clamp_target_rate", False),
        "min_rtt_ns": NS_PER_US * getattr(control, "min_rtt_us", 20.0),
    }
    if later != _LATER:
        values |= later
    return np.array([float(values[name]) for name in NAMES if name in values])


def setting_values(configuration: NDArray[np.float64]) -> dict[str, float]:
    """The raw configuration by name, in the order of :data:`NAMES`, left-out columns included.

    Args:
        configuration (np.ndarray): From :func:`configuration_vector`.
    """
    return dict(zip(NAMES, (*configuration.tolist(), *_LATER.values()), strict=False))


def seen_settings(control: CongestionControl, config: NetworkConfig) -> dict[str, float]:
    """What of an algorithm's parameters reaches a model, as a feature or through the physics.

    Args:
        control (CongestionControl): The algorithm, resolved.
        config (NetworkConfig): The network's configuration, resolved.
    """
    value = setting_values(configuration_vector(control, config))
    unread = {"gain", *(_OF_SKETCHES if value["algorithm"] == OTHER else ())}
    return {name: value[name] for name in NAMES if name not in unread}


def configuration_features(
    configuration: NDArray[np.float64], nic_rate: float
) -> NDArray[np.float32]:
    """float32 ``[num_features]``, in the order of :data:`FEATURE_NAMES`.

    Everything is a ratio, so that a configuration that is the same up to a scale of time and rate
    gives the same numbers.

    Args:
        configuration (np.ndarray): From :func:`configuration_vector`.
        nic_rate (float): Of the slowest NIC, bytes/ns.
    """
    value = setting_values(configuration)
    bdp_bytes = nic_rate * BASE_RTT_NS
    nic_bps = nic_rate * BITS_PER_BYTE * NS_PER_S
    window = value["window_bytes"]
    feature = {
        "is_dctcp": value["algorithm"] == DCTCP,
        "is_dcqcn": value["algorithm"] == DCQCN,
        "is_timely": value["algorithm"] == TIMELY,
        "is_hpcc": value["algorithm"] == HPCC,
        "no_window": window == 0,
        "log_window": np.log(window / bdp_bytes) if window else 0.0,
        "variable_window": value["variable_window"],
        "log_min_rate": np.log10(max(value["min_rate_bps"] / nic_bps, 0.01)),
        "ack_priority": value["ack_priority"],
        "log_kmin": np.log1p(value["kmin_ns"] / BASE_RTT_NS),
        "log_kmax": np.log1p(value["kmax_ns"] / BASE_RTT_NS),
        "pmax": value["pmax"],
        "log_additive_increase": np.log1p(value["additive_increase_bps"] / nic_bps),
        "t_low": value["t_low_ns"] / BASE_RTT_NS / 4.0,
        "t_high": value["t_high_ns"] / BASE_RTT_NS / 8.0,
        "eta": value["eta"],
        "pfc": value["pfc"],
    }
    return np.array([feature[name] for name in FEATURE_NAMES], np.float32)


def held_wait_ns(configuration: NDArray[np.float64]) -> float:
    """The wait at which congestion control holds a queue, ns; infinite where it does not.

    DCTCP's queue swings around somewhat less than the threshold. DCQCN cuts so hard that little is
    left above the lower one; HPCC leaves no queue.
    """
    value = setting_values(configuration)
    if value["algorithm"] == DCTCP:
        return _HELD_BY_DCTCP * value["kmax_ns"]
    if value["algorithm"] == DCQCN:
        return value["kmin_ns"]
    return 0.0 if value["algorithm"] == HPCC else np.inf


def pool_bytes(scenario: Scenario) -> NDArray[np.float64]:
    """What the ports of each switch share of its buffer beside the headroom, ``[num_nodes]``.

    0 for a host. As in the packet simulator; with queues of their own, ports share nothing, and it
    is the whole buffer.
    """
    arrays, config = scenario.arrays, scenario.config
    pool = np.full(arrays.num_nodes, float(config.buffer_bytes))
    if config.queue.kind == "shared":
        pool = np.maximum(pool - switch_headroom_bytes(arrays, config), 0.0)
    pool[: arrays.num_hosts] = 0.0
    return pool
