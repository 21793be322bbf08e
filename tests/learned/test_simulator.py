from __future__ import annotations

import dataclasses
import itertools
import json
import math
import re
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_geometric.nn import SAGEConv

import m4graph as m4
from m4graph.checkpoint import save_checkpoint
from m4graph.core.errors import CheckpointError, ConfigError, SimulationError
from m4graph.graph.schema import MOST_LOG_RATIO
from m4graph.learned import LearnedSimulator
from m4graph.learned.torch_engine import TorchEngine
from m4graph.nn import FlowLinkModel
from m4graph.runs import FlowNetwork

from .conftest import generated, random_model, scenario_of


class SlowLayer(SAGEConv):
    """A layer without a name in the registry."""


flows = st.lists(
    st.tuples(
        st.sampled_from([(a, b) for a in range(4) for b in range(4) if a != b]),
        st.integers(1, 300_000),
        st.integers(0, 200_000),
    ).map(lambda flow: (*flow[0], flow[1], flow[2])),
    min_size=1,
    max_size=12,
)


def event_times(model, scenario):
    """The engine after a run, and the times of its events."""
    engine = TorchEngine(model, [FlowNetwork.from_scenario(scenario)])
    times, step = [], engine._tracker.step

    def spy(events):
        times.extend(events["time_ns"].tolist())
        return step(events)

    engine._tracker.step = spy
    while engine.run(7):
        pass
    return engine, times


@settings(max_examples=40, deadline=None)
@given(flows=flows, seed=st.integers(0, 100), scale=st.sampled_from([0.1, 0.5, 3.0]))
def test_any_model_runs_to_the_end(flows, seed, scale):
    scenario = scenario_of(flows)
    engine, times = event_times(random_model(seed, scale), scenario)
    assert engine.num_events == len(times) == 2 * len(flows)
    assert engine.num_departed == len(flows)
    assert all(earlier <= later for earlier, later in itertools.pairwise(times))
    fct_ns = engine.fct_ns()[0]
    assert (fct_ns >= scenario.ideal_fct_ns).all()
    finish_ns = np.sort(scenario.workload.start_ns + fct_ns)
    assert set(finish_ns) <= set(times)


@pytest.mark.parametrize("engine", ["torch", "compiled"])
@settings(max_examples=15, deadline=None)
@given(flows=flows, seed=st.integers(0, 100))
def test_the_same_run_gives_the_same_bits(engine, flows, seed):
    scenario, options = scenario_of(flows), {"model": random_model(seed), "engine": engine}
    first, second = (m4.simulate(scenario, "learned", **options) for _ in range(2))
    assert first.fct_ns.tolist() == second.fct_ns.tolist()


@pytest.mark.parametrize("size_bytes", [1, 1500, 100_000, 30_000_000])
def test_a_lone_flow_of_a_new_model_takes_its_ideal_time(size_bytes):
    scenario = scenario_of([(0, 1, size_bytes, 500), (2, 3, size_bytes, 700)])
    result = m4.simulate(scenario, "learned", model=FlowLinkModel(hidden_channels=8))
    assert result.slowdown.tolist() == [1.0, 1.0]


def test_a_new_model_answers_with_the_prior():
    # Long flows, one after the other, and two at once: max-min fair.
    starts = [0, 10_000_000, 20_000_000, 20_000_000]
    scenario = scenario_of(
        [(src, 3, 1_000_000, t) for src, t in zip([0, 1, 0, 1], starts, strict=True)]
    )
    result = m4.simulate(scenario, "learned", model=FlowLinkModel(hidden_channels=8))
    fluid = m4.simulate(scenario, "fluid")
    assert result.slowdown == pytest.approx(fluid.slowdown, rel=2e-3)
    assert result.slowdown[3] > 1.9


def test_the_result(scenario, model):
    seen = []
    result = LearnedSimulator(model).run(scenario, lambda *done: seen.append(done))
    assert result.simulator == "learned"
    assert result.scenario is scenario
    assert result.num_finished == scenario.num_flows
    assert result.num_events == 2 * scenario.num_flows
    assert result.flow_id.tolist() == scenario.workload.id.tolist()
    assert result.summary()["extra"]["model"] == "FlowLinkModel"
    assert 0 < result.wall_s < 60
    assert seen[-1] == (scenario.num_flows, scenario.num_flows)


