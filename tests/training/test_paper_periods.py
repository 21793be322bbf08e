"""Busy periods against networkx, and their labels against the run's."""

from __future__ import annotations

from dataclasses import replace

import networkx as nx
import numpy as np
import pytest

from m4graph.core.errors import InputError
from m4graph.runs import LabelledRun
from m4graph.runs.events import ARRIVAL
from m4graph.training.paper.config import PaperTrainConfig
from m4graph.training.paper.data import LENGTH_BINS, PeriodDataset, draw_balanced
from m4graph.training.paper.periods import busy_periods, most_active_flows, split_run
from m4graph.training.paper.steps import PeriodSteps


def joined(run: LabelledRun) -> list[set[int]]:
    """Flows that were ever labelled at each other's events: they shared a link."""
    graph = nx.Graph()
    graph.add_nodes_from(range(run.network.num_flows))
    for k, flow in enumerate(run.event_flow.tolist()):
        if run.event_kind[k] == ARRIVAL:
            others = run.label_flows[run.label_flow_ptr[k] : run.label_flow_ptr[k + 1]]
            graph.add_edges_from((flow, other) for other in others.tolist())
    return list(nx.connected_components(graph))


def config(**changes: object) -> PaperTrainConfig:
    values = {"name": "x", "data": "x", "max_steps": 1, "model": {"kind": "m4_paper"}}
    return PaperTrainConfig.parse({**values, **changes})


def test_busy_periods_are_those_of_networkx(runs: list[LabelledRun]) -> None:
    for run in runs:
        period_of = busy_periods(run)
        found = [set(np.flatnonzero(period_of == name)) for name in np.unique(period_of)]
        assert sorted(map(sorted, found)) == sorted(map(sorted, joined(run)))
        most = most_active_flows(run, period_of)
        for flows in found:
            change = np.where(run.event_kind == ARRIVAL, 1, -1)
            own = change[np.isin(run.event_flow, list(flows))]
            assert most[period_of[min(flows)]] == np.cumsum(own).max()


def test_a_period_is_a_run_of_its_own(runs: list[LabelledRun]) -> None:
    run = runs[0]
    periods = list(split_run(run, 1, 10**6, 10**6))
    assert sum(period.network.num_flows for period in periods) == run.network.num_flows
    assert sum(period.num_events for period in periods) == run.num_events
    assert sum(period.remaining_bytes.sum() for period in periods) == run.remaining_bytes.sum()
    assert sum(period.queue_bytes.sum() for period in periods) == run.queue_bytes.sum()
    route = np.split(run.network.route_links, run.network.route_ptr[1:-1])
    for period in periods:
        own = np.searchsorted(run.network.start_ns, period.network.start_ns)
        np.testing.assert_array_equal(run.network.start_ns[own], period.network.start_ns)
        np.testing.assert_array_equal(run.fct_ns[own], period.fct_ns)
        links = sorted({int(link) for flow in own for link in route[flow]})
        assert period.network.num_links == len(links)
        np.testing.assert_array_equal(period.network.link_src, run.network.link_src[links])
        for flow, given in enumerate(
            np.split(period.network.route_links, period.network.route_ptr[1:-1])
        ):
            assert [links[link] for link in given] == route[own[flow]].tolist()
        assert (np.diff(period.event_time_ns) >= 0).all()


def test_periods_are_chosen_by_their_size(runs: list[LabelledRun]) -> None:
    run = runs[0]
    everything = list(split_run(run, 1, 10**6, 10**6))
    counts = [period.network.num_flows for period in everything]
    chosen = list(split_run(run, 2, max(counts) - 1, 10**6))
    assert [period.network.num_flows for period in chosen] == [
        count for count in counts if 2 <= count < max(counts)
    ]
    assert all(period.network.num_flows == 1 for period in split_run(run, 1, 10**6, 1))


def test_a_period_with_an_unfinished_flow_is_left_out(runs: list[LabelledRun]) -> None:
    fct_ns = runs[0].fct_ns.copy()
    fct_ns[4] = -1
    whole = list(split_run(runs[0], 1, 10**6, 10**6))
    rest = list(split_run(replace(runs[0], fct_ns=fct_ns), 1, 10**6, 10**6))
    assert len(rest) == len(whole) - 1


