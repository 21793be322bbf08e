"""The losses against closed forms."""

from __future__ import annotations

import math

import pytest
import torch

from m4graph.mimic.losses import (
    LATENCY_LOSSES,
    calibration_shift,
    combined,
    huber,
    mae,
    mse,
    weighted_bce,
)

LOGITS = torch.tensor([-2.0, 0.0, 3.0])
TARGETS = torch.tensor([1.0, 0.0, 1.0])


def probability(logit: float) -> float:
    return 1 / (1 + math.exp(-logit))


@pytest.mark.parametrize("weight", [0.5, 0.6, 0.9])
def test_weighted_bce(weight):
    """The weight is that of drops."""
    terms = [
        -weight * math.log(probability(-2.0)),
        -(1 - weight) * math.log(1 - probability(0.0)),
        -weight * math.log(probability(3.0)),
    ]
    assert float(weighted_bce(LOGITS, TARGETS, weight)) == pytest.approx(sum(terms) / 3)


def test_half_is_the_plain_cross_entropy():
    plain = torch.nn.functional.binary_cross_entropy_with_logits(LOGITS, TARGETS)
    assert float(2 * weighted_bce(LOGITS, TARGETS, 0.5)) == pytest.approx(float(plain))


@pytest.mark.parametrize("weight", [0.5, 0.7, 0.9])
@pytest.mark.parametrize("true_share", [0.003, 0.2])
def test_calibration(weight, true_share):
    """The least loss on packets of which a share is dropped gives that share, calibrated."""
    logit = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    share = torch.tensor([true_share], dtype=torch.float64)
    optimizer = torch.optim.LBFGS([logit], lr=1, max_iter=200, tolerance_grad=1e-12)

    def closure():
        optimizer.zero_grad()
        loss = weighted_bce(logit, share, weight)
        loss.backward()
        return loss

    optimizer.step(closure)
    p = probability(logit.item())
    q = (1 - weight) * p / ((1 - weight) * p + weight * (1 - p))
    assert q == pytest.approx(true_share, rel=1e-3)
    assert probability(logit.item() + calibration_shift(weight)) == pytest.approx(q)


def test_latency_losses():
    error = torch.tensor([0.0, -0.05, 0.1, -0.4])
    assert float(mae(error, 0.1)) == pytest.approx(0.55 / 4)
    assert float(mse(error, 0.1)) == pytest.approx((0.0025 + 0.01 + 0.16) / 4)
    by_hand = [0, 0.05**2 / 2, 0.1**2 / 2, 0.1 * 0.4 - 0.1**2 / 2]
    assert float(huber(error, 0.1)) == pytest.approx(sum(by_hand) / 4)
    torch_own = torch.nn.functional.huber_loss(error, torch.zeros(4), delta=0.1)
    assert float(huber(error, 0.1)) == pytest.approx(float(torch_own))


@pytest.mark.parametrize("name", sorted(LATENCY_LOSSES))
def test_nothing_to_count_is_no_loss(name):
    assert float(LATENCY_LOSSES[name](torch.empty(0), 0.1)) == 0
    assert float(weighted_bce(torch.empty(0), torch.empty(0), 0.6)) == 0


def test_combined():
    parts = (torch.tensor(2.0), torch.tensor(3.0), torch.tensor(5.0))
    assert float(combined(*parts, 0.5, 0.25)) == pytest.approx(1 + 0.75 + 1.25)
    assert float(combined(*parts, 0.4, 0.6)) == pytest.approx(0.8 + 1.8)
