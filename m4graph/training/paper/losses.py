"""The loss of a batch of busy periods, and its gradients through windows of events."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from m4graph.nn import PaperModel, States
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

    Args:
        periods (list of LabelledRun): The busy periods.
        device (torch.device): Where the model is.

    Shapes:
        - ``slowdown``, ``weight`` ``[num_flows]``
    """

    def __init__(self, periods: list[LabelledRun], device: torch.device) -> None:
        fct_ns = np.concatenate([period.fct_ns for period in periods])
        ideal_ns = np.concatenate([period.network.ideal_fct_ns for period in periods])
        counts = np.array([period.network.num_flows for period in periods])
        weight = np.repeat(1.0 / (counts * len(periods)), counts)
        slowdown = np.maximum(fct_ns / ideal_ns, 1.0)
        self.slowdown = torch.from_numpy(slowdown.astype(np.float32)).to(device)
        self.weight = torch.from_numpy(weight.astype(np.float32)).to(device)


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
    steps = PeriodSteps(periods, _ROW_MULTIPLE if is_low else 1)
    states = States(model, steps.num_flows + 1, steps.num_links + 1)
    device = states.flow.device
    targets = Targets(periods, device)
    flow_x = torch.zeros(steps.num_flows + 1, len(model.flow_features), device=device)
    shares = (1 / max(steps.num_remaining, 1), 1 / max(steps.num_queues, 1))
    errors = BatchErrors()
    todo = iter(steps)
    while window := [labelled.to(device) for labelled in islice(todo, events_per_window)]:
        dense: list[Tensor] = []
        with torch.autocast(device.type, precision, enabled=is_low):
            for labelled in window:
                dense.append(_advance(model, labelled, states))
                flow_x[labelled.step.flow_ids] = labelled.step.flow_x
        departed = torch.cat([labelled.departed for labelled in window])
        predicted = model.slowdown(flow_x[departed], states.flow[departed])
        relative = (predicted / targets.slowdown[departed] - 1.0).abs()
        slowdown = (relative * targets.weight[departed]).sum()
        remaining, queue = torch.stack(dense).sum(0) * torch.tensor(shares, device=device)
        loss = slowdown + losses.remaining_weight * remaining + losses.queue_weight * queue
        loss.backward()
        states.detach()
        errors.slowdown += slowdown.item()
        errors.remaining += remaining.item()
        errors.queue += queue.item()
        errors.loss += loss.item()
    return errors


def _advance(model: PaperModel, labelled: LabelledStep, states: States) -> Tensor:
    """Takes a step; gives the sums of the dense heads' errors, ``[2]``."""
    step = labelled.step
    update = model.update(step, *states.read(step))
    states.write(step, update.flow_state, update.link_state)
    remaining = update.remaining[labelled.remaining_rows].float() - labelled.remaining
    queue = update.cbrt_queue[labelled.queue_rows].float() - labelled.cbrt_queue
    return torch.stack((remaining.abs().sum(), queue.abs().sum()))
