"""The configuration of a scenario as numbers: raw ones for the physics, and as features."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from m4graph.core.units import BITS_PER_BYTE, GBPS, NS_PER_S, NS_PER_US, mbps_to_bps
from m4graph.scenario import NetworkConfig, Scenario, rdma
from m4graph.scenario.congestion import BASE_RTT_NS, CongestionControl
from m4graph.scenario.headroom import switch_headroom_bytes
from m4graph.scenario.ideal import HEADER_BYTES
from m4graph.scenario.queueing import DropTailQueue, RedQueue
from m4graph.scenario.tcp import TcpControl

DCTCP, DCQCN, TIMELY, HPCC, OTHER = 0, 1, 2, 3, -1
ALGORITHM_CODES = {"dctcp": DCTCP, "dcqcn": DCQCN, "timely": TIMELY, "hpcc": HPCC}
"""What stands for an algorithm, in stored runs too; any other one is ``OTHER``."""

_TCP_CODES = {"newreno": 1, "dctcp_window": 2}
_HEADER_BYTES = {TIMELY: rdma.TIMELY.header_bytes, HPCC: rdma.HPCC.header_bytes}

_HELD_BY_DCTCP = 0.93

_LATER = {
    "increase_timer_ns": 55_000.0,
    "fast_recovery_steps": 1.0,
    "clamp_target_rate": 0.0,
    "min_rtt_ns": 20_000.0,
}
_OF_QUEUES = dict.fromkeys(
    (
        "tcp",  # 1: NewReno, 2: DCTCP with a window
        "first_window_bytes",
        "min_rto_ns",
        "delayed_ack",
        "queue_bytes",  # of a port's own queue
        "red",
        "red_min_bytes",
        "red_max_bytes",
        "red_max_p",
        "red_weight",
        "red_marks",
    ),
    0.0,
)
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
    *_LATER,
    *_OF_QUEUES,
)
"""Raw configuration, float64; 0 where an algorithm has no such parameter. The last ones are younger
than the first stored runs: a vector leaves them out where all have the values of before, which are
the algorithms' defaults, and shared queues without TCP."""

_DEFAULTS = {**_LATER, **_OF_QUEUES}

LENGTHS = tuple(len(NAMES) - left_out for left_out in (len(_DEFAULTS), len(_OF_QUEUES), 0))
"""Columns of a vector that leaves out both younger groups, the last one, or none."""

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
    "gain",
    "log_hyper_increase",  # over the slowest NIC's rate
    "beta",
    "log_increase_timer",  # over the base RTT
    "fast_recovery_steps",  # fifths
    "clamp_target_rate",
    "min_rtt",  # over the base RTT
    "is_newreno",
    "is_dctcp_window",
    "log_first_window",  # over what the slowest NIC sends in the base RTT
    "log_min_rto",  # over the base RTT
    "delayed_ack",
    "has_own_queue",
    "log_queue",  # over what the slowest NIC sends in the base RTT
    "is_red",
    "log_red_min",
    "log_red_max",
    "red_max_p",
    "log_red_weight",
    "red_marks",
)
"""The last ones, from ``gain`` on, are younger than the first models."""


def configuration_vector(control: CongestionControl, config: NetworkConfig) -> NDArray[np.float64]:
    """The raw configuration, in the order of :data:`NAMES`.

    Args:
        control (CongestionControl): The algorithm, resolved.
        config (NetworkConfig): The network's configuration, resolved.

    Shapes:
        - output float64, of one of :data:`LENGTHS`, the shortest that leaves out nothing
    """
    ecn = config.ecn
    # TCP's window moves by itself, and no rate holds it back.
    paced = control if isinstance(control, rdma.RdmaControl) else None
    marked = control.kind not in ("timely", "hpcc") and control.ecn_capable
    per_ns = ecn.reference_gbps * GBPS / (BITS_PER_BYTE * NS_PER_S)
    values = {
        "algorithm": ALGORITHM_CODES.get(control.kind, OTHER),
        "window_bytes": control.fixed_window_bytes or 0,
        "variable_window": paced is not None and paced.variable_window,
        "min_rate_bps": mbps_to_bps(paced.min_rate_mbps) if paced else 0,
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
        "increase_timer_ns": NS_PER_US * getattr(control, "increase_timer_us", 55.0),
        "fast_recovery_steps": getattr(control, "fast_recovery_steps", 1),
        "clamp_target_rate": getattr(control, "clamp_target_rate", False),
        "min_rtt_ns": NS_PER_US * getattr(control, "min_rtt_us", 20.0),
        **_OF_QUEUES,
        **_transport(control),
        **_own_queue(config),
    }
    vector = np.array([float(values[name]) for name in NAMES])
    usual = [_DEFAULTS.get(name) for name in NAMES]
    length = next(n for n in LENGTHS if vector[n:].tolist() == usual[n:])
    return vector[:length]


