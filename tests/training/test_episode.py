"""Targets: every label of a run, at the event and the flow or link where it belongs."""

from __future__ import annotations

import numpy as np
import pytest

from m4graph.graph import LabelledRun, event_stream
from m4graph.training.episode import Episode
from m4graph.training.fluid import fluid_fct_ns


def test_true_stream_has_every_label(runs: list[LabelledRun]) -> None:
    steps = [step for w in Episode(runs, [None] * len(runs)).windows(7) for step in w.steps]
    assert len(steps) == max(run.num_events for run in runs)
    first_flow = np.cumsum([0, *(run.network.num_flows for run in runs)])
    for k, step in enumerate(steps):
        expected, queues = {}, []
        for run, first in zip(runs, first_flow, strict=False):
            rows = slice(run.label_flow_ptr[k], run.label_flow_ptr[k + 1])
            flows = run.label_flows[rows]
            shares = run.remaining_bytes[rows] / run.network.size_bytes[flows]
            expected.update(zip((flows + first).tolist(), shares.tolist(), strict=True))
            queues.extend(run.queue_bytes[run.label_link_ptr[k] : run.label_link_ptr[k + 1]])
        flow_ids = step.step.flow_ids.tolist()
        assert sorted(flow_ids) == sorted(expected)
        np.testing.assert_allclose(
            step.remaining.numpy(), [expected[flow] for flow in flow_ids], rtol=1e-6
        )
        np.testing.assert_allclose(
            np.expm1(step.log_queue.numpy()) * 1000, queues, rtol=1e-3, atol=0.01
        )


def test_slowdowns_are_true_on_every_stream(runs: list[LabelledRun]) -> None:
    true = np.concatenate([run.fct_ns / run.network.ideal_fct_ns for run in runs])
    fluid = [event_stream(run.network, fluid_fct_ns(run.network)) for run in runs]
    for window in Episode(runs, fluid).windows(50):
        for step in window.steps:
            target = np.maximum(true[step.step.flow_ids.numpy()], 1.0)
            np.testing.assert_allclose(np.exp(step.log_slowdown.numpy()), target, rtol=1e-5)
            assert np.isnan(step.remaining.numpy()).all()
            assert np.isnan(step.log_queue.numpy()).all()


def test_an_unfinished_flow_has_no_weight(runs: list[LabelledRun]) -> None:
    fct_ns = runs[0].fct_ns.copy()
    fct_ns[3] = -1
    run = LabelledRun(**{**vars(runs[0]), "fct_ns": fct_ns})
    for window in Episode([run], [None]).windows(50):
        for step in window.steps:
            unfinished = step.step.flow_ids.numpy() == 3
            assert (step.weight.numpy()[unfinished] == 0).all()
            assert (step.weight.numpy()[~unfinished] > 0).all()


@pytest.mark.parametrize("steps_a_window", [1, 13, 1000])
def test_windows_cut_an_episode_anywhere(runs: list[LabelledRun], steps_a_window: int) -> None:
    windows = list(Episode(runs, [None] * len(runs)).windows(steps_a_window))
    assert [window.is_first for window in windows] == [True] + [False] * (len(windows) - 1)
    whole = [step for w in Episode(runs, [None] * len(runs)).windows(10**6) for step in w.steps]
    pieces = [step for window in windows for step in window.steps]
    assert len(pieces) == len(whole)
    for piece, step in zip(pieces, whole, strict=True):
        np.testing.assert_array_equal(piece.step.flow_x, step.step.flow_x)
        np.testing.assert_array_equal(piece.weight, step.weight)
