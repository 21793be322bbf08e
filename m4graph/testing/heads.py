"""What every extra head must keep."""

from __future__ import annotations

import dataclasses
from typing import Any, cast

import torch
from torch import Tensor

from m4graph.core.calls import plain_call
from m4graph.graph import EventStep
from m4graph.nn import FlowLinkModel, Head
from m4graph.testing.models import check_checkpoint, check_gradients, seeded
from m4graph.testing.rules import Report, Rules, expect
from m4graph.testing.steps import tiny_targets
from m4graph.training.episode import TrainingStep

_CHANNELS = 8
_NAME = "checked"


@plain_call
def check_head(head: str | type[Head], **options: Any) -> Report:
    """Checks an extra head of :class:`~m4graph.nn.FlowLinkModel`.

    Rules: a model takes it; predictions are finite; each row's depends on this row alone; it leaves
    the states as they are; no rows are fine; its loss is a finite scalar, a sum over the rows, and
    0 where nothing is known; every parameter gets a finite gradient; some steps down the loss lower
    it; and a model whose head has a name comes back from a checkpoint.

    Args:
        head (str or type): A name of :data:`m4graph.nn.HEADS`, or a class.
        **options: The head's own.

    Raises:
        ConformanceError: For the first rule that is broken.
    """
    rules = Rules("head", head)
    with rules("made"), seeded(0):
        specs = {_NAME: {"kind": head, **options}}
        model = FlowLinkModel(hidden_channels=_CHANNELS, extra_heads=specs).eval()
    made = cast(Head, model.extra_heads[_NAME])
    targets = tiny_targets()
    state, x = _rows_of(made, targets.step)
    with torch.no_grad():
        wanted = made(state, x)
    with rules("finite"):
        expect(bool(wanted.isfinite().all()), "finite predictions", wanted.tolist())
    with rules("rows"), torch.no_grad():
        alone = torch.cat([made(state[i : i + 1], x[i : i + 1]) for i in range(len(state))])
        same = torch.allclose(alone, wanted, rtol=1e-4, atol=1e-5)
        expect(same, "the same prediction for a row alone as beside others", alone.tolist())
    with rules("states"):
        fresh = _rows_of(made, targets.step)
        same = torch.equal(state, fresh[0]) and torch.equal(x, fresh[1])
        expect(same, "states and features as they were", "other ones")
    with rules("no rows"), torch.no_grad():
        got = list(made(state[:0], x[:0]).shape)
        expect(got == [0, *wanted.shape[1:]], f"shape {[0, *wanted.shape[1:]]}", got)
    _check_loss(rules, made, targets)
    if isinstance(head, str):
        with rules("checkpoint"):
            check_checkpoint(model)
    return rules.report


def _check_loss(rules: Rules, head: Head, targets: TrainingStep) -> None:
    state, x = _rows_of(head, targets.step)
    with rules("loss"):
        loss = head.loss(head(state, x), targets)
        expect(loss.dim() == 0, "a scalar", f"shape {list(loss.shape)}")
        expect(bool(loss.isfinite()), "a finite loss where some targets are unknown", loss.item())
    with rules("gradients"):
        check_gradients(head, loss)
    with rules("sum"), torch.no_grad():
        total = 0.0
        for flows, links in (([0, 1], [0]), ([2, 3], [1])):
            rows = flows if head.reads == "flow" else links
            part = _select(targets, flows, links)
            total += head.loss(head(state[rows], x[rows]), part).item()
        close = abs(total - loss.item()) <= 1e-4 * (1.0 + abs(loss.item()))
        expect(close, f"the loss of a step to be that of its rows, {total:.6g}", loss.item())
    with rules("unknown"), torch.no_grad():
        nothing = head.loss(head(state, x), _unknown(targets)).item()
        expect(nothing == 0.0, "a loss of 0 where nothing is known", nothing)
    with rules("learns"), seeded(0):
        before = loss.item()
        optimizer = torch.optim.Adam(head.parameters(), lr=1e-2)
        for _ in range(30):
            optimizer.zero_grad()
            head.loss(head(state, x), targets).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        after = head.loss(head(state, x), targets).item()
        expect(after < before, f"a loss below {before:.4g} after 30 steps of Adam", after)


def _rows_of(head: Head, step: EventStep) -> tuple[Tensor, Tensor]:
    """Random states and the features of the flows or links that the head reads."""
    x = step.flow_x if head.reads == "flow" else step.link_x[: step.num_updated]
    random = torch.Generator().manual_seed(1)
    return torch.randn(len(x), _CHANNELS, generator=random), x.clone()


def _select(targets: TrainingStep, flows: list[int], links: list[int]) -> TrainingStep:
    """A part of a step: some of its flows and updated links, which do not meet."""
    step, no_edges = targets.step, torch.zeros(0, dtype=torch.int64)
    part = EventStep(
        flow_ids=step.flow_ids[flows],
        flow_x=step.flow_x[flows],
        flow_gap=step.flow_gap[flows],
        link_ids=step.link_ids[links],
        link_x=step.link_x[links],
        link_gap=step.link_gap[links],
        num_updated=len(links),
        crosses=step.crosses[:, no_edges],
        crosses_x=step.crosses_x[no_edges],
        crossed_by=step.crossed_by[:, no_edges],
        crossed_by_x=step.crossed_by_x[no_edges],
    )
    return TrainingStep(
        step=part,
        log_slowdown=targets.log_slowdown[flows],
        weight=targets.weight[flows],
        remaining=targets.remaining[flows],
        log_queue=targets.log_queue[links],
    )


def _unknown(targets: TrainingStep) -> TrainingStep:
    """The same step, and nothing is known."""
    return dataclasses.replace(
        targets,
        weight=torch.zeros_like(targets.weight),
        remaining=torch.full_like(targets.remaining, torch.nan),
        log_queue=torch.full_like(targets.log_queue, torch.nan),
    )
