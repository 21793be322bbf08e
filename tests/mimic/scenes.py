"""Scenarios in the manner of MimicNet, small enough for tests."""

from __future__ import annotations

import numpy as np

import m4graph as m4
from m4graph.mimic.boundary import BoundaryTrace, taps_of
from m4graph.mimic.clusters import Pods

NS_PER_S = 10**9
SIZES = {
    "kind": "empirical",
    "points": [[0, 0], [1000, 15], [3000, 30], [8000, 53], [20000, 60], [100_000, 70],
               [200_000, 80], [500_000, 90], [1_000_000, 97], [3_000_000, 100]],
}  # fmt: skip
TCP = {"advertised_window_bytes": 65535, "min_rto_us": 200_000.0, "initial_rto_us": 200_000.0}
DROP_TAIL = {"kind": "drop_tail", "capacity_packets": 100}
STEP = {"kmin_bytes": 30_000, "kmax_bytes": 30_000, "reference_gbps": 0.1}
CONTROLS = {
    "newreno": ({"kind": "newreno", **TCP}, {"payload_bytes": 1460, "queue": DROP_TAIL}),
    "dctcp_window": (
        {"kind": "dctcp_window", **TCP},
        {"payload_bytes": 1460, "queue": DROP_TAIL, "ecn": STEP},
    ),
    "dctcp": (
        {"kind": "dctcp", "init_window_bytes": 40_000},
        {"ecn": {**STEP, "reference_gbps": 1.0}},
    ),
}
RDMA_CABLES = {"host_gbps": 1, "fabric_gbps": 1, "delay_ns": 10_000}
TCP_CABLES = {"host_gbps": 0.1, "fabric_gbps": 0.1, "delay_ns": 500_000}


def clos(pods: int, control: str = "newreno"):
    """The network of MimicNet's base configuration, with so many pods; faster for RDMA."""
    cables = RDMA_CABLES if control == "dctcp" else TCP_CABLES
    return m4.topology.clos(pods=pods, racks=2, hosts=4, planes=2, spines=2, **cables)


def scene(
    pods: int = 2, control: str = "newreno", num_flows: int = 150, seed: int = 0, load: float = 0.7
) -> m4.Scenario:
    """Flows between any hosts, each of which shares its link with others."""
    network = clos(pods, control)
    workload = m4.workload.generate(network, sizes=SIZES, load=load, num_flows=num_flows, seed=seed)
    kind, config = CONTROLS[control]
    return m4.Scenario(network, workload, kind, config=config, seed=seed)


def traced(scenario: m4.Scenario) -> tuple[Pods, m4.SimulationResult, list[BoundaryTrace]]:
    """A run in full, and the traces of all pods but pod 0."""
    pods = Pods.of(scenario.network, scenario.arrays)
    mimics = range(1, pods.num_pods)
    taps = np.concatenate([taps_of(pods, pod) for pod in mimics])
    full = m4.simulate(scenario, "packet", recording={"taps": pods.ends(taps)})
    return pods, full, [BoundaryTrace.of(full, pod, pods) for pod in mimics]