def _transport(control: CongestionControl) -> dict[str, float]:
    if not isinstance(control, TcpControl):
        return {}
    return {
        "tcp": _TCP_CODES.get(control.kind, 0),
        "first_window_bytes": float(control.init_window_bytes or 0),
        "min_rto_ns": NS_PER_US * control.min_rto_us,
        "delayed_ack": control.delayed_ack,
    }


def _own_queue(config: NetworkConfig) -> dict[str, float]:
    """What stands in ``network.queue``, with packets taken as full ones."""
    queue, packet_bytes = config.queue, config.payload_bytes + HEADER_BYTES
    if isinstance(queue, RedQueue):
        return {
            "queue_bytes": queue.capacity_packets * packet_bytes,
            "red": True,
            "red_min_bytes": queue.min_packets * packet_bytes,
            "red_max_bytes": queue.max_packets * packet_bytes,
            "red_max_p": queue.max_p,
            "red_weight": queue.weight,
            "red_marks": queue.ecn,
        }
    if isinstance(queue, DropTailQueue):
        limits = [queue.capacity_bytes, (queue.capacity_packets or 0) * packet_bytes]
        return {"queue_bytes": min(limit for limit in limits if limit)}
    return {}


def setting_values(configuration: NDArray[np.float64]) -> dict[str, float]:
    """The raw configuration by name, in the order of :data:`NAMES`, left-out columns included.

    Args:
        configuration (np.ndarray): From :func:`configuration_vector`.
    """
    left_out = list(_DEFAULTS.values())[len(configuration) - LENGTHS[0] :]
    return dict(zip(NAMES, (*configuration.tolist(), *left_out), strict=True))


def header_bytes(configuration: NDArray[np.float64]) -> int:
    """Of a data packet: the algorithm's, or what each has at least.

    Args:
        configuration (np.ndarray): From :func:`configuration_vector`.
    """
    value = setting_values(configuration)
    if value["tcp"]:
        return TcpControl.header_bytes
    return _HEADER_BYTES.get(int(value["algorithm"]), HEADER_BYTES)


def seen_settings(control: CongestionControl, config: NetworkConfig) -> dict[str, float]:
    """What of an algorithm's parameters reaches a model, as a feature or through the physics.

    Args:
        control (CongestionControl): The algorithm, resolved.
        config (NetworkConfig): The network's configuration, resolved.
    """
    return setting_values(configuration_vector(control, config))


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
        "gain": value["gain"],
        "log_hyper_increase": np.log1p(value["hyper_increase_bps"] / nic_bps),
        "beta": value["beta"],
        "log_increase_timer": np.log(max(value["increase_timer_ns"] / BASE_RTT_NS, 0.01)) / 4.0,
        "fast_recovery_steps": value["fast_recovery_steps"] / 5.0,
        "clamp_target_rate": value["clamp_target_rate"],
        "min_rtt": value["min_rtt_ns"] / BASE_RTT_NS,
        "is_newreno": value["tcp"] == _TCP_CODES["newreno"],
        "is_dctcp_window": value["tcp"] == _TCP_CODES["dctcp_window"],
        "log_first_window": np.log1p(value["first_window_bytes"] / bdp_bytes),
        "log_min_rto": np.log1p(value["min_rto_ns"] / BASE_RTT_NS) / 4.0,
        "delayed_ack": value["delayed_ack"],
        "has_own_queue": value["queue_bytes"] > 0,
        "log_queue": np.log1p(value["queue_bytes"] / bdp_bytes),
        "is_red": value["red"],
        "log_red_min": np.log1p(value["red_min_bytes"] / bdp_bytes),
        "log_red_max": np.log1p(value["red_max_bytes"] / bdp_bytes),
        "red_max_p": value["red_max_p"],
        "log_red_weight": np.log1p(1000.0 * value["red_weight"]) / 4.0,
        "red_marks": value["red_marks"],
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
