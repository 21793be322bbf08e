"""The tape gives the gradients of plain backpropagation through time."""

from __future__ import annotations

import torch

from m4graph.graph import EventStep
from m4graph.nn import FlowLinkModel
from m4graph.runs import LabelledRun
from m4graph.training.episode import Episode, TrainingStep, Window
from m4graph.training.losses import StepLosses
from m4graph.training.tape import Tape, backward_through

LOSSES = StepLosses(remaining_weight=0.1, queue_weight=0.1)
NUM_STEPS = 30


class DoubleEpisode(Episode):
    """An episode whose steps are in double precision."""

    def next_step(self) -> TrainingStep | None:
        step = super().next_step()
        return None if step is None else convert(step)


def convert(thing):
    if isinstance(thing, torch.Tensor):
        return thing.double() if thing.is_floating_point() else thing
    if isinstance(thing, TrainingStep | EventStep):
        return type(thing)(**{name: convert(value) for name, value in vars(thing).items()})
    return thing


def small_model() -> FlowLinkModel:
    torch.manual_seed(0)
    model = FlowLinkModel(hidden_channels=8)
    torch.nn.init.normal_(model.slowdown_head[-1].weight)
    return model.double()


def true_episode(runs: list[LabelledRun]) -> DoubleEpisode:
    return DoubleEpisode(runs, [run.fct_ns for run in runs])


def plain_gradients(model: FlowLinkModel, runs: list[LabelledRun]) -> list[torch.Tensor]:
    episode = true_episode(runs)
    flow_state = torch.zeros(episode.num_flows, 8, dtype=torch.float64)
    link_state = torch.zeros(episode.num_links, 8, dtype=torch.float64)
    total = torch.zeros((), dtype=torch.float64)
    for _ in range(NUM_STEPS):
        training_step = episode.next_step()
        assert training_step is not None
        step = training_step.step
        output = model(step, flow_state[step.flow_ids], link_state[step.link_ids])
        flow_state = flow_state.index_copy(0, step.flow_ids, output.flow_state)
        updated = step.link_ids[: step.num_updated]
        link_state = link_state.index_copy(0, updated, output.link_state)
        total = total + LOSSES(training_step, output)
    return list(torch.autograd.grad(total, list(model.parameters())))


def test_gradients_equal_plain_backpropagation(runs: list[LabelledRun]) -> None:
    model = small_model()
    expected = plain_gradients(model, runs)
    episode = true_episode(runs)
    backward_through(model, Window(episode, NUM_STEPS, True), Tape(model, episode), LOSSES)
    for parameter, gradient in zip(model.parameters(), expected, strict=True):
        assert parameter.grad is not None
        torch.testing.assert_close(parameter.grad, gradient)
    assert any(gradient.abs().max() > 0 for gradient in expected)


def test_states_move_on_and_keep_no_graph(runs: list[LabelledRun]) -> None:
    episode = true_episode(runs)
    model = small_model()
    tape = Tape(model, episode)
    backward_through(model, Window(episode, NUM_STEPS, True), tape, LOSSES)
    assert (tape.states.flow.abs().sum(1) > 0).any()
    assert not tape.states.flow.requires_grad
    assert not tape.grads.flow.any()
    assert not tape.grads.link.any()


def test_a_window_ends_with_its_episode(runs: list[LabelledRun]) -> None:
    episode = true_episode(runs)
    model = small_model()
    tape = Tape(model, episode)
    backward_through(model, Window(episode, 10**6, True), tape, LOSSES)
    assert episode.next_step() is None
    total, weight = backward_through(model, Window(episode, 5, False), tape, LOSSES)
    assert float(total) == float(weight) == 0.0


def test_loss_of_a_step_by_hand(runs: list[LabelledRun]) -> None:
    episode = true_episode(runs)
    for _ in range(5):
        training_step = episode.next_step()
    assert training_step is not None
    step = training_step.step
    hidden = torch.zeros(len(step.flow_ids), 8, dtype=torch.float64)
    links = torch.zeros(len(step.link_ids), 8, dtype=torch.float64)
    output = small_model()(step, hidden, links)
    slowdown = (output.log_slowdown - training_step.log_slowdown).abs() * training_step.weight
    remaining = (output.remaining - training_step.remaining).abs()
    queue = (output.log_queue - training_step.log_queue).abs()
    expected = slowdown.sum() + 0.1 * remaining.sum() + 0.1 * queue.sum()
    torch.testing.assert_close(LOSSES(training_step, output), expected)
