from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from m4graph.core.errors import ConfigError, SimulationError
from m4graph.estimate.maxmin.shares import SCOPES
from m4graph.simulators.fluid import FluidEngine
from tests.estimate.maxmin.naive import csr, naive_drain_times


def engine_with(starts, volumes, routes, capacities, latency=0.0, scope="affected"):
    engine = FluidEngine(np.array(capacities, float), scope)
    add(engine, starts, volumes, routes, latency)
    return engine


def add(engine, starts, volumes, routes, latency=0.0, ideal=0):
    latency = np.broadcast_to(np.asarray(latency, float), len(starts))
    ideal = np.broadcast_to(np.asarray(ideal, np.int64), len(starts))
    return engine.add_flows(
        np.array(starts, np.int64), np.array(volumes, float), latency, ideal, *csr(routes)
    )


def finish(engine, max_events=1000):
    while engine.run(max_events):
        pass
    return engine.fct_ns.tolist()


def test_nothing_to_do():
    engine = FluidEngine(np.ones(2))
    assert not engine.run(10)
    assert engine.next_completion() is None
    assert (engine.num_flows, engine.num_events) == (0, 0)


def test_a_lone_flow():
    engine = engine_with([50], [1000], [[0, 1]], [2.0, 1.0], latency=7.0)
    assert finish(engine) == [1007]
    assert engine.now_ns == 1050


def test_two_on_a_link_then_one():
    """Both at 1/2 until the small one has its 100 bytes at 200; the other has 100 left then."""
    assert finish(engine_with([0, 0], [100, 200], [[0], [0]], [1.0])) == [200, 300]


def test_staggered_arrivals():
    """0..100 A alone; ..300 A and B; ..450 A, B, C at 1/3 until C has its 50; then by halves."""
    engine = engine_with([0, 100, 300], [400, 400, 50], [[0]] * 3, [1.0])
    # At 300, A has 200 left, B 300; at 450, A 150, B 250. A ends at 750, B has 100 left then.
    assert finish(engine) == [750, 750, 150]


def test_parking_lot():
    """The long flow and each short one at 1/2; short ones end at 200, 400; long: 200 bytes then
    at 1/2 till the last short one is gone at 400, then at 1."""
    engine = engine_with([0, 0, 0], [500, 100, 200], [[0, 1], [0], [1]], [1.0, 1.0])
    assert finish(engine) == [700, 200, 400]


def test_a_departure_speeds_up_a_flow_two_links_away():
    """A limits B on link 0, so C has 3/4 of link 1. When A is gone, B and C share link 1."""
    engine = engine_with([0, 0, 0], [25, 1000, 750], [[0], [0, 1], [1]], [0.5, 1.0])
    engine.run(3)
    np.testing.assert_allclose(engine.rates, [0.25, 0.25, 0.75])
    engine.run(1)
    assert engine.now_ns == 100
    np.testing.assert_allclose(engine.rates, [0.0, 0.5, 0.5])
    np.testing.assert_allclose(engine.remaining_bytes(), [0, 975, 675])
    np.testing.assert_allclose(engine.remaining_bytes(at_ns=110), [0, 970, 670])
    assert engine.active_flows.tolist() == [1, 2]


def test_a_flow_that_starts_when_another_ends_does_not_slow_it():
    engine = engine_with([0, 100], [100, 100], [[0], [0]], [1.0])
    assert finish(engine) == [100, 100]
    assert engine.num_events == 4


def test_equal_flows_take_one_instant():
    engine = engine_with([0] * 64, [100] * 64, [[0]] * 64, [1.0])
    assert finish(engine) == [6400] * 64
    assert engine.num_filled == 64


def test_the_fct_is_never_below_the_ideal():
    engine = FluidEngine(np.ones(1))
    add(engine, [0, 0], [100, 100], [[0], [0]], latency=5.4, ideal=[150, 300])
    assert finish(engine) == [205, 300]


@pytest.mark.parametrize("max_events", [1, 2, 7])
def test_stopping_does_not_change_the_result(max_events):
    starts, volumes, routes, capacities = random_case(np.random.default_rng(1), 100)
    whole = finish(engine_with(starts, volumes, routes, capacities))
    assert finish(engine_with(starts, volumes, routes, capacities), max_events) == whole


def test_completions_come_in_the_order_of_time_with_latencies():
    """Flow 0 drains first, but its last byte is on the way for longer."""
    engine = engine_with([0, 0, 0], [100, 300, 500], [[0], [0], [1]], [1.0, 1.0], [500.0, 0, 0])
    assert [engine.next_completion() for _ in range(4)] == [1, 2, 0, None]
    assert engine.fct_ns.tolist() == [700, 400, 500]


def test_flows_added_on_the_way():
    """Closed loop: the next flow starts when one completes; the arrays grow under way."""
    engine = engine_with([0], [10], [[0]], [1.0], latency=3.0)
    done = []
    while (flow := engine.next_completion()) is not None:
        done.append((flow, engine.now_ns))
        if len(done) < 2000:
            assert add(engine, [int(engine.now_ns)], [10], [[0]], latency=3.0) == flow + 1
    assert done == [(flow, 13.0 * (flow + 1)) for flow in range(2000)]


