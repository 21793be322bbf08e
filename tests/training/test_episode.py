"""Targets: every label of a run, at the event and the flow or link where it belongs."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from m4graph import topology, workload
from m4graph.core.errors import SimulationError
from m4graph.runs import LabelledRun
from m4graph.scenario import Scenario
from m4graph.simulators import simulate
from m4graph.simulators.fluid import fluid_fct_ns
from m4graph.training.config import TrainConfig
from m4graph.training.data import EpisodeDataset
from m4graph.training.distributed import Process
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


def test_runs_of_a_lane_come_one_after_the_other(runs: list[LabelledRun]) -> None:
    """Each step is that of a run by itself, and the lanes go on side by side."""
    chosen = [*runs, *runs]
    alone = [all_steps(Episode([run], [run.fct_ns])) for run in chosen]
    last = len(chosen) - 1
    lanes = [[0, last], list(range(1, last))]
    steps = all_steps(Episode(chosen, [run.fct_ns for run in chosen], lanes=lanes))
    queues = [[step for place in lane for step in alone[place]] for lane in lanes]
    assert len(steps) == max(len(queue) for queue in queues)
    for k, step in enumerate(steps):
        parts = {  # by the order of their runs, in which they stand in a step
            place: part
            for lane in lanes
            for place, part in [_nth(lane, alone, k)]
            if part is not None
        }
        expected = [parts[place].log_slowdown.numpy() for place in sorted(parts)]
        np.testing.assert_array_equal(step.log_slowdown.numpy(), np.concatenate(expected))


def _nth(
    lane: list[int], alone: list[list[TrainingStep]], k: int
) -> tuple[int, TrainingStep | None]:
    """The step of a lane at place ``k``, and which of the runs it is of."""
    for place in lane:
        if k < len(alone[place]):
            return place, alone[place][k]
        k -= len(alone[place])
    return lane[-1], None


def test_lanes_hold_about_as_many_flows_each(runs: list[LabelledRun]) -> None:
    keys = {"name": "x", "data": "x", "max_steps": 1, "runs_per_episode": 6, "lanes": 2}
    many = [runs[0]] * 6
    data = EpisodeDataset(many, TrainConfig.parse(keys))
    windows = list(data.windows(Process(0, 1)))
    assert len(windows) == -(-2 * 3 * runs[0].network.num_flows // windows[0].num_steps)


def test_an_episode_does_not_wait_for_a_run_as_long_as_many() -> None:
    """Three lanes: one of them has a long run alone, and goes on no longer than the others."""
    network = topology.star(num_hosts=3)
    lengths = [200, 20, 20, 20, 20]
    many = []
    for seed, length in enumerate(lengths):
        flows = workload.generate(network, "web_server", load=0.5, num_flows=length, seed=seed)
        result = simulate(Scenario(network, flows, "dctcp"), "packet", labels=True)
        many.append(LabelledRun.from_result(result))
    keys = {"name": "x", "data": "x", "max_steps": 1, "runs_per_episode": 5, "steps_per_window": 16}
    for lanes, num_flows in ((3, 40), (None, 200)):
        data = EpisodeDataset(many, TrainConfig.parse({**keys, "lanes": lanes}))
        assert len(list(data.windows(Process(0, 1)))) == -(-2 * num_flows // 16)


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


def test_runs_may_count_the_same_in_place_of_flows() -> None:
    """Runs of 20 and 60 flows: each weighs the same with 1, as much as its flows do with 0."""
    network = topology.star(num_hosts=4, gbps=10)
    runs = []
    for num_flows in (20, 60):
        flows = workload.generate(network, "web_server", load=0.5, num_flows=num_flows, seed=3)
        result = simulate(Scenario(network, flows, "dctcp"), "packet", labels=True)
        runs.append(LabelledRun.from_result(result))
    departures = [run.fct_ns for run in runs]
    by_run = {}
    for power in (0.0, 0.5, 1.0):
        steps = all_steps(Episode(runs, departures, run_weight=power))
        of_first = [step.step.flow_ids.numpy() < 20 for step in steps]
        weights = [step.weight.numpy() for step in steps]
        by_run[power] = [
            sum(float(w[of == first].sum()) for w, of in zip(weights, of_first, strict=True))
            for first in (True, False)
        ]
    for power, factor in ((0.5, 3**0.5), (1.0, 3.0)):
        before, after = (by_run[each][0] / by_run[each][1] for each in (0.0, power))
        assert after == pytest.approx(factor * before, rel=1e-4)
