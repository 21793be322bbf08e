"""The tape gives the gradients of plain backpropagation through time."""

from __future__ import annotations

from dataclasses import replace

import torch

from m4graph.graph import EventStep, LabelledRun
from m4graph.nn import FlowLinkModel
from m4graph.training.episode import Episode, TrainingStep, Window
from m4graph.training.losses import StepLosses
from m4graph.training.tape import States, backward_through

LOSSES = StepLosses(remaining_weight=0.1, queue_weight=0.1)


def to_double(window: Window) -> Window:
    """The window with all floating-point tensors in double precision."""

    def convert(thing: object) -> object:
        if isinstance(thing, torch.Tensor):
            return thing.double() if thing.is_floating_point() else thing
        if isinstance(thing, TrainingStep | EventStep):
            return type(thing)(**{name: convert(value) for name, value in vars(thing).items()})
        return thing

    return replace(window, steps=[convert(step) for step in window.steps])


def model_and_window(runs: list[LabelledRun]) -> tuple[FlowLinkModel, Window]:
    torch.manual_seed(0)
    model = FlowLinkModel(hidden_channels=8)
    torch.nn.init.normal_(model.slowdown_head[-1].weight)
    window = next(Episode(runs, [None] * len(runs)).windows(30))
    return model.double(), to_double(window)


def plain_gradients(model: FlowLinkModel, window: Window) -> list[torch.Tensor]:
    flow_state = torch.zeros(window.num_flows, 8, dtype=torch.float64)
    link_state = torch.zeros(window.num_links, 8, dtype=torch.float64)
    total = torch.zeros((), dtype=torch.float64)
    for training_step in window.steps:
        step = training_step.step
        output = model(step, flow_state[step.flow_ids], link_state[step.link_ids])
        flow_state = flow_state.index_copy(0, step.flow_ids, output.flow_state)
        updated = step.link_ids[: step.num_updated]
        link_state = link_state.index_copy(0, updated, output.link_state)
        total = total + LOSSES(training_step, output)
    return list(torch.autograd.grad(total, list(model.parameters())))


def test_gradients_equal_plain_backpropagation(runs: list[LabelledRun]) -> None:
    model, window = model_and_window(runs)
    expected = plain_gradients(model, window)
    states = States(window.num_flows, window.num_links, 8, torch.device("cpu"))
    states.flow, states.link = states.flow.double(), states.link.double()
    backward_through(model, window, states, LOSSES)
    for parameter, gradient in zip(model.parameters(), expected, strict=True):
        assert parameter.grad is not None
        torch.testing.assert_close(parameter.grad, gradient)
    assert any(gradient.abs().max() > 0 for gradient in expected)


def test_states_move_on_and_keep_no_graph(runs: list[LabelledRun]) -> None:
    model, window = model_and_window(runs)
    states = States(window.num_flows, window.num_links, 8, torch.device("cpu"))
    states.flow, states.link = states.flow.double(), states.link.double()
    backward_through(model, window, states, LOSSES)
    touched = torch.cat([step.step.flow_ids for step in window.steps]).unique()
    assert (states.flow[touched].abs().sum(1) > 0).all()
    assert not states.flow.requires_grad


def test_loss_of_a_step_by_hand(runs: list[LabelledRun]) -> None:
    model, window = model_and_window(runs)
    training_step: TrainingStep = window.steps[5]
    step = training_step.step
    hidden = torch.zeros(len(step.flow_ids), 8, dtype=torch.float64)
    links = torch.zeros(len(step.link_ids), 8, dtype=torch.float64)
    output = model(step, hidden, links)
    slowdown = (output.log_slowdown - training_step.log_slowdown).abs() * training_step.weight
    remaining = (output.remaining - training_step.remaining).abs()
    queue = (output.log_queue - training_step.log_queue).abs()
    expected = slowdown.sum() + 0.1 * remaining.sum() + 0.1 * queue.sum()
    torch.testing.assert_close(LOSSES(training_step, output), expected)
