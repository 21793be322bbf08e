"""The suite ``collectives``: how long collective operations take, and each of their flows."""

from __future__ import annotations

from typing import Any

from m4graph.core.rng import EVALUATION_SEEDS
from m4graph.scenario.suite import Case, Suite

SEEDS = EVALUATION_SEEDS[50_000:50_016]

_KIB, _MIB = 1 << 10, 1 << 20
_LEAVES = {"kind": "leaf_spine", "delay_ns": 1000}
_SERVERS = {"kind": "rail", "gpus_per_server": 8, "nvlink_gbps": 2400, "spines": 8}
_NETWORKS: dict[str, dict[str, Any]] = {
    "leaves-16-100G": _LEAVES
    | {"num_leaves": 2, "hosts_per_leaf": 8, "num_spines": 2, "host_gbps": 100, "fabric_gbps": 100},
    "leaves-32-400G": _LEAVES
    | {"num_leaves": 4, "hosts_per_leaf": 8, "num_spines": 4, "host_gbps": 400, "fabric_gbps": 400},
    "tree-128-100G": {
        "kind": "fat_tree",
        "k": 8,
        "host_gbps": 100,
        "fabric_gbps": 100,
        "delay_ns": 1000,
    },
    "rails-16-100G": _SERVERS | {"servers": 2, "nic_gbps": 100, "fabric_gbps": 100},
    "rails-64-400G": _SERVERS | {"servers": 8, "nic_gbps": 400, "fabric_gbps": 400},
    "racks-64-400G": _SERVERS
    | {"servers": 8, "nic_gbps": 400, "fabric_gbps": 400, "rail": False, "gpus_per_tor": 16},
}

# Network, operation, algorithm, bytes, congestion control. The order is that of the seeds, and any
# four in a row differ in all but the congestion control. NVSwitches have no telemetry for HPCC.
_ROWS: tuple[tuple[str, str, str, int, str], ...] = (
    ("leaves-16-100G", "all_reduce", "ring", 8 * _MIB, "dctcp"),
    ("rails-64-400G", "all_to_all", "direct", 4 * _MIB, "dcqcn"),
    ("tree-128-100G", "all_reduce", "tree", _MIB, "hpcc"),
    ("rails-16-100G", "all_reduce", "hierarchical", 64 * _MIB, "timely"),
    ("leaves-32-400G", "all_to_all", "direct", 16 * _MIB, "hpcc"),
    ("racks-64-400G", "all_reduce", "hierarchical", 16 * _MIB, "dcqcn"),
    ("leaves-16-100G", "all_reduce", "tree", 64 * _KIB, "timely"),
    ("tree-128-100G", "all_to_all", "direct", _MIB, "dctcp"),
    ("racks-64-400G", "all_reduce", "ring", 4 * _MIB, "timely"),
    ("rails-64-400G", "all_to_all", "rail", 8 * _MIB, "dctcp"),
    ("leaves-32-400G", "all_reduce", "ring", 64 * _KIB, "dcqcn"),
    ("rails-16-100G", "all_to_all", "direct", 16 * _MIB, "dctcp"),
    ("leaves-16-100G", "all_gather", "ring", 16 * _MIB, "hpcc"),
)


def collectives() -> Suite:
    """Sixteen scenarios of 16 to 128 hosts at 100 and 400 Gb/s, 64 KB to 64 MB: rings, trees,
    all-to-all, in two levels by rail; the last three have several tenants, or other traffic beside
    them.
    """
    cases = []
    for number, (row, seed) in enumerate(zip(_ROWS, SEEDS, strict=False)):
        network, operation, algorithm, size_bytes, control = row
        workload = {
            "kind": "collective",
            "operation": operation,
            "algorithm": algorithm,
            "size_bytes": size_bytes,
            "channels": 1,
        }
        name = f"{number:02d}-{network}-{operation}-{algorithm}-{control}"
        cases.append(_case(name, network, workload, control, seed))
    parts = zip(_tenants(), SEEDS[len(_ROWS) :], strict=True)
    for number, ((network, label, workload, control), seed) in enumerate(parts, len(_ROWS)):
        name = f"{number:02d}-{network}-{label}-{control}"
        cases.append(_case(name, network, {"kind": "mixed", "parts": workload}, control, seed))
    return Suite("collectives", tuple(cases), balanced=True)


def _tenants() -> list[tuple[str, str, dict[str, Any], str]]:
    ring = {"kind": "collective", "channels": 1, "size_bytes": 4 * _MIB}
    every_other = {"hosts": list(range(0, 64, 2))}, {"hosts": list(range(1, 64, 2))}
    two_rings = {"even": ring | every_other[0], "odd": ring | every_other[1]}
    background = {
        "kind": "generated",
        "sizes": "hadoop",
        "load": 0.3,
        "num_flows": 1000,
        "arrivals": {"kind": "log_normal", "sigma": 1.0},
    }
    exchange = {"kind": "collective", "operation": "all_to_all", "size_bytes": 2 * _MIB}
    return [
        ("racks-64-400G", "two-rings", two_rings, "dctcp"),
        ("leaves-32-400G", "ring-beside-others", {"ring": ring, "others": background}, "dcqcn"),
        (
            "leaves-16-100G",
            "all_to_all-beside-others",
            {"exchange": exchange, "others": background},
            "timely",
        ),
    ]


def _case(name: str, network: str, workload: dict[str, Any], control: str, seed: int) -> Case:
    blocks = {
        "topology": _NETWORKS[network],
        "workload": workload,
        "network": {"tick": "ps", "payload_bytes": 4096},
        "congestion_control": control,
        "seed": seed,
    }
    return Case(name, blocks)
