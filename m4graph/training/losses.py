"""The loss of one step: slowdown of every touched flow, remaining bytes, queues, extra heads."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from m4graph.nn import Head, StepOutput
from m4graph.training.episode import TrainingStep

_LOG_SLOW, _LOG_SLOWEST = math.log(2.0), math.log(8.0)


@dataclass(frozen=True)
class StepLosses:
    r"""Weighted sums over a step, in units of one flow.

    The slowdown's part is :math:`2 \tau r` of a flow that is predicted too fast and
    :math:`2 (1 - \tau) r` of one too slow, with :math:`r = |\hat{s} / s - 1|` up to a factor of
    ``relative_limit`` between the two, and along the tangent in :math:`\log \hat{s}` beyond it.
    With a limit of 1, :math:`r = |\log \hat{s} / s|`, whose best answer is the median for
    :math:`\tau = 1/2`. The mean relative error asks for less wherever a flow may as well be fast
    as slow; a quantile of slowdowns wants more where they are large, see ``tail_tilt``. The dense
    parts exist on true streams only.

    Args:
        remaining_weight (float): Of the absolute error of a flow's remaining share.
        queue_weight (float): Of the absolute error of a link's ``log(1 + packets)``.
        heads (Mapping[str, Head]): The model's extra heads, whose own losses are added.
            (default: none)
        tail_tilt (float): :math:`\tau` is 1/2 up to a predicted slowdown of 2, and grows with its
            logarithm by so much at 8 and above. (default: ``0``)
        relative_limit (float): Above. (default: ``1``)
    """

    remaining_weight: float
    queue_weight: float
    heads: Mapping[str, Head] = field(default_factory=dict)
    tail_tilt: float = 0.0
    relative_limit: float = 1.0

    def __call__(self, step: TrainingStep, output: StepOutput) -> Tensor:
        """The loss of one step, a scalar."""
        error = step.log_slowdown - output.log_slowdown
        slow = (output.log_slowdown.detach() - _LOG_SLOW) / (_LOG_SLOWEST - _LOG_SLOW)
        level = 0.5 + self.tail_tilt * slow.clamp(0.0, 1.0)
        too_fast, too_slow = self._relative(error.clamp_min(0.0), -error.clamp_max(0.0))
        loss = (2.0 * (level * too_fast + (1.0 - level) * too_slow) * step.weight).sum()
        loss = loss + self.remaining_weight * _known_l1(output.remaining, step.remaining)
        loss = loss + self.queue_weight * _known_l1(output.log_queue, step.log_queue)
        for name, prediction in output.extra.items():
            loss = loss + self.heads[name].loss(prediction, step)
        return loss

    def _relative(self, too_fast: Tensor, too_slow: Tensor) -> tuple[Tensor, Tensor]:
        """Relative errors of what is off by so much in logarithms, and their tangents."""
        limit, most = self.relative_limit, math.log(self.relative_limit)
        fast, slow = too_fast.clamp_max(most), too_slow.clamp_max(most)
        return (
            -torch.expm1(-fast) + (too_fast - fast) / limit,
            torch.expm1(slow) + (too_slow - slow) * limit,
        )


def _known_l1(predicted: Tensor, target: Tensor) -> Tensor:
    known = ~torch.isnan(target)
    return (predicted - torch.nan_to_num(target)).abs()[known].sum()
