"""Networks, scenarios, steps and targets that are small enough for any test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import networkx as nx
import numpy as np
import torch

from m4graph import topology
from m4graph.congestion import CongestionControl
from m4graph.graph import EventStep
from m4graph.graph.schema import EDGE_FEATURES, FLOW_FEATURES, LINK_FEATURES
from m4graph.scenario import Scenario
from m4graph.training.episode import TrainingStep
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


def tiny_network() -> nx.Graph:
    """Two racks of two hosts and two spines, all at 10 Gb/s."""
    return topology.leaf_spine(
        num_leaves=2, hosts_per_leaf=2, num_spines=2, host_gbps=10, fabric_gbps=10, delay_ns=1000
    )


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


def tiny_step(seed: int = 0) -> EventStep:
    """A step with random features: four flows on five links, the first two of them updated."""
    random = torch.Generator().manual_seed(seed)
    crossed_by = torch.tensor([[0, 2, 1, 0, 1, 3, 1, 4, 0], [0, 0, 1, 1, 2, 2, 3, 3, 3]])
    updated = crossed_by[0] < 2
    crossed_by_x = torch.rand(9, len(EDGE_FEATURES), generator=random)
    return EventStep(
        flow_ids=torch.arange(4),
        flow_x=torch.randn(4, len(FLOW_FEATURES), generator=random),
        flow_gap=torch.rand(4, generator=random),
        link_ids=torch.arange(5),
        link_x=torch.randn(5, len(LINK_FEATURES), generator=random),
        link_gap=torch.rand(5, generator=random),
        num_updated=2,
        crosses=crossed_by[:, updated].flip(0),
        crosses_x=crossed_by_x[updated],
        crossed_by=crossed_by,
        crossed_by_x=crossed_by_x,
    )


def tiny_targets(seed: int = 0) -> TrainingStep:
    """The same step with what a model should have said; some of it is unknown."""
    return TrainingStep(
        step=tiny_step(seed),
        log_slowdown=torch.tensor([0.1, 0.9, 0.0, 2.3]),
        weight=torch.tensor([1.0, 0.4, 0.0, 0.7]),
        remaining=torch.tensor([0.5, float("nan"), 1.0, 0.1]),
        log_queue=torch.tensor([1.5, float("nan")]),
    )
