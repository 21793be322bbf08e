"""The suite ``domains``: one scenario each of what flows are simulated for besides data centres'
usual traffic.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from m4graph.core.rng import EVALUATION_SEEDS
from m4graph.scenario.suite import Case, Suite

SEEDS = EVALUATION_SEEDS[51_000:51_012]

_WAN = Path(__file__).parent / "abilene.gml"
_LATER_NS = 10**10

_LEAVES = {
    "kind": "leaf_spine",
    "num_leaves": 4,
    "hosts_per_leaf": 8,
    "num_spines": 2,
    "host_gbps": 10,
    "fabric_gbps": 40,
    "delay_ns": 1000,
}
_FAST_LEAVES = _LEAVES | {"host_gbps": 100, "fabric_gbps": 100}
_BIG_SWITCH = {"kind": "star", "num_hosts": 96, "gbps": 25, "delay_ns": 1000}
_DROP_TAIL = {"payload_bytes": 1460, "queue": {"kind": "drop_tail", "capacity_packets": 100}}
_MARKING = {
    "payload_bytes": 1460,
    "queue": {
        "kind": "red",
        "weight": 1.0,
        "min_packets": 65,
        "max_packets": 65,
        "capacity_packets": 400,
        "ecn": True,
    },
}


def domains() -> Suite:
    """Twelve scenarios: flows that start together, an incast, flows of 10 and of 50 MB, windows
    that fill the pipe at 10 and at 100 Gb/s, no window, a switch of 96 ports with the default
    buffer, a first start 10 s after zero, NewReno, DCTCP as published, and a wide-area network.
    """
    rows: list[tuple[str, dict[str, Any], dict[str, Any], Any, dict[str, Any]]] = [
        ("equal-starts", _LEAVES, _flows(600, 0.4, _fixed(100_000), batch=16), "dctcp", {}),
        ("incast", _LEAVES, _incast(), "dcqcn", {}),
        ("flows-10MB", _LEAVES, _flows(200, 0.5, _fixed(10_000_000)), "dctcp", {}),
        ("flows-50MB", _FAST_LEAVES, _flows(100, 0.6, _fixed(50_000_000)), "hpcc", {}),
        ("pipe-filling-10G", _LEAVES, _flows(3000, 0.6, "web_search"), "dctcp", {}),
        ("pipe-filling-100G", _FAST_LEAVES, _flows(3000, 0.6, "web_search"), "timely", {}),
        ("no-window", _LEAVES, _flows(3000, 0.5, "web_search"), _without_window("dcqcn"), {}),
        ("big-switch", _BIG_SWITCH, _flows(4000, 0.6, "web_search"), "dctcp", {}),
        ("late-start", _LEAVES, _flows(2000, 0.5, "hadoop", start_ns=_LATER_NS), "dctcp", {}),
        ("newreno", _LEAVES, _flows(2000, 0.5, "web_search"), "newreno", _DROP_TAIL),
        ("dctcp-window", _LEAVES, _flows(2000, 0.5, "web_search"), "dctcp_window", _MARKING),
        ("wide-area", _wan(), _flows(1500, 0.4, "web_search"), "newreno", _DROP_TAIL),
    ]
    cases = [
        Case(
            name,
            {
                "topology": topology,
                "workload": workload,
                "network": network,
                "congestion_control": control,
                "seed": seed,
            },
        )
        for (name, topology, workload, control, network), seed in zip(rows, SEEDS, strict=True)
    ]
    return Suite("domains", tuple(cases))


def _flows(
    num_flows: int, load: float, sizes: Any, batch: int | None = None, start_ns: int = 0
) -> dict[str, Any]:
    return {
        "kind": "generated",
        "sizes": sizes,
        "load": load,
        "num_flows": num_flows,
        "arrivals": "poisson" if batch is None else {"kind": "batch", "size": batch},
        "start_ns": start_ns,
    }


def _incast() -> dict[str, Any]:
    matrix = {"kind": "incast", "fan_in": 24}
    return _flows(960, 0.5, _fixed(60_000), batch=24) | {"matrix": matrix}


def _fixed(size_bytes: int) -> dict[str, Any]:
    return {"kind": "fixed", "size_bytes": size_bytes}


def _without_window(kind: str) -> dict[str, Any]:
    return {"kind": kind, "init_window_bytes": None}


def _wan() -> dict[str, Any]:
    return {"file": str(_WAN), "hosts": "one per node", "gbps": 1}
