from __future__ import annotations

import numpy as np

from m4graph.runs import FlowNetwork, LabelledRun, event_stream, true_stream
from m4graph.runs.events import ARRIVAL, DEPARTURE
from tests.graph.conftest import star_scenario


def test_departures_come_first_and_flows_by_number():
    starts = [0, 0, 500, 500]
    network = FlowNetwork.from_scenario(star_scenario([(0, 3, 1000, start) for start in starts]))
    events = event_stream(network, np.array([500, 500, 0, 10]))
    assert events.tolist() == [
        (0, 0, ARRIVAL),
        (0, 1, ARRIVAL),
        (500, 0, DEPARTURE),
        (500, 1, DEPARTURE),
        (500, 2, DEPARTURE),
        (500, 2, ARRIVAL),
        (500, 3, ARRIVAL),
        (510, 3, DEPARTURE),
    ]


def test_a_flow_that_does_not_finish_never_departs():
    network = FlowNetwork.from_scenario(star_scenario([(0, 3, 1000, 0), (1, 3, 1000, 5)]))
    events = event_stream(network, np.array([-1, 7]))
    assert events.tolist() == [(0, 0, ARRIVAL), (5, 1, ARRIVAL), (12, 1, DEPARTURE)]


def test_the_true_stream_holds_the_events_of_the_run(fat_tree_run):
    run = LabelledRun.from_result(fat_tree_run)
    events = true_stream(run)
    assert len(events) == 2 * run.network.num_flows
    assert (np.diff(events["time_ns"]) >= 0).all()
    made = event_stream(run.network, run.fct_ns)
    assert sorted(events.tolist()) == sorted(made.tolist())
