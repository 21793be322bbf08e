"""The loss of busy periods by hand, and gradients through windows."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from m4graph.graph.paper.component import ComponentTracker
from m4graph.nn import PaperModel
from m4graph.runs import LabelledRun
from m4graph.runs.events import ARRIVAL, DEPARTURE, true_stream
from m4graph.training.paper.losses import PaperLosses, backward_through
from m4graph.training.paper.periods import split_run

HIDDEN = 8
LOSSES = PaperLosses(remaining_weight=0.1, queue_weight=0.2)
EVER = 10**6


def small_model() -> PaperModel:
    torch.manual_seed(0)
    model = PaperModel(hidden_channels=HIDDEN, gnn_channels=8)
    torch.nn.init.normal_(model.slowdown_head[-1].weight)
    return model.eval()  # without dropout


@pytest.fixture(scope="session")
def periods(runs: list[LabelledRun]) -> list[LabelledRun]:
    found = sorted(split_run(runs[1], 2, EVER, EVER), key=lambda period: -period.num_events)
    return found[:3]


def gradients(model: PaperModel) -> list[torch.Tensor]:
    found = [parameter.grad for parameter in model.parameters()]
    assert all(gradient is not None for gradient in found)
    return [gradient.clone() for gradient in found if gradient is not None]


def plain_loss(model: PaperModel, periods: list[LabelledRun]) -> tuple[torch.Tensor, list[float]]:
    """The loss as the paper tells it, one period after the other, with plain backpropagation."""
    slowdowns, remaining, queues = [], [], []
    for period in periods:
        tracker, events = ComponentTracker([period.network]), true_stream(period)
        flow, link, errors = {}, {}, []
        for k, event in enumerate(events):
            step = tracker.step(events[k : k + 1])
            if event["kind"] == DEPARTURE:
                leaving = int(event["flow"])
                x, state = flow.pop(leaving)
                true = max(period.fct_ns[leaving] / period.network.ideal_fct_ns[leaving], 1)
                errors.append((model.slowdown(x[None], state[None])[0] / true - 1).abs())
            zeros = torch.zeros(HIDDEN)
            flow_ids, link_ids = step.flow_ids.tolist(), step.link_ids.tolist()
            flow_state = [flow[each][1] if each in flow else zeros for each in flow_ids]
            link_state = [link.get(each, zeros) for each in link_ids]
            update = model.update(step, stacked(flow_state), stacked(link_state))
            for row, each in enumerate(flow_ids):
                flow[each] = (step.flow_x[row], update.flow_state[row])
            link |= dict(zip(link_ids, update.link_state, strict=True))
            rows = slice(*period.label_flow_ptr[k : k + 2])
            for each, left in zip(
                period.label_flows[rows].tolist(), period.remaining_bytes[rows], strict=True
            ):
                share = float(left / period.network.size_bytes[each])
                remaining.append((update.remaining[flow_ids.index(each)] - share).abs())
            found = period.queue_bytes[slice(*period.label_link_ptr[k : k + 2])]
            if event["kind"] == ARRIVAL and found.any():
                true_queue = torch.from_numpy(np.cbrt(found + 1e-6).astype(np.float32))
                queues += list((update.cbrt_queue - true_queue).abs())
        slowdowns.append(torch.stack(errors).mean())
    parts = [torch.stack(part).mean() for part in (slowdowns, remaining, queues)]
    total = parts[0] + LOSSES.remaining_weight * parts[1] + LOSSES.queue_weight * parts[2]
    return total, [part.item() for part in parts]


def stacked(states: list[torch.Tensor]) -> torch.Tensor:
    return torch.stack(states) if states else torch.zeros(0, HIDDEN)


def test_loss_and_gradients_by_hand(periods: list[LabelledRun]) -> None:
    model = small_model()
    total, parts = plain_loss(model, periods)
    total.backward()
    expected = gradients(model)
    model.zero_grad()
    errors = backward_through(model, periods, LOSSES, EVER)
    assert errors.loss == pytest.approx(total.item(), rel=1e-4)
    assert [errors.slowdown, errors.remaining, errors.queue] == pytest.approx(parts, rel=1e-4)
    for ours, theirs in zip(gradients(model), expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-5)
    assert all(gradient.abs().max() > 0 for gradient in expected)


def test_windows_change_the_gradients_not_the_loss(periods: list[LabelledRun]) -> None:
    model = small_model()
    whole = backward_through(model, periods, LOSSES, EVER)
    expected = gradients(model)
    model.zero_grad()
    cut = backward_through(model, periods, LOSSES, 10)
    for name in ("slowdown", "remaining", "queue", "loss"):
        assert getattr(cut, name) == pytest.approx(getattr(whole, name), rel=1e-4)
    differences = [
        float((ours - theirs).abs().max())
        for ours, theirs in zip(gradients(model), expected, strict=True)
    ]
    assert max(differences) > 1e-4


def test_bfloat16_is_nearly_the_same(periods: list[LabelledRun]) -> None:
    model = small_model()
    exact = backward_through(model, periods, LOSSES, EVER)
    expected = torch.cat([gradient.flatten() for gradient in gradients(model)])
    model.zero_grad()
    rounded = backward_through(model, periods, LOSSES, EVER, torch.bfloat16)
    assert rounded.slowdown == pytest.approx(exact.slowdown, rel=0.05)
    assert rounded.remaining == pytest.approx(exact.remaining, rel=0.05)
    found = torch.cat([gradient.flatten() for gradient in gradients(model)])
    assert torch.cosine_similarity(found, expected, dim=0) > 0.98