@pytest.mark.parametrize("row_multiple", [1, 8])
def test_steps_carry_every_label(runs: list[LabelledRun], row_multiple: int) -> None:
    periods = list(split_run(runs[0], 2, 10**6, 10**6))
    steps = PeriodSteps(periods, row_multiple)
    remaining: dict[tuple[int, int], float] = {}
    queues: list[tuple[int, list[float]]] = []
    departed: list[int] = []
    for k, labelled in enumerate(steps):
        step = labelled.step
        assert len(step.flow_ids) % row_multiple == len(step.link_ids) % row_multiple == 0
        flows = step.flow_ids[labelled.remaining_rows].tolist()
        remaining |= {
            (k, flow): share for flow, share in zip(flows, labelled.remaining.tolist(), strict=True)
        }
        links = step.link_ids[step.hop_link[labelled.queue_rows]].tolist()
        queues += [
            (k, [link, value])
            for link, value in zip(links, labelled.cbrt_queue.tolist(), strict=True)
        ]
        departed += labelled.departed.tolist()
    assert sorted(departed) == list(range(steps.num_flows))
    expected, expected_queues, first, first_link = {}, [], 0, 0
    for period in periods:
        for k in range(period.num_events):
            rows = slice(*period.label_flow_ptr[k : k + 2])
            for flow, left in zip(
                period.label_flows[rows], period.remaining_bytes[rows], strict=True
            ):
                expected[k, first + int(flow)] = left / period.network.size_bytes[flow]
            rows = slice(*period.label_link_ptr[k : k + 2])
            if period.event_kind[k] == ARRIVAL and period.queue_bytes[rows].any():
                ptr = period.network.route_ptr[period.event_flow[k] :][:2]
                links = period.network.route_links[slice(*ptr)] + first_link
                values = np.cbrt(period.queue_bytes[rows] + 1e-6)
                expected_queues += [
                    (k, [int(link), value]) for link, value in zip(links, values, strict=True)
                ]
        first += period.network.num_flows
        first_link += period.network.num_links
    assert remaining == pytest.approx(expected)
    assert steps.num_remaining == len(expected)
    expected_queues.sort(key=lambda entry: entry[0])
    assert [(k, link) for k, (link, _) in queues] == [(k, link) for k, (link, _) in expected_queues]
    np.testing.assert_allclose(
        [value for _, (_, value) in queues],
        [value for _, (_, value) in expected_queues],
        rtol=1e-5,
    )
    assert steps.num_queues == len(expected_queues) > 0


def test_every_bin_is_drawn_equally_often() -> None:
    lengths = np.repeat([3, 12, 60], [5000, 500, 300])
    drawn = lengths[draw_balanced(lengths, 150, np.random.default_rng(0))]
    counts = [int((drawn == length).sum()) for length in (3, 12, 60)]
    assert sum(counts) == 150
    assert all(25 < count < 75 for count in counts)
    assert len({int(np.digitize(length, LENGTH_BINS)) for length in (3, 12, 60)}) == 3
    everything = draw_balanced(lengths, 10**6, np.random.default_rng(0))
    np.testing.assert_array_equal(everything, np.arange(len(lengths)))


def test_all_periods_come_up_before_one_comes_up_again(runs: list[LabelledRun]) -> None:
    data = PeriodDataset(runs, config(periods_per_batch=4))
    per_pass = -(-len(data.periods) // 4)
    for start in (0, per_pass):
        seen = [id(period) for i in range(per_pass) for period in data.batch(start + i).periods]
        assert sorted(seen) == sorted(id(period) for period in data.periods)
    first = [period.network.num_flows for i in range(per_pass) for period in data.batch(i).periods]
    second = [
        period.network.num_flows
        for i in range(per_pass)
        for period in data.batch(per_pass + i).periods
    ]
    assert first != second
    again = PeriodDataset(runs, config(periods_per_batch=4))
    assert data.batch(5).seed == again.batch(5).seed != data.batch(6).seed


def test_a_batch_holds_periods_of_like_lengths(runs: list[LabelledRun]) -> None:
    data = PeriodDataset(runs, config(periods_per_batch=4))
    lengths = np.array([period.network.num_flows for period in data.periods])
    within = [
        np.ptp([period.network.num_flows for period in data.batch(i).periods])
        for i in range(-(-len(lengths) // 4))
    ]
    assert np.mean(within) < 0.5 * np.ptp(lengths)


def test_runs_without_a_busy_period_are_refused(runs: list[LabelledRun]) -> None:
    alone = list(split_run(runs[0], 1, 1, 1))
    with pytest.raises(InputError, match="expected busy periods of 2 to 2 flows"):
        PeriodDataset(alone, config(max_flows=2))
