"""Backpropagation through the events of a window without copying the states at every event.

Each event changes a few rows of the states. Its graph is built on detached copies of these rows
alone; going back, the gradients of the states are kept like the states themselves: each event takes
the rows that it has written, and puts back those of the rows that it has read. They last as long as
the episode: a window leaves them as it found them, all zero.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from m4graph.graph import EventStep
from m4graph.nn import FlowLinkModel, States, StepOutput
from m4graph.training.episode import Episode, TrainingStep, Window

StepLoss = Callable[[TrainingStep, StepOutput], Tensor]


@dataclass(frozen=True, eq=False)
class _Entry:
    step: EventStep
    flow_leaf: Tensor
    link_leaf: Tensor
    output: StepOutput
    loss: Tensor


class Tape:
    """The states of an episode, through which the graph never goes, and their gradients.

    Args:
        model (FlowLinkModel): The model.
        episode (Episode): The episode.
    """

    def __init__(self, model: FlowLinkModel, episode: Episode) -> None:
        self.states = States(model, episode.num_flows, episode.num_links)
        self.grads = States(model, episode.num_flows, episode.num_links)
        """Zero between windows."""


def backward_through(
    model: FlowLinkModel, window: Window, tape: Tape, step_loss: StepLoss
) -> tuple[Tensor, Tensor]:
    """Runs a window, and adds the gradients of its losses to the model's parameters.

    The states and the episode move on by the window. Gradients do not go back into earlier windows,
    nor through the predictions by which free runs choose their next events.

    Returns:
        The sum of the losses and the sum of the weights of the flows, detached.
    """
    device = tape.states.flow.device
    entries = []
    weight = torch.zeros((), device=device)
    for _ in range(window.num_steps):
        step = window.episode.next_step()
        if step is None:
            break
        step = step.to(device)
        entries.append(_forward(model, step, tape.states, step_loss))
        window.episode.feed_back(step, entries[-1].output.log_slowdown)
        weight += step.weight.sum()
    total = torch.zeros((), device=device)
    for entry in reversed(entries):
        _backward(entry, tape.grads)
        total += entry.loss.detach()
    for entry in entries:
        tape.grads.flow[entry.step.flow_ids] = 0.0
        tape.grads.link[entry.step.link_ids] = 0.0
    return total, weight


def _forward(
    model: FlowLinkModel, training_step: TrainingStep, states: States, step_loss: StepLoss
) -> _Entry:
    step = training_step.step
    flow_leaf, link_leaf = (leaf.requires_grad_() for leaf in states.read(step))
    output = model(step, flow_leaf, link_leaf)
    states.write(step, output.flow_state.detach(), output.link_state.detach())
    return _Entry(step, flow_leaf, link_leaf, output, step_loss(training_step, output))


def _backward(entry: _Entry, grads: States) -> None:
    step, output = entry.step, entry.output
    updated = step.link_ids[: step.num_updated]
    flow_grad, link_grad = grads.flow[step.flow_ids], grads.link[updated]
    torch.autograd.backward(
        [entry.loss, output.flow_state, output.link_state],
        [torch.ones_like(entry.loss), flow_grad, link_grad],
    )
    # A link that is only read keeps the gradient of later events; this one's comes on top.
    grads.write(step, _gradient(entry.flow_leaf), torch.zeros_like(link_grad))
    grads.link.index_add_(0, step.link_ids, _gradient(entry.link_leaf))


def _gradient(leaf: Tensor) -> Tensor:
    # The model reads every row of a step, so that the leaves are in its graph.
    assert leaf.grad is not None
    return leaf.grad
