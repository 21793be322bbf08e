"""Flows that are two links away from an event, against the fluid simulator."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import m4graph as m4
from m4graph.learned.compiled import CompiledEngine, export_weights
from m4graph.learned.torch_engine import TorchEngine
from m4graph.nn import FlowLinkModel
from m4graph.runs import FlowNetwork, LabelledRun
from m4graph.simulators.fluid import fluid_fct_ns
from m4graph.training.episode import Episode

from .conftest import follow, scenario_of

MB = 10**6
NO_WINDOW = {"kind": "dctcp", "init_window_bytes": None}


def compiled(network):
    return CompiledEngine(export_weights(FlowLinkModel()), network)


def torch_engine(network, plain=False):
    engine = TorchEngine(FlowLinkModel(), [network])
    engine._agenda.plain[:] = plain
    return engine


def fct_ns(engine):
    while engine.run(1000):
        pass
    return engine.fct_ns()[0]


def network_of(flows):
    """Long flows whose windows fill the pipe: a new model says of them what fair rates do."""
    return FlowNetwork.from_scenario(scenario_of(flows, kind=NO_WINDOW))


# While the third flow is there, the second has a third of its host's link, and the first has two
# thirds of the link that they share. Nobody asks about the first when others join the second.
CHAIN = [(0, 1, 10 * MB, 0), (2, 1, 10 * MB, 0), (2, 3, 2 * MB, 0), (2, 3, 10 * MB, 0)]


@pytest.mark.parametrize("engine", [compiled, torch_engine])
def test_a_flow_two_links_away_follows(engine):
    network = network_of(CHAIN)
    # 2 MB at a third of 10 Gb/s; then all at half of it: 6 MB of the first are left.
    drained_ns = 3 * 2 * MB * 0.8 + 2 * 6 * MB * 0.8
    predicted = fct_ns(engine(network))
    assert predicted[0] == pytest.approx(drained_ns * 1.048, rel=0.02)  # headers of 48 bytes
    assert predicted == pytest.approx(fluid_fct_ns(network), rel=2e-3)


def test_without_the_rule_it_does_not():
    network = network_of(CHAIN)
    assert fct_ns(torch_engine(network, plain=True))[0] > 1.1 * fluid_fct_ns(network)[0]


def test_training_runs_free_by_the_same_rule():
    """And leaves departures that are given as they are."""
    network, model = network_of(CHAIN), FlowLinkModel()
    expected = fluid_fct_ns(network)
    result = m4.simulate(scenario_of(CHAIN, kind=NO_WINDOW), "packet", labels=True)
    run = LabelledRun.from_result(result)
    for departures in (None, run.fct_ns):
        episode = Episode([run], [departures])
        follow(episode, model)
        took_ns = episode._agenda.finish_ns - network.start_ns
        if departures is None:
            assert took_ns == pytest.approx(expected, rel=2e-3)
        else:
            assert took_ns.tolist() == run.fct_ns.tolist()


@settings(max_examples=30, deadline=None)
@example(flows=CHAIN)
@given(
    flows=st.lists(
        st.tuples(st.integers(0, 3), st.integers(1, 3), st.integers(2, 30), st.integers(0, 20)).map(
            lambda f: (f[0], (f[0] + f[1]) % 4, f[2] * MB // 2, f[3] * 500_000)
        ),
        min_size=2,
        max_size=10,
    )
)
def test_long_flows_go_at_fair_rates(flows):
    network = network_of(sorted(flows, key=lambda flow: flow[3]))
    expected = fluid_fct_ns(network)
    assert np.abs(fct_ns(compiled(network)) / expected - 1.0).max() < 5e-3
