"""Backpropagation through the events of a window without copying the states at every event.

Each event changes a few rows of the states. Its graph is built on detached copies of these rows
alone; going back, the gradients of the states are kept in two dense tensors, out of which each
event takes the rows that it has written, and into which it puts those of the rows that it has read.
These tensors last as long as the episode: a window leaves them as it found them, all zero.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from m4graph.nn import FlowLinkModel, StepOutput
from m4graph.training.episode import TrainingStep, Window

StepLoss = Callable[[TrainingStep, StepOutput], Tensor]


@dataclass(frozen=True, eq=False)
class _Entry:
    flow_rows: Tensor
    link_rows: Tensor
    flow_leaf: Tensor
    link_leaf: Tensor
    output: StepOutput
    loss: Tensor


class States:
    """The flow and link states of an episode; the graph never goes through them.

    Shapes:
        - ``flow``, ``flow_grad`` ``[num_flows, hidden]``; ``link``, ``link_grad``
          ``[num_links, hidden]``; the gradients are zero between windows
    """

    def __init__(
        self,
        num_flows: int,
        num_links: int,
        hidden: int,
        device: torch.device,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.flow, self.flow_grad = torch.zeros(2, num_flows, hidden, device=device, dtype=dtype)
        self.link, self.link_grad = torch.zeros(2, num_links, hidden, device=device, dtype=dtype)


def backward_through(
    model: FlowLinkModel, window: Window, states: States, step_loss: StepLoss
) -> tuple[Tensor, Tensor]:
    """Runs a window, and adds the gradients of its losses to the model's parameters.

    The states and the episode move on by the window. Gradients do not go back into earlier windows,
    nor through the predictions by which free runs choose their next events.

    Returns:
        The sum of the losses and the sum of the weights of the flows, detached.
    """
    device = states.flow.device
    tape = []
    weight = torch.zeros((), device=device)
    for _ in range(window.num_steps):
        step = window.episode.next_step()
        if step is None:
            break
        step = step.to(device)
        tape.append(_forward(model, step, states, step_loss))
        window.episode.feed_back(step, tape[-1].output.log_slowdown)
        weight += step.weight.sum()
    total = torch.zeros((), device=device)
    for entry in reversed(tape):
        _backward(entry, states.flow_grad, states.link_grad)
        total += entry.loss.detach()
    for entry in tape:
        states.flow_grad[entry.flow_rows] = 0.0
        states.link_grad[entry.link_rows] = 0.0
    return total, weight


def _forward(
    model: FlowLinkModel, training_step: TrainingStep, states: States, step_loss: StepLoss
) -> _Entry:
    step = training_step.step
    flow_leaf = states.flow[step.flow_ids].requires_grad_()
    link_leaf = states.link[step.link_ids].requires_grad_()
    output = model(step, flow_leaf, link_leaf)
    states.flow[step.flow_ids] = output.flow_state.detach()
    states.link[step.link_ids[: step.num_updated]] = output.link_state.detach()
    loss = step_loss(training_step, output)
    return _Entry(step.flow_ids, step.link_ids, flow_leaf, link_leaf, output, loss)


def _backward(entry: _Entry, flow_grad: Tensor, link_grad: Tensor) -> None:
    updated = entry.link_rows[: len(entry.output.link_state)]
    outputs = [entry.loss, entry.output.flow_state, entry.output.link_state]
    grads = [torch.ones_like(entry.loss), flow_grad[entry.flow_rows], link_grad[updated]]
    torch.autograd.backward(outputs, grads)
    flow_grad[entry.flow_rows] = _gradient(entry.flow_leaf)
    link_grad[updated] = 0.0
    link_grad.index_add_(0, entry.link_rows, _gradient(entry.link_leaf))


def _gradient(leaf: Tensor) -> Tensor:
    # The model reads every row of a step, so that the leaves are in its graph.
    assert leaf.grad is not None
    return leaf.grad
