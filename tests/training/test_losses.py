"""The loss of a step: the model's own parts, and those of its extra heads."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from m4graph.runs import LabelledRun
from m4graph.training.config import TrainConfig
from m4graph.training.data import EpisodeDataset
from m4graph.training.episode import Episode, Window
from m4graph.training.losses import StepLosses
from m4graph.training.module import FlowLinkTraining
from m4graph.training.tape import Tape, backward_through

HEADS = {"p90": {"kind": "slowdown_quantile", "level": 0.9}}


def gradients(training: FlowLinkTraining, losses: StepLosses, run: LabelledRun):
    model = training.model
    model.zero_grad()
    episode = Episode([run], [run.fct_ns])
    tape = Tape(model, episode)
    loss, _ = backward_through(model, Window(episode, 20, is_first=True), tape, losses)
    return loss, {name: parameter.grad for name, parameter in model.named_parameters()}


def test_an_extra_head_adds_its_own_loss(runs: list[LabelledRun]) -> None:
    model = {"hidden_channels": 8, "extra_heads": HEADS}
    config = TrainConfig.parse({"name": "x", "data": "x", "max_steps": 1, "model": model})
    torch.manual_seed(0)
    training = FlowLinkTraining(config, EpisodeDataset(runs, config))
    weights = config.remaining_weight, config.queue_weight
    total, all_gradients = gradients(training, training._losses, runs[0])
    alone = StepLosses(*weights, {"p90": Silent()})
    own, own_gradients = gradients(training, alone, runs[0])
    assert own < total
    for name, gradient in all_gradients.items():
        if name.startswith("extra_heads"):
            assert gradient.abs().sum() > 0, name
            assert own_gradients[name] is None or not own_gradients[name].any(), name
    trunk = "flow_encoder.weight"
    assert not torch.equal(all_gradients[trunk], own_gradients[trunk])


def test_slow_flows_aim_above_the_median() -> None:
    """The best single prediction for many flows is a quantile, which grows with the slowdown."""
    random = torch.Generator().manual_seed(3)
    spread = 0.5 * torch.randn(4001, generator=random)
    for slowdown, level in ((1.5, 0.5), (4.0, 0.55), (50.0, 0.6)):
        true = math.log(slowdown) + spread
        candidates = math.log(slowdown) + torch.linspace(-0.3, 0.3, 121)
        losses = [loss_of(true, candidate, tail_tilt=0.1) for candidate in candidates]
        best = candidates[int(torch.stack(losses).argmin())]
        assert abs(float((true <= best).float().mean()) - level) < 0.02


def test_relative_errors_up_to_a_factor() -> None:
    """Too slow or too fast by 2, within the limit, and by 8, beyond it; half of each counts."""
    for ratio, limit, expected in (
        (2.0, 1.0, math.log(2.0)),
        (0.5, 1.0, math.log(2.0)),
        (2.0, 4.0, 1.0),
        (0.5, 4.0, 0.5),
        (8.0, 4.0, 3.0 + 4.0 * math.log(2.0)),
        (0.125, 4.0, 0.75 + math.log(2.0) / 4.0),
    ):
        true, predicted = torch.tensor([math.log(3.0)]), torch.tensor(math.log(3.0 * ratio))
        loss = loss_of(true, predicted, relative_limit=limit)
        assert float(loss) == pytest.approx(expected, rel=1e-5)


def test_where_a_flow_may_be_fast_or_slow_fast_is_the_better_guess() -> None:
    """Half of the flows are 20 times as slow as the others; the mean relative error says so."""
    true = torch.log(torch.tensor([1.0, 1.0, 1.0, 20.0, 20.0, 20.0, 20.0]))
    candidates = torch.linspace(0.0, 3.0, 61)
    for limit, best in ((1.0, math.log(20.0)), (100.0, 0.0)):
        losses = [loss_of(true, candidate, relative_limit=limit) for candidate in candidates]
        assert abs(float(candidates[int(torch.stack(losses).argmin())]) - best) < 0.05
    errors = [(torch.exp(candidate - true) - 1.0).abs().mean() for candidate in candidates]
    assert int(torch.stack(errors).argmin()) == 0


def loss_of(true: torch.Tensor, predicted: torch.Tensor, **options: float) -> torch.Tensor:
    rows = len(true)
    step: Any = SimpleNamespace(
        log_slowdown=true,
        weight=torch.ones(rows),
        remaining=torch.full((rows,), torch.nan),
        log_queue=torch.full((1,), torch.nan),
    )
    output: Any = SimpleNamespace(
        log_slowdown=predicted.expand(rows),
        remaining=torch.zeros(rows),
        log_queue=torch.zeros(1),
        extra={},
    )
    return StepLosses(0.03, 0.03, **options)(step, output)


class Silent:
    """A head that does not care."""

    def loss(self, prediction, targets):
        return prediction.sum() * 0.0
