from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from m4graph.graph.step import no_events
from m4graph.learned.agenda import make_agenda, next_events, predict
from m4graph.runs import FlowNetwork
from m4graph.runs.events import ARRIVAL, DEPARTURE

from .conftest import scenario_of

SIZE = 10_000


def agenda_of(*starts):
    """Networks with flows of one size each, and what they take alone."""
    networks = [
        FlowNetwork.from_scenario(scenario_of([(0, 1, SIZE, start) for start in of_network]))
        for of_network in starts
    ]
    return make_agenda(networks), int(networks[0].ideal_fct_ns[0])


def take(agenda):
    events = no_events(len(agenda.next_flow))
    return events[: next_events(agenda, events)].tolist()


def say(agenda, flow, log_slowdown, now_ns):
    arguments = [np.array([flow]), np.array([log_slowdown], np.float32), np.array([now_ns])]
    return predict(agenda, *arguments)


def test_arrivals_then_departures_in_the_order_of_time():
    agenda, ideal = agenda_of([0, 5])
    assert take(agenda) == [(0, 0, ARRIVAL)]
    say(agenda, 0, math.log(1.75), 0)
    assert take(agenda) == [(5, 1, ARRIVAL)]
    say(agenda, 1, math.log(1.5), 5)
    assert take(agenda) == [(5 + round(1.5 * ideal), 1, DEPARTURE)]
    assert take(agenda) == [(round(1.75 * ideal), 0, DEPARTURE)]
    assert take(agenda) == []


def test_a_departure_comes_before_an_arrival_of_the_same_nanosecond():
    _, ideal = agenda_of([0])
    agenda, _ = agenda_of([0, ideal])
    take(agenda)
    say(agenda, 0, 0.0, 0)
    assert take(agenda) == [(ideal, 0, DEPARTURE)]
    assert take(agenda) == [(ideal, 1, ARRIVAL)]


def test_each_network_goes_its_own_way():
    agenda, ideal = agenda_of([7], [3, 4])
    assert take(agenda) == [(7, 0, ARRIVAL), (3, 1, ARRIVAL)]
    say(agenda, 0, 0.0, 7)
    say(agenda, 1, 0.0, 3)
    assert take(agenda) == [(7 + ideal, 0, DEPARTURE), (4, 2, ARRIVAL)]
    say(agenda, 2, 0.0, 4)
    assert take(agenda) == [(3 + ideal, 1, DEPARTURE)]
    assert take(agenda) == [(4 + ideal, 2, DEPARTURE)]
    assert take(agenda) == []


@pytest.mark.parametrize(
    ("log_slowdown", "now_ns", "fct_in_ideals"),
    [
        (math.log(1.5), 0, 1.5),
        (-3.0, 0, 1.0),  # never below the ideal FCT
        (-1e30, 0, 1.0),
        (math.log(1.5), 2.0, 2.0),  # never before now
        (math.log(3.5), 2.0, 3.5),
        (math.log(6.5), 2.0, 5.0),  # three flows: never more than three ideals from now
        (1000.0, 0, 3.0),  # for which there is no float64
    ],
)
def test_bounds_of_a_prediction(log_slowdown, now_ns, fct_in_ideals):
    agenda, ideal = agenda_of([100, 200, 300])
    take(agenda)
    assert say(agenda, 0, log_slowdown, 100 + round(now_ns * ideal)) == -1
    assert agenda.finish_ns[0] == pytest.approx(100 + fct_in_ideals * ideal, abs=1)


@pytest.mark.parametrize(("plain", "fct_in_ideals"), [(False, 3.0), (True, 4.0)])
def test_a_departure_makes_others_no_later(plain, fct_in_ideals):
    agenda, ideal = agenda_of([0, 5, 10 * 10**6])
    agenda.plain[:] = plain
    take(agenda)
    say(agenda, 0, math.log(3.0), 0)
    take(agenda)
    say(agenda, 1, 0.0, 5)
    assert take(agenda) == [(5 + ideal, 1, DEPARTURE)]
    say(agenda, 0, math.log(4.0), 5 + ideal)
    assert agenda.finish_ns[0] == pytest.approx(fct_in_ideals * ideal, abs=1)
    say(agenda, 0, math.log(2.0), 5 + ideal)  # it may well make them sooner
    assert take(agenda) == [(pytest.approx(2 * ideal, abs=1), 0, DEPARTURE)]


def test_an_arrival_makes_others_later():
    agenda, ideal = agenda_of([0, 5, 10 * 10**6])
    take(agenda)
    say(agenda, 0, math.log(2.0), 0)
    take(agenda)
    say(agenda, 0, math.log(2.5), 5)
    assert agenda.finish_ns[0] == pytest.approx(2.5 * ideal, abs=1)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_found(bad):
    agenda, _ = agenda_of([0, 0, 0])
    values = np.array([0.5, bad, 0.5], np.float32)
    assert predict(agenda, np.arange(3), values, np.zeros(3, np.int64)) == 1


def test_a_departure_that_is_known_beforehand():
    agenda, _ = agenda_of([0, 5])
    agenda.finish_ns[:] = [9, 7]
    assert take(agenda) == [(0, 0, ARRIVAL)]
    assert take(agenda) == [(5, 1, ARRIVAL)]
    assert take(agenda) == [(7, 1, DEPARTURE)]
    assert take(agenda) == [(9, 0, DEPARTURE)]


def test_a_flow_without_a_prediction_stays():
    agenda, ideal = agenda_of([0, 0])
    take(agenda)
    assert take(agenda) == [(0, 1, ARRIVAL)]
    say(agenda, 1, 0.0, 0)
    assert take(agenda) == [(ideal, 1, DEPARTURE)]
    agenda.until_ns[0] = 10 * ideal
    assert take(agenda) == []


def test_flows_that_leave_at_once_leave_by_number():
    agenda, ideal = agenda_of([0] * 9)
    for _ in range(9):
        take(agenda)
    for flow in [3, 8, 1, 0, 6, 2, 7, 5, 4]:
        say(agenda, flow, 0.0, 0)
    assert [take(agenda) for _ in range(9)] == [[(ideal, flow, DEPARTURE)] for flow in range(9)]


@settings(max_examples=50, deadline=None)
@given(
    starts=st.lists(st.integers(0, 400), min_size=1, max_size=15).map(sorted),
    slowdowns=st.lists(st.floats(1, 5), min_size=1, max_size=40),
)
def test_the_earliest_of_all_departures_is_next(starts, slowdowns):
    """Against a scan over all flows, with new predictions for all of them at every event."""
    agenda, _ = agenda_of(starts)
    active, finish_ns, said = [], {}, 0
    for _ in range(2 * len(starts)):
        [(time_ns, flow, kind)] = take(agenda)
        if kind == ARRIVAL:
            assert all(finish_ns[other] > time_ns for other in active)
            active.append(flow)
        else:
            assert (time_ns, flow) == min((finish_ns[other], other) for other in active)
            active.remove(flow)
        for other in active:
            say(agenda, other, math.log(slowdowns[said % len(slowdowns)]), time_ns)
            finish_ns[other] = int(agenda.finish_ns[other])
            said += 1
    assert take(agenda) == []