@pytest.mark.parametrize("engine", ["torch", "compiled"])
def test_side_by_side_is_the_same_as_alone(model, engine):
    scenarios = [generated(seed, num_flows=20 + 20 * seed) for seed in range(3)]
    scenarios.insert(1, scenario_of([]))
    simulator = LearnedSimulator(model, engine=engine)
    together = simulator.run_batch(scenarios)
    assert [result.scenario for result in together] == scenarios
    for scenario, result in zip(scenarios, together, strict=True):
        alone = simulator.run(scenario)
        assert result.num_events == alone.num_events == 2 * scenario.num_flows
        # Float32 in other places of a matrix product: see LearnedSimulator.
        assert result.slowdown == pytest.approx(alone.slowdown, rel=1e-3)
    assert simulator.run_batch([]) == []


def test_batches_by_name(model):
    scenarios = [generated(1, 10), generated(2, 10)]
    results = m4.simulate_batch(scenarios, "learned", model=model)
    assert [result.scenario.name for result in results] == ["case 1", "case 2"]
    assert results[0].slowdown.tolist() != results[1].slowdown.tolist()


def test_no_flows(model):
    result = m4.simulate(scenario_of([]), "learned", model=model)
    assert (result.num_flows, result.num_events) == (0, 0)


def test_the_model_is_copied(scenario, model):
    model.train()
    simulator = LearnedSimulator(model)
    before = simulator.run(scenario).fct_ns
    assert model.training
    torch.nn.init.constant_(model.slowdown_head[-1].bias, 5.0)
    assert (simulator.run(scenario).fct_ns == before).all()
    assert (LearnedSimulator(model).run(scenario).fct_ns != before).any()


@pytest.mark.parametrize("engine", ["torch", "compiled"])
def test_a_model_that_says_no_number(engine, model):
    torch.nn.init.constant_(model.slowdown_head[-1].bias, float("nan"))
    scenario = scenario_of([(0, 1, 1000, 90), (0, 1, 1000, 50)], ids=[11, 12])
    message = r"scenario 'star', flow 12: expected model FlowLinkModel to predict .* \(got "
    with pytest.raises(SimulationError, match=message):
        m4.simulate(scenario, "learned", model=model, engine=engine)
    with pytest.raises(SimulationError, match=message):
        m4.simulate_batch([scenario_of([]), scenario], "learned", model=model, engine=engine)


@pytest.mark.parametrize("engine", ["torch", "compiled"])
def test_no_prediction_is_far_from_the_estimate(engine, model):
    torch.nn.init.constant_(model.slowdown_head[-1].bias, float("inf"))
    # So many that the limit of all flows one after the other, see agenda.py, is further off; under
    # TCP, as a lone flow takes its least time otherwise, see latest.py.
    flows = [(0, 1, 1000, start_ns) for start_ns in range(0, 40_000_000, 1_000_000)]
    lone = scenario_of(flows, kind="newreno")
    result = m4.simulate(lone, "learned", model=model, engine=engine)
    assert result.slowdown == pytest.approx(np.full(40, math.exp(MOST_LOG_RATIO)), rel=1e-3)


@pytest.mark.parametrize("engine", ["torch", "compiled"])
def test_ctrl_c_stops_it(scenario, model, engine):
    def interrupt(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        LearnedSimulator(model, engine=engine).run(scenario, interrupt)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            {"engine": "fast"},
            ConfigError,
            r"engine: expected one of auto, torch, compiled \(got 'fast'\)",
        ),
        ({"device": "toaster"}, ConfigError, "device: expected cpu, or cuda"),
        ({"model": 3}, ConfigError, r"model: expected a name, a path or an nn.Module \(got 3\)"),
        ({"model": torch.nn.Linear(1, 1)}, ConfigError, "model Linear: expected one that runs on"),
        ({"model": "/no/such/folder"}, CheckpointError, "/no/such/folder: expected the folder"),
    ],
)
def test_bad_options(options, error, message):
    with pytest.raises(error, match=message):
        LearnedSimulator(**{"model": random_model(0)} | options)


@pytest.mark.parametrize(
    ("options", "got"),
    [
        ({"conv": "gat"}, "one with conv 'gat'"),
        ({"conv": SlowLayer}, "one with conv 'SlowLayer'"),
        ({"project": True}, "one whose conv has the options {'project': True}"),
    ],
)
def test_what_the_compiled_engine_cannot_run(options, got, scenario):
    model = random_model(0, **options)
    message = (
        rf"engine: expected torch or auto for model FlowLinkModel; .* \(got {re.escape(got)}\)"
    )
    with pytest.raises(ConfigError, match=message):
        LearnedSimulator(model, engine="compiled")
    assert LearnedSimulator(model).run(scenario).extra["engine"] == "torch"


