"""The loss of one step: slowdown of every touched flow, remaining bytes, queues, extra heads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from m4graph.nn import Head, StepOutput
from m4graph.training.episode import TrainingStep


@dataclass(frozen=True)
class StepLosses:
    r"""Weighted sums over a step, in units of one flow.

    The slowdown's part is :math:`|\log \hat{s} - \log s|`, whose best answer is the median, which
    the mean relative error asks for too. The dense parts exist on true streams only.

    Args:
        remaining_weight (float): Of the absolute error of a flow's remaining share.
        queue_weight (float): Of the absolute error of a link's ``log(1 + packets)``.
        heads (Mapping[str, Head]): The model's extra heads, whose own losses are added.
            (default: none)
    """

    remaining_weight: float
    queue_weight: float
    heads: Mapping[str, Head] = field(default_factory=dict)

    def __call__(self, step: TrainingStep, output: StepOutput) -> Tensor:
        """The loss of one step, a scalar."""
        error = (output.log_slowdown - step.log_slowdown).abs()
        loss = (error * step.weight).sum()
        loss = loss + self.remaining_weight * _known_l1(output.remaining, step.remaining)
        loss = loss + self.queue_weight * _known_l1(output.log_queue, step.log_queue)
        for name, prediction in output.extra.items():
            loss = loss + self.heads[name].loss(prediction, step)
        return loss


def _known_l1(predicted: Tensor, target: Tensor) -> Tensor:
    known = ~torch.isnan(target)
    return (predicted - torch.nan_to_num(target)).abs()[known].sum()
