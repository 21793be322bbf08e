"""The network configuration of a scenario as numbers: raw ones for physics, and as features."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from m4graph.core.units import BITS_PER_BYTE, GBPS, NS_PER_S, mbps_to_bps
from m4graph.scenario import Scenario
from m4graph.scenario.congestion import BASE_RTT_NS
from m4graph.scenario.ideal import HEADER_BYTES
from m4graph.scenario.rdma import RdmaControl

ALGORITHMS = ("dctcp", "dcqcn", "timely", "hpcc")
"""The algorithms that have a number of their own; any other one is -1."""

_HEADROOM_CONSTANT_BYTES = 3860
_QUEUES_WITH_HEADROOM = 2
_HELD_BY_DCTCP = 0.93

NAMES = (
    "algorithm",
    "window_bytes",  # 0: none
    "variable_window",
    "min_rate_bps",
    "ack_priority",
    "kmin_ns",  # marking thresholds, as the time in which a link sends them
    "kmax_ns",
    "pmax",
    "gain",
    "additive_increase_bps",  # of a round trip, or of a step
    "hyper_increase_bps",
    "t_low_ns",
    "t_high_ns",
    "beta",
    "eta",
    "pfc",
)
"""Raw configuration, float64; 0 where an algorithm has no such parameter."""

FEATURE_NAMES = (
    *(f"is_{algorithm}" for algorithm in ALGORITHMS),
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


def configuration_vector(scenario: Scenario) -> NDArray[np.float64]:
    """float64 ``[num_configuration]``, in the order of :data:`NAMES`."""
    control, ecn = scenario.congestion_control, scenario.config.ecn
    # TCP's window moves by itself, and no rate holds it back.
    rdma = control if isinstance(control, RdmaControl) else None
    kind = control.kind
    marked = kind not in ("timely", "hpcc") and control.ecn_capable
    per_ns = ecn.reference_gbps * GBPS / (BITS_PER_BYTE * NS_PER_S)
    values = {
        "algorithm": ALGORITHMS.index(kind) if kind in ALGORITHMS else -1,
        "window_bytes": control.init_window_bytes or 0,
        "variable_window": rdma is not None and rdma.variable_window,
        "min_rate_bps": mbps_to_bps(rdma.min_rate_mbps) if rdma else 0,
        "ack_priority": control.ack_priority,
        "kmin_ns": ecn.kmin_bytes / per_ns if marked else 0.0,
        "kmax_ns": ecn.kmax_bytes / per_ns if marked else 0.0,
        "pmax": ecn.pmax if marked else 0.0,
        "gain": getattr(control, "gain", 0.0),
        "additive_increase_bps": mbps_to_bps(getattr(control, "additive_increase_mbps", 0.0)),
        "hyper_increase_bps": mbps_to_bps(getattr(control, "hyper_increase_mbps", 0.0)),
        "t_low_ns": 1000 * getattr(control, "t_low_us", 0.0),
        "t_high_ns": 1000 * getattr(control, "t_high_us", 0.0),
        "beta": getattr(control, "beta", 0.0),
        "eta": getattr(control, "eta", 0.0),
        "pfc": scenario.config.pfc,
    }
    return np.array([float(values[name]) for name in NAMES])


def configuration_features(raw: NDArray[np.float64], nic_rate: float) -> NDArray[np.float32]:
    """float32 ``[num_features]``, in the order of :data:`FEATURE_NAMES`.

    Everything is a ratio, so that a configuration that is the same up to a scale of time and rate
    gives the same numbers.

    Args:
        raw (np.ndarray): From :func:`configuration_vector`.
        nic_rate (float): Of the slowest NIC, bytes/ns.
    """
    value = dict(zip(NAMES, raw.tolist(), strict=True))
    bdp_bytes = nic_rate * BASE_RTT_NS
    nic_bps = nic_rate * BITS_PER_BYTE * NS_PER_S
    window = value["window_bytes"]
    features = (
        *(value["algorithm"] == index for index in range(len(ALGORITHMS))),
        window == 0,
        np.log(window / bdp_bytes) if window else 0.0,
        value["variable_window"],
        np.log10(max(value["min_rate_bps"] / nic_bps, 0.01)),
        value["ack_priority"],
        np.log1p(value["kmin_ns"] / BASE_RTT_NS),
        np.log1p(value["kmax_ns"] / BASE_RTT_NS),
        value["pmax"],
        np.log1p(value["additive_increase_bps"] / nic_bps),
        value["t_low_ns"] / BASE_RTT_NS / 4.0,
        value["t_high_ns"] / BASE_RTT_NS / 8.0,
        value["eta"],
        value["pfc"],
    )
    return np.array(features, np.float32)


def held_wait_ns(raw: NDArray[np.float64]) -> float:
    """The wait at which congestion control holds a queue, ns; infinite where it does not.

    DCTCP's queue swings around somewhat less than the threshold. DCQCN cuts so hard that little is
    left above the lower one; HPCC leaves no queue.
    """
    value: dict[str, float] = dict(zip(NAMES, raw.tolist(), strict=True))
    if value["algorithm"] == ALGORITHMS.index("dctcp"):
        return _HELD_BY_DCTCP * value["kmax_ns"]
    if value["algorithm"] == ALGORITHMS.index("dcqcn"):
        return value["kmin_ns"]
    return 0.0 if value["algorithm"] == ALGORITHMS.index("hpcc") else np.inf


def pool_bytes(scenario: Scenario) -> NDArray[np.float64]:
    """What the ports of each switch share of its buffer beside the headroom, ``[num_nodes]``.

    0 for a host. As in the packet simulator; with queues of their own, ports share nothing, and it
    is the whole buffer.
    """
    arrays, config = scenario.arrays, scenario.config
    rate = arrays.link_rate_bps / (BITS_PER_BYTE * NS_PER_S)
    packet_bytes = config.payload_bytes + HEADER_BYTES
    headroom = 2 * packet_bytes + _HEADROOM_CONSTANT_BYTES + 2 * rate * arrays.link_delay_ns
    total = np.zeros(arrays.num_nodes)
    np.add.at(total, arrays.link_dst, _QUEUES_WITH_HEADROOM * headroom)
    if config.headroom_cap is not None:
        total = np.minimum(total, config.headroom_cap * config.buffer_bytes)
    if config.queue.kind != "shared":
        total[:] = 0.0
    pool = np.maximum(config.buffer_bytes - total, 0.0)
    pool[: arrays.num_hosts] = 0.0
    return pool
