"""Losses of MimicNet: latency, drops and marks, each a mean over where it counts.

Reference:
    Zhang et al., MimicNet, SIGCOMM 2021, section 5.5. The weight of the weighted cross entropy is
    that of drops, as the paper's text and figure 5 have it (its formula has it the other way
    round). The released code sums the Huber loss over a batch of bin numbers; here it is a mean
    over latencies in [0, 1], so that ``alpha`` means the same whatever the loss.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional


def weighted_bce(logit: Tensor, target: Tensor, weight: float) -> Tensor:
    """``-(w y log p + (1 - w) (1 - y) log(1 - p))``, the mean; ``p`` is the logit's.

    Args:
        logit (Tensor): float ``[n]``.
        target (Tensor): float ``[n]``, in [0, 1].
        weight (float): ``w``, that of ``y = 1``; 0.5 is half the plain cross entropy.
    """
    loss = weight * target * functional.softplus(-logit)
    return _mean(loss + (1 - weight) * (1 - target) * functional.softplus(logit))


def calibration_shift(weight: float) -> float:
    """What a logit trained by :func:`weighted_bce` needs to be that of the probability.

    With ``w`` the trained ``p`` stands for ``q = (1 - w) p / ((1 - w) p + w (1 - p))``, whose logit
    is that of ``p`` plus ``log((1 - w) / w)``.
    """
    return math.log((1 - weight) / weight)


def huber(error: Tensor, delta: float) -> Tensor:
    """``e^2 / 2`` up to delta, ``delta |e| - delta^2 / 2`` beyond it, the mean."""
    size = error.abs()
    return _mean(torch.where(size <= delta, size**2 / 2, delta * size - delta**2 / 2))


def mae(error: Tensor, delta: float) -> Tensor:
    """The mean of ``|e|``; delta does not matter."""
    return _mean(error.abs())


def mse(error: Tensor, delta: float) -> Tensor:
    """The mean of ``e^2``; delta does not matter."""
    return _mean(error**2)


LATENCY_LOSSES: dict[str, Callable[[Tensor, float], Tensor]] = {
    "huber": huber,
    "mae": mae,
    "mse": mse,
}
"""Losses of errors float ``[n]``, with delta, by name."""


def combined(latency: Tensor, drop: Tensor, mark: Tensor, alpha: float, beta: float) -> Tensor:
    """``alpha latency + beta drop + (1 - alpha - beta) mark``.

    Without marks, beta is ``1 - alpha``.
    """
    return alpha * latency + beta * drop + (1 - alpha - beta) * mark


def _mean(loss: Tensor) -> Tensor:
    """The mean; 0 of nothing."""
    return loss.sum() / max(loss.numel(), 1)