def test_a_model_of_other_features_is_not_compiled():
    model = random_model(0, flow_channels=3, link_channels=2)
    with pytest.raises(ConfigError, match=r"\(got one for 3 flow and 2 link features\)"):
        LearnedSimulator(model, engine="compiled")


def test_a_subclass_may_differ(scenario):
    class Stranger(FlowLinkModel):
        pass

    with pytest.raises(ConfigError, match=r"compiled runs a FlowLinkModel .* \(got a Stranger\)"):
        LearnedSimulator(Stranger(hidden_channels=8), engine="compiled")
    assert LearnedSimulator(Stranger(hidden_channels=8)).run(scenario).extra["engine"] == "torch"


def test_auto_compiles_the_standard_model(scenario, model):
    auto, compiled = (LearnedSimulator(model, engine=e).run(scenario) for e in ("auto", "compiled"))
    assert auto.extra["engine"] == compiled.extra["engine"] == "compiled"
    assert (auto.fct_ns == compiled.fct_ns).all()
    assert compiled.compile_s > 0


def test_an_empty_zoo(zoo, scenario):
    with pytest.raises(CheckpointError, match="the zoo is empty"):
        m4.simulate(scenario, "learned")
    with pytest.raises(CheckpointError, match="model 'best': expected a name of the zoo"):
        m4.simulate(scenario, "learned", model="best")


@pytest.fixture
def saved(model, metadata, tmp_path):
    """Writes a checkpoint that has seen some congestion controls; gives its path."""

    def save(**domain):
        path = tmp_path / "saved"
        save_checkpoint(path, model, metadata | {"training_domain": {"load": 1.0, **domain}}, "# M")
        return path

    return save


def test_a_checkpoint_gives_what_its_model_gives(saved, model, scenario):
    path = saved()
    result = m4.simulate(scenario, "learned", model=path, device="cpu")
    assert (result.fct_ns == m4.simulate(scenario, "learned", model=model).fct_ns).all()
    assert result.extra["model"] == str(path)


@pytest.mark.parametrize("seen", ["hpcc", ["hpcc", "timely"]])
def test_a_congestion_control_that_the_model_has_not_seen(saved, scenario, seen):
    simulator = LearnedSimulator(saved(congestion_control=seen))
    with pytest.warns(
        UserWarning, match=r"trained on .*hpcc.*; its predictions for dctcp"
    ) as found:
        simulator.run_batch([scenario, scenario])
    assert len(found) == 1


@pytest.mark.parametrize("domain", [{}, {"congestion_control": ["hpcc", "dctcp"]}])
def test_no_warning_without_reason(saved, scenario, domain):
    simulator = LearnedSimulator(saved(**domain))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert simulator.run(scenario).num_finished == scenario.num_flows


def test_command_line(saved, tmp_path, capsys):
    from m4graph.cli.app import main

    m4.save_scenario(generated(num_flows=5), tmp_path / "scenario")
    arguments = ["simulate", str(tmp_path / "scenario"), "--simulator", "learned"]
    for engine in ("auto", "torch", "compiled"):
        out = tmp_path / engine
        assert (
            main([*arguments, "--model", str(saved()), "--engine", engine, "--out", str(out)]) == 0
        )
        assert len((out / "fct.csv").read_text().splitlines()) == 6
        summary = json.loads((out / "summary.json").read_text())
        assert summary["extra"]["engine"] == engine.replace("auto", "compiled")
    assert main([*arguments, "--model", str(tmp_path / "none")]) == 2
    assert "expected the folder of a checkpoint" in capsys.readouterr().err


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_a_gpu(scenario, model):
    ours, theirs = (LearnedSimulator(model, device=d).run(scenario) for d in ("cuda", "cpu"))
    assert ours.slowdown == pytest.approx(theirs.slowdown, rel=1e-2)


def test_frozen_networks_are_not_changed(scenario, model):
    network = FlowNetwork.from_scenario(scenario)
    before = {key: value.copy() for key, value in dataclasses.asdict(network).items()}
    TorchEngine(model, [network]).run(50)
    for key, value in before.items():
        assert (getattr(network, key) == value).all(), key
