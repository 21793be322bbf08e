"""The loss of a batch of busy periods, and its gradients through windows of events."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from m4graph.nn.paper import PaperModel
from m4graph.runs import LabelledRun
from m4graph.training.paper.steps import LabelledStep, PeriodSteps

_ROW_MULTIPLE = 32
"""oneDNN compiles a product in bfloat16 for each shape."""


@dataclass(frozen=True)
class PaperLosses:
    r"""The three parts of the loss and their weights.

    Each flow counts once, in the state in which it leaves, by :math:`|\hat{s} / s - 1|`; averaged
    over the flows of a busy period, then over the periods. The labels of remaining shares and of
    queues count by their absolute errors, averaged over the batch.

    Args:
        remaining_weight (float): Of the part of the remaining shares.
        queue_weight (float): Of the part of the cube roots of queues.
    """

    remaining_weight: float
    queue_weight: float


@dataclass
class BatchErrors:
    """Mean errors of a batch, and the loss that they add up to."""

    slowdown: float = 0.0
    remaining: float = 0.0
    queue: float = 0.0
    loss: float = 0.0


class Targets:
    """True slowdowns of the flows of some busy periods, and how much each flow counts.

    Shapes:
        - ``slowdown``, ``weight`` ``[num_flows]``
    """

    def __init__(self, periods: list[LabelledRun]) -> None:
        fct_ns = np.concatenate([period.fct_ns for period in periods])
        ideal_ns = np.concatenate([period.network.ideal_fct_ns for period in periods])
        counts = np.array([period.network.num_flows for period in periods])
        weight = np.repeat(1.0 / (counts * len(periods)), counts)
        self.slowdown = torch.from_numpy(np.maximum(fct_ns / ideal_ns, 1.0).astype(np.float32))
        self.weight = torch.from_numpy(weight.astype(np.float32))


def backward_through(
    model: PaperModel,
    periods: list[LabelledRun],
    losses: PaperLosses,
    events_per_window: int,
    precision: torch.dtype = torch.float32,
) -> BatchErrors:
    """Goes through busy periods, and adds the gradients of the loss to the model's parameters.

    Gradients go back to the beginning of a window, not beyond. Matrix products are in the given
    precision, but for those of the slowdown's head; the states are in float32.

    Args:
        model (PaperModel): The model, in training mode.
        periods (list of LabelledRun): The busy periods.
        losses (PaperLosses): Weights of the parts.
        events_per_window (int): Events of a period in a window.
        precision (torch.dtype): float32 or bfloat16. (default: ``torch.float32``)
    """
    is_low = precision != torch.float32
    steps, targets = PeriodSteps(periods, _ROW_MULTIPLE if is_low else 1), Targets(periods)
    flow_state = torch.zeros(steps.num_flows + 1, model.hidden_channels)
    link_state = torch.zeros(steps.num_links + 1, model.hidden_channels)
    flow_x = torch.zeros(steps.num_flows + 1, len(model.flow_features))
    shares = (1 / max(steps.num_remaining, 1), 1 / max(steps.num_queues, 1))
    errors = BatchErrors()
    todo = iter(steps)
    while window := list(islice(todo, events_per_window)):
        dense: list[Tensor] = []
        with torch.autocast("cpu", precision, enabled=is_low):
            for labelled in window:
                flow_state, link_state, parts = _advance(model, labelled, flow_state, link_state)
                flow_x[labelled.step.flow_ids] = labelled.step.flow_x
                dense.append(parts)
        departed = torch.cat([labelled.departed for labelled in window])
        predicted = model.slowdown(flow_x[departed], flow_state[departed])
        relative = (predicted / targets.slowdown[departed] - 1.0).abs()
        slowdown = (relative * targets.weight[departed]).sum()
        remaining, queue = torch.stack(dense).sum(0) * torch.tensor(shares)
        loss = slowdown + losses.remaining_weight * remaining + losses.queue_weight * queue
        loss.backward()
        flow_state, link_state = flow_state.detach(), link_state.detach()
        errors.slowdown += slowdown.item()
        errors.remaining += remaining.item()
        errors.queue += queue.item()
        errors.loss += loss.item()
    return errors


def _advance(
    model: PaperModel, labelled: LabelledStep, flow_state: Tensor, link_state: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """One step: the states after it, and the sums of the dense heads' errors, ``[2]``."""
    step = labelled.step
    update = model.update(step, flow_state[step.flow_ids], link_state[step.link_ids])
    remaining = update.remaining[labelled.remaining_rows].float() - labelled.remaining
    queue = update.cbrt_queue[labelled.queue_rows].float() - labelled.cbrt_queue
    return (
        flow_state.index_copy(0, step.flow_ids, update.flow_state),
        link_state.index_copy(0, step.link_ids, update.link_state),
        torch.stack((remaining.abs().sum(), queue.abs().sum())),
    )
