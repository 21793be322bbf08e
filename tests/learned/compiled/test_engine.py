"""Whole runs: the compiled engine against the torch engine."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch_geometric.nn import SAGEConv

import m4graph as m4
from m4graph.learned import LearnedSimulator
from m4graph.learned.compiled import CompiledEngine, export_weights
from m4graph.learned.torch_engine import TorchEngine
from m4graph.nn import FlowLinkModel
from m4graph.runs import FlowNetwork
from m4graph.runs.sample import two_flows
from m4graph.workload import closed_loop

from ..conftest import generated, random_model, scenario_of

NETWORKS = {
    "fat tree": lambda: m4.topology.fat_tree(k=4, host_gbps=10, fabric_gbps=10),
    "clos": lambda: m4.topology.clos(pods=2, racks=3, hosts=4, planes=2, spines=1, fabric_gbps=10),
    "parking lot": lambda: m4.topology.parking_lot(num_switches=6, hosts_per_switch=2),
}


def slow_model(seed, **options):
    """A random model that adds to most slowdowns, so that most of what it says is used."""
    model = random_model(seed, **options)
    torch.nn.init.constant_(model.slowdown_head[-1].bias, 1.0)
    return model


MODELS = {
    "tiny": lambda: slow_model(1, hidden=3),
    "odd": lambda: slow_model(2, hidden=13, num_layers=3),
    "usual": lambda: slow_model(3, hidden=64, num_layers=2),
    "pairs": lambda: slow_model(6, hidden=13, conv="pair"),
    "forgetful": lambda: slow_model(5, memory=False),
    "by class": lambda: slow_model(4, conv=SAGEConv),
    "zoo": lambda: m4.load_model(m4.zoo.default_model_name()),
}


def assert_equal(ours, theirs, within_ns=1):
    """Up to 1e-4, or the nanosecond to which FCTs are rounded."""
    assert (np.abs(ours - theirs) <= np.maximum(1e-4 * theirs, within_ns)).all()


def both(model, scenario):
    """Results of the compiled and the torch engine."""
    ours, theirs = (
        LearnedSimulator(model, engine=engine).run(scenario) for engine in ("compiled", "torch")
    )
    assert ours.extra["engine"] == "compiled"
    assert theirs.extra["engine"] == "torch"
    return ours, theirs


def run(model, network, steps=1000):
    engine = CompiledEngine(export_weights(model), network)
    while engine.run(steps):
        pass
    return engine


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("of_model", MODELS)
def test_the_engines_are_equal(name, of_model):
    network = NETWORKS[name]()
    workload = m4.workload.generate(network, sizes="web_server", load=0.7, num_flows=300, seed=3)
    ours, theirs = both(MODELS[of_model](), m4.Scenario(network, workload, "dctcp"))
    assert_equal(ours.fct_ns, theirs.fct_ns)
    assert ours.num_events == theirs.num_events == 600
    assert (ours.slowdown > 1.01).mean() > 0.3


@settings(max_examples=40, deadline=None)
@example(
    flows=[(1, 3, 216, 1119), (2, 3, 6884, 261), (3, 0, 229, 0), (3, 1, 92, 1567)], seed=0, chunk=1
)
@given(
    flows=st.lists(
        st.tuples(
            st.integers(0, 3), st.integers(1, 3), st.integers(1, 300_000), st.integers(0, 200_000)
        ).map(lambda flow: (flow[0], (flow[0] + flow[1]) % 4, *flow[2:])),
        min_size=1,
        max_size=12,
    ),
    seed=st.integers(0, 20),
    chunk=st.integers(1, 9),
)
def test_any_flows(flows, seed, chunk):
    network, model = FlowNetwork.from_scenario(scenario_of(flows)), random_model(seed)
    engine, other = run(model, network, chunk), TorchEngine(model, [network])
    while other.run(chunk):
        assert other.num_events <= 2 * len(flows)
    assert engine.num_events == other.num_events == 2 * len(flows)
    assert engine.num_departed == other.num_departed == len(flows)
    # A nanosecond by which one departure is rounded otherwise moves those that come after it.
    assert_equal(engine.fct_ns()[0], other.fct_ns()[0], within_ns=len(flows))


@pytest.mark.parametrize("of_model", ["usual", "zoo"])
@pytest.mark.parametrize("limit", [1, 3])
def test_closed_loops(of_model, limit):
    scenario = generated(num_flows=150)
    workload = closed_loop(scenario.workload, limit_per_rack=limit, backlog=True)
    closed = m4.Scenario(scenario.network, workload, "dctcp")
    ours, theirs = both(MODELS[of_model](), closed)
    # Rounding adds up from flow to flow: a start depends on all flows before, and a flow's time on
    # the starts of those beside it.
    assert ours.start_ns == pytest.approx(theirs.start_ns, rel=1e-4, abs=2)
    moved_ns = int(np.abs(ours.start_ns - theirs.start_ns).max())
    assert moved_ns < 0.1 * scenario.num_flows
    assert ours.fct_ns == pytest.approx(theirs.fct_ns, rel=1e-4, abs=2 + 2 * moved_ns)
    assert (np.diff(np.sort(ours.start_ns)) > 0).sum() > 100


def test_sessions():
    """Flows come while it runs, on longer routes than before, more at once than it had room for."""
    network = NETWORKS["fat tree"]()
    logs = []
    for engine in ("compiled", "torch"):
        session = m4.open_session(network, "learned", model=slow_model(5), engine=engine)
        assert session.extra["engine"] == engine
        session.add_flow(0, 1, 40_000)
        log = [session.next_completion()]
        session.add_flow(0, 2, 30_000, start_ns=session.now_ns + 500)
        assert session.next_completion(until_ns=session.now_ns + 499) is None
        for number in range(150):
            session.add_flow(number % 8, 8 + number % 7, 2000 + 10 * number)
        for done in session.run():
            log.append(done)
            if len(log) < 60:
                session.add_flow(15, 2, 5000, start_ns=session.now_ns + 100)
        assert session.unfinished == []
        logs.append(log)
    ours, theirs = logs
    assert [done.flow_id for done in ours] == [done.flow_id for done in theirs]
    assert len(ours) == 152 + 58
    for column in ("start_ns", "finish_ns"):
        values = (np.array([getattr(done, column) for done in log]) for log in logs)
        assert next(values) == pytest.approx(next(values), rel=1e-4, abs=2)


def test_more_flows_at_once_than_at_first():
    scenario = scenario_of([(number % 3, 3, 3000, number) for number in range(400)])
    ours, theirs = both(slow_model(6), scenario)
    assert_equal(ours.fct_ns, theirs.fct_ns)


def test_memory_is_for_flows_under_way_only():
    flows = [(number % 3, 3, 3000, 100_000 * number) for number in range(500)]
    engine = run(slow_model(7), FlowNetwork.from_scenario(scenario_of(flows)))
    memory = engine._state.memory
    assert len(memory.flow_state) == 64
    assert sorted(memory.free_rows) == list(range(64))


def test_the_same_run_gives_the_same_bits():
    network, model = FlowNetwork.from_scenario(generated(num_flows=200)), slow_model(8, hidden=64)
    runs = [run(model, network, steps).fct_ns()[0].tolist() for steps in (1, 7, 1000, 1000)]
    assert all(one == other for one, other in itertools.pairwise(runs))


def test_it_does_no_more_steps_than_told():
    engine = CompiledEngine(export_weights(random_model(9)), two_flows())
    assert [(engine.run(1), engine.num_events) for _ in range(5)] == [
        (True, 1),
        (True, 2),
        (True, 3),
        (True, 4),
        (False, 4),
    ]
    assert engine.now_ns == max(engine.fct_ns()[0])


def pairs(num_pairs):
    """Flows of as many pairs of hosts, with two links of their own each, all at the same time."""
    sample = two_flows()
    flows = np.arange(num_pairs)
    return FlowNetwork(
        link_rate_bps=np.full(2 * num_pairs, 10**10),
        link_delay_ns=np.full(2 * num_pairs, 1000),
        link_kind=np.tile(np.array([1, 2], np.int8), num_pairs),
        size_bytes=np.full(num_pairs, 100_000),
        start_ns=flows,
        ideal_fct_ns=np.full(num_pairs, 90_000),
        route_ptr=2 * np.arange(num_pairs + 1),
        route_links=np.arange(2 * num_pairs, dtype=np.int32),
        link_src=np.arange(2 * num_pairs, dtype=np.int32),
        link_dst=np.arange(2 * num_pairs, dtype=np.int32) + 1,
        node_pool_bytes=np.zeros(2 * num_pairs + 1),
        configuration=sample.configuration,
        window_bytes=sample.window_bytes,
        payload_bytes=sample.payload_bytes,
        paper_configuration=sample.paper_configuration,
    )


def test_an_event_costs_the_same_however_many_flows_are_under_way():
    model = FlowLinkModel()  # whose flows all take their ideal time
    run(model, pairs(4))
    cost_s = {}
    for num_pairs in (50, 5000):
        network, times = pairs(num_pairs), []
        for _ in range(12 if num_pairs == 50 else 3):
            engine = CompiledEngine(export_weights(model), network)
            began = time.thread_time()
            engine.run(2 * num_pairs)
            times.append((time.thread_time() - began) / (2 * num_pairs))
            assert engine.num_departed == num_pairs
        cost_s[num_pairs] = min(times)
    # The states of 10 000 links lie in a slower cache than those of 100.
    assert cost_s[5000] < 2 * cost_s[50]
