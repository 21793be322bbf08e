"""A step of a model and its targets, small enough for any test."""

from __future__ import annotations

import torch

from m4graph.core.calls import plain_call
from m4graph.graph import EventStep
from m4graph.graph.schema import EDGE_FEATURES, FLOW_FEATURES, LINK_FEATURES
from m4graph.training.episode import TrainingStep


@plain_call
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


@plain_call
def tiny_targets(seed: int = 0) -> TrainingStep:
    """The same step with what a model should have said; some of it is unknown."""
    return TrainingStep(
        step=tiny_step(seed),
        log_slowdown=torch.tensor([0.1, 0.9, 0.0, 2.3]),
        weight=torch.tensor([1.0, 0.4, 0.0, 0.7]),
        remaining=torch.tensor([0.5, float("nan"), 1.0, 0.1]),
        log_queue=torch.tensor([1.5, float("nan")]),
    )
