"""Targets: every label of a run, at the event and the flow or link where it belongs."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from m4graph.core.errors import SimulationError
from m4graph.runs import LabelledRun
from m4graph.simulators.fluid import fluid_fct_ns
from m4graph.training.episode import Episode, TrainingStep


def all_steps(episode: Episode) -> list[TrainingStep]:
    return list(iter(episode.next_step, None))


def test_true_departures_have_every_label(runs: list[LabelledRun]) -> None:
    for run in runs:
        steps = all_steps(Episode([run], [run.fct_ns]))
        assert len(steps) == run.num_events
        for k, step in enumerate(steps):
            rows = slice(run.label_flow_ptr[k], run.label_flow_ptr[k + 1])
            flows = run.label_flows[rows]
            shares = run.remaining_bytes[rows] / run.network.size_bytes[flows]
            expected = dict(zip(flows.tolist(), shares.tolist(), strict=True))
            flow_ids = step.step.flow_ids.tolist()
            assert sorted(flow_ids) == sorted(expected)
            np.testing.assert_allclose(
                step.remaining.numpy(), [expected[flow] for flow in flow_ids], rtol=1e-6
            )
            queues = run.queue_bytes[run.label_link_ptr[k] : run.label_link_ptr[k + 1]]
            np.testing.assert_allclose(
                np.expm1(step.log_queue.numpy()) * 1000, queues, rtol=1e-3, atol=0.01
            )


def test_runs_side_by_side_equal_runs_alone(runs: list[LabelledRun]) -> None:
    together = all_steps(Episode(runs, [run.fct_ns for run in runs]))
    alone = [all_steps(Episode([run], [run.fct_ns])) for run in runs]
    for k, step in enumerate(together):
        parts = [steps[k] for steps in alone if k < len(steps)]
        for name in ("log_slowdown", "weight", "remaining", "log_queue"):
            expected = np.concatenate([getattr(part, name).numpy() for part in parts])
            np.testing.assert_array_equal(getattr(step, name).numpy(), expected)


def test_slowdowns_are_true_whatever_the_departures(runs: list[LabelledRun]) -> None:
    true = np.concatenate([run.fct_ns / run.network.ideal_fct_ns for run in runs])
    for step in all_steps(Episode(runs, [fluid_fct_ns(run.network) for run in runs])):
        target = np.maximum(true[step.step.flow_ids.numpy()], 1.0)
        np.testing.assert_allclose(np.exp(step.log_slowdown.numpy()), target, rtol=1e-5)
        assert np.isnan(step.remaining.numpy()).all()
        assert np.isnan(step.log_queue.numpy()).all()


def test_a_free_run_follows_its_predictions(runs: list[LabelledRun]) -> None:
    run = runs[0]
    slow, fast = Episode([run], [None]), Episode([run], [None])
    most_active = []
    for episode, log_slowdown in ((slow, 3.0), (fast, 0.0)):
        touched = 0
        while (step := episode.next_step()) is not None:
            episode.feed_back(step, torch.full_like(step.log_slowdown, log_slowdown))
            touched = max(touched, len(step.step.flow_ids))
        most_active.append(touched)
    assert most_active[0] > most_active[1]


def test_an_unfinished_flow_has_no_weight(runs: list[LabelledRun]) -> None:
    fct_ns = runs[0].fct_ns.copy()
    fct_ns[3] = -1
    run = LabelledRun(**{**vars(runs[0]), "fct_ns": fct_ns})
    for step in all_steps(Episode([run], [run.fct_ns])):
        unfinished = step.step.flow_ids.numpy() == 3
        assert (step.weight.numpy()[unfinished] == 0).all()
        assert (step.weight.numpy()[~unfinished] > 0).all()


def test_predictions_that_are_no_numbers_are_refused(runs: list[LabelledRun]) -> None:
    episode = Episode([runs[0]], [None])
    step = episode.next_step()
    assert step is not None
    with pytest.raises(SimulationError, match="no finite number"):
        episode.feed_back(step, torch.full_like(step.log_slowdown, float("nan")))
