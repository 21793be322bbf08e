"""Networks and scenarios that are small enough for any test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import networkx as nx
import numpy as np

from m4graph import topology
from m4graph.core.calls import plain_call
from m4graph.scenario import Scenario
from m4graph.scenario.congestion import CongestionControl
from m4graph.workload import Workload

Control = CongestionControl | Mapping[str, object] | str

FLOWS = (
    (0, 2, 20_000, 0),
    (1, 2, 1_000, 3_000),
    (3, 0, 60_000, 3_000),
    (2, 0, 35_000, 7_500),
    (1, 3, 1, 20_000),
    (0, 3, 8_001, 50_000),
    (2, 1, 100_000, 51_000),
    (3, 1, 12_000, 300_000),
)
"""``(src, dst, size_bytes, start_ns)`` on :func:`tiny_network`: some share links, some do not."""


@plain_call
def tiny_network() -> nx.Graph:
    """Two racks of two hosts and two spines, all at 10 Gb/s."""
    return topology.leaf_spine(
        num_leaves=2, hosts_per_leaf=2, num_spines=2, host_gbps=10, fabric_gbps=10, delay_ns=1000
    )


@plain_call
def tiny_workload(flows: Sequence[tuple[int, int, int, int]] = FLOWS) -> Workload:
    """Flows ``(src, dst, size_bytes, start_ns)``, numbered through."""
    src, dst, size_bytes, start_ns = np.array(flows, np.int64).reshape(-1, 4).T
    return Workload.from_arrays(np.arange(len(flows)), src, dst, size_bytes, start_ns)


def tiny_scenario(
    congestion_control: Control = "dctcp",
    flows: Sequence[tuple[int, int, int, int]] = FLOWS,
    **options: Any,
) -> Scenario:
    """A few flows on :func:`tiny_network`.

    Args:
        congestion_control (CongestionControl, dict or str, optional): As of
            :class:`~m4graph.scenario.Scenario`. (default: ``"dctcp"``)
        flows (list of tuple, optional): ``(src, dst, size_bytes, start_ns)`` of each.
            (default: :data:`FLOWS`)
        **options: Further arguments of the scenario.
    """
    workload = tiny_workload(flows)
    return Scenario(tiny_network(), workload, congestion_control, **{"name": "tiny"} | options)
