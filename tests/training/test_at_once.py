"""All events of a window at once give the gradients of one after the other, on blank states."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from m4graph.nn import FlowLinkModel
from m4graph.training.at_once import backward_at_once
from m4graph.training.config import TrainConfig
from m4graph.training.data import EpisodeDataset
from m4graph.training.distributed import Process
from m4graph.training.episode import Window
from m4graph.training.module import FlowLinkTraining
from m4graph.training.rollout import free_runs
from m4graph.training.tape import Tape, backward_through
from tests.training.test_tape import LOSSES, NUM_STEPS, true_episode


@pytest.mark.parametrize("conv", ["sage", "res_gated", "pair"])
def test_gradients_equal_those_of_a_model_without_memory(runs, conv):
    torch.manual_seed(0)
    model = FlowLinkModel(conv, hidden_channels=8, memory=False)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    model.double()
    episode = true_episode(runs)
    window = Window(episode, NUM_STEPS, is_first=True)
    total, weight = backward_through(model, window, Tape(model, episode), LOSSES)
    expected = [parameter.grad.clone() for parameter in model.parameters()]
    model.zero_grad()
    window = Window(true_episode(runs), NUM_STEPS, is_first=True, is_blank=True)
    at_once = backward_at_once(model, window, LOSSES)
    assert list(map(float, at_once)) == pytest.approx([float(total), float(weight)])
    for parameter, gradient in zip(model.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient)
    assert total > 0


def test_states_are_blank_whatever_the_model(runs):
    """A model with memory learns there as one without does."""
    losses = []
    for memory in (True, False):
        torch.manual_seed(0)
        model = FlowLinkModel(hidden_channels=8, memory=memory).double()
        window = Window(true_episode(runs), NUM_STEPS, is_first=True, is_blank=True)
        losses.append(backward_at_once(model, window, LOSSES)[0])
    assert losses[0] == losses[1]


def test_an_episode_ends(runs):
    model = FlowLinkModel(hidden_channels=8).double()
    episode = true_episode(runs)
    backward_at_once(model, Window(episode, 10**6, True, True), LOSSES)
    loss, weight = backward_at_once(model, Window(episode, 5, False, True), LOSSES)
    assert float(loss) == float(weight) == 0.0


def test_free_runs_of_blank_episodes_follow_the_model(runs):
    """They leave when the model said so, which its memory does not change."""
    torch.manual_seed(0)
    model = FlowLinkModel(hidden_channels=8)
    torch.nn.init.normal_(model.slowdown_head[-1].weight)
    config = TrainConfig(
        name="blank",
        data="unused",
        max_steps=1,
        blank_episodes=1,
        runs_per_episode=len(runs),
        streams={"exact": 0.0, "noise": 0.0, "scaled": 0.0, "free": 1.0},
    )
    data = EpisodeDataset(runs, config)
    FlowLinkTraining(config, data, model)
    windows = list(data.windows(Process(rank=0, num_processes=1)))
    assert all(window.is_blank for window in windows)
    while windows[0].episode.next_step() is not None:
        pass
    model.memory = False
    expected = free_runs(model, [run.network for run in runs])
    agenda = windows[0].episode._agenda
    finish_ns = np.concatenate(
        [run.network.start_ns + free.fct_ns for run, free in zip(runs, expected, strict=True)]
    )
    assert np.sort(agenda.finish_ns) == pytest.approx(np.sort(finish_ns), rel=1e-4)
    data.next_episode = 1
    assert not any(window.is_blank for window in data.windows(Process(0, 1)))