def test_adding_all_at_once_or_one_by_one_is_the_same():
    starts, volumes, routes, capacities = random_case(np.random.default_rng(2), 60)
    whole = finish(engine_with(starts, volumes, routes, capacities))
    engine = FluidEngine(np.array(capacities, float))
    for flow in np.argsort(starts, kind="stable"):
        add(engine, [starts[flow]], [volumes[flow]], [routes[flow]])
    order = np.argsort(np.argsort(starts, kind="stable"))
    assert np.array(finish(engine))[order].tolist() == whole


def test_bad_flows_and_scopes_are_refused():
    engine = engine_with([0], [100], [[0]], [1.0])
    finish(engine)
    with pytest.raises(SimulationError, match=r"flow 2: expected a start at 100 ns .* \(got 99\)"):
        add(engine, [100, 99], [1, 1], [[0], [0]])
    with pytest.raises(SimulationError, match="flow 1: expected a route of one link or more"):
        add(engine, [100], [1], [[]])
    assert engine.num_flows == 1
    with pytest.raises(ConfigError, match=r"one of affected, component, full \(got 'all'\)"):
        FluidEngine(np.ones(1), "all")


def random_case(rng, num_flows, num_links=12):
    capacities = rng.integers(1, 6, num_links).tolist()
    routes = [
        rng.choice(num_links, rng.integers(1, 5), replace=False).tolist() for _ in range(num_flows)
    ]
    starts = np.sort(rng.integers(0, 60 * num_flows, num_flows)).tolist()
    return starts, rng.integers(1, 500, num_flows).tolist(), routes, capacities


@st.composite
def cases(draw):
    num_links = draw(st.integers(1, 5))
    capacities = draw(st.lists(st.integers(1, 5), min_size=num_links, max_size=num_links))
    route = st.lists(st.integers(0, num_links - 1), min_size=1, max_size=3, unique=True)
    flow = st.tuples(st.integers(0, 60), st.integers(1, 60), route)
    flows = draw(st.lists(flow, min_size=1, max_size=10))
    return *(list(column) for column in zip(*flows, strict=True)), capacities


@settings(max_examples=200, deadline=None)
@given(cases(), st.sampled_from(list(SCOPES)))
def test_equals_the_naive_simulation(case, scope):
    starts, volumes, routes, capacities = case
    engine = engine_with(starts, volumes, routes, capacities, scope=scope)
    finish(engine)
    drained = np.array([float(time) for time in naive_drain_times(*case)])
    np.testing.assert_allclose(engine.now_ns, max(drained), rtol=1e-9)
    assert np.abs(engine.fct_ns - (drained - starts)).max() <= 0.5 + 1e-6


@pytest.mark.parametrize("seed", range(3))
def test_equals_the_naive_simulation_for_longer_runs(seed):
    case = random_case(np.random.default_rng(seed), 40)
    fct_ns = finish(engine_with(*case))
    drained = np.array([float(time) for time in naive_drain_times(*case)])
    assert np.abs(fct_ns - (drained - case[0])).max() <= 0.5 + 1e-6


@pytest.mark.parametrize("seed", range(3))
def test_numbers_of_flows_and_links_do_not_matter(seed):
    rng = np.random.default_rng(seed)
    starts, volumes, routes, capacities = random_case(rng, 400)
    order, new_link = rng.permutation(400), rng.permutation(len(capacities))
    shuffled = engine_with(
        [starts[i] for i in order],
        [volumes[i] for i in order],
        [[int(new_link[link]) for link in routes[i]] for i in order],
        [capacities[i] for i in np.argsort(new_link)],
    )
    expected = np.array(finish(engine_with(starts, volumes, routes, capacities)))
    assert np.abs(np.array(finish(shuffled)) - expected[order]).max() <= 1


def test_bytes_are_conserved_and_links_not_overloaded():
    starts, volumes, routes, capacities = random_case(np.random.default_rng(7), 300)
    engine = engine_with(starts, volumes, routes, capacities)
    crossing = np.zeros((len(capacities), len(routes)))
    for flow, route in enumerate(routes):
        crossing[route, flow] = 1
    sent, now, rates, more = np.zeros(len(routes)), 0.0, engine.rates.copy(), True
    while more:
        more = engine.run(1)
        sent += rates * (engine.now_ns - now)
        now, rates = engine.now_ns, engine.rates.copy()
        np.testing.assert_allclose(sent + engine.remaining_bytes(), volumes, rtol=1e-9)
        assert (crossing @ rates <= np.array(capacities) * (1 + 1e-9)).all()
    np.testing.assert_allclose(sent, volumes, rtol=1e-9)


def test_scopes_agree_where_they_must():
    case = random_case(np.random.default_rng(3), 2000, num_links=60)
    results = {scope: finish(engine_with(*case, scope=scope)) for scope in SCOPES}
    assert results["component"] == results["affected"] == results["full"]
