"""The two model families of examples/baselines: their models, their trainings, their simulators."""

from __future__ import annotations

import importlib
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from torch_geometric.data import Batch

import m4graph as m4
from m4graph.checkpoint import MODELS, read_config
from m4graph.core.errors import ConfigError
from m4graph.datasets import FlowTableDataset
from m4graph.graph import event_snapshots
from m4graph.graph.schema import CROSSED_BY, FLOW, LINK
from m4graph.metrics import error_summary
from m4graph.runs import LabelledRun
from m4graph.simulators import SIMULATORS
from m4graph.testing import check_simulator, tiny_scenario

BASELINES = Path(__file__).parents[1] / "examples" / "baselines"
SAMPLE = Path(__file__).parents[1] / "datasets" / "sample" / "raw"
TINY = Path(__file__).parents[1] / "datasets" / "tiny"
SUITE = """
name: one
scenarios:
  - name: star
    topology: {kind: star, num_hosts: 5, gbps: 10, delay_ns: 1000}
    workload: {kind: generated, sizes: web_server, load: 0.6, num_flows: 60}
    congestion_control: dctcp
"""


@pytest.fixture(autouse=True)
def baselines(monkeypatch):
    """The package, its names registered for one test."""
    for registry in (MODELS, SIMULATORS):
        monkeypatch.setattr(registry, "_objects", dict(registry._objects))
        monkeypatch.setattr(registry, "_display", dict(registry._display))
    monkeypatch.syspath_prepend(str(BASELINES))
    package = importlib.import_module("m4graph_baselines")
    package.register()
    return package


@pytest.fixture
def data(tmp_path):
    """A copy of the smallest data set, of three runs."""
    folder = tmp_path / "data"
    shutil.copytree(TINY / "raw", folder / "raw")
    for name in ("config.yaml", "manifest.json"):
        shutil.copy(TINY / name, folder)
    return folder


@pytest.fixture
def snapshots():
    """Two snapshots of arrivals; fluid's slowdowns are made up."""
    found = [data for data in event_snapshots(tiny_scenario()) if data.event_kind == 0]
    chosen = sorted(found, key=lambda data: -data[FLOW].num_nodes)[:2]
    for data in chosen:
        data[FLOW].log_fluid_slowdown = torch.linspace(0.1, 0.7, data[FLOW].num_nodes)
    return chosen


@pytest.fixture
def route_net(baselines):
    """A RouteNet whose last layer is not zero."""
    with torch.random.fork_rng():
        torch.manual_seed(5)
        model = baselines.RouteNet(hidden_channels=6, num_iterations=2)
        torch.nn.init.normal_(model.head[-1].weight)
    return model.eval()


def by_hand(model, data):
    """RouteNet, one flow and one hop after the other."""

    def cell(gru, x, h):
        (reset_x, keep_x, new_x) = (x @ gru.w_ih.T + gru.b_ih).chunk(3)
        (reset_h, keep_h, new_h) = (h @ gru.w_hh.T + gru.b_hh).chunk(3)
        keep = torch.sigmoid(keep_x + keep_h)
        new = torch.tanh(new_x + torch.sigmoid(reset_x + reset_h) * new_h)
        return (1 - keep) * new + keep * h

    class Weights:
        def __init__(self, module, ending):
            for name in ("w_ih", "w_hh", "b_ih", "b_hh"):
                long = name.replace("w_", "weight_").replace("b_", "bias_") + ending
                setattr(self, name, getattr(module, long))

    along, link_cell = Weights(model.along_route, "_l0"), Weights(model.link_cell, "")
    x = torch.cat((data[FLOW].x, data[FLOW].log_fluid_slowdown[:, None]), 1)
    flow_h, link_h = list(model.flow_encoder(x)), list(model.link_encoder(data[LINK].x))
    hops = data[CROSSED_BY].edge_index.T.tolist()
    for _ in range(model.config["num_iterations"]):
        heard = [torch.zeros(6) for _ in link_h]
        for link, flow in hops:
            flow_h[flow] = cell(along, link_h[link], flow_h[flow])
            heard[link] = heard[link] + flow_h[flow]
        link_h = [cell(link_cell, *pair) for pair in zip(heard, link_h, strict=True)]
    ratio = model.head(torch.cat((torch.stack(flow_h), x), 1))[:, 0]
    return data[FLOW].log_fluid_slowdown + ratio


def test_routenet_reads_routes_hop_by_hop(route_net, snapshots):
    for data in snapshots:
        assert len(data[CROSSED_BY].edge_index.T) > 2 * data[FLOW].num_nodes > 2
        torch.testing.assert_close(route_net(data), by_hand(route_net, data), rtol=0, atol=2e-6)


def test_routenet_sees_no_other_graph_of_a_batch(route_net, snapshots):
    together = route_net(Batch.from_data_list(snapshots))
    alone = torch.cat([route_net(data) for data in snapshots])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-6)


def test_an_untrained_routenet_says_what_fluid_says(baselines, snapshots):
    scenario = tiny_scenario()
    guess = m4.simulate(scenario, "routenet", model=baselines.RouteNet())
    fluid = m4.simulate(scenario, "fluid")
    assert (np.abs(guess.fct_ns - fluid.fct_ns) <= 1e-6 * fluid.fct_ns + 1).all()
    assert fluid.slowdown.max() > 1.2


def test_trees_are_those_of_sklearn(baselines):
    ensemble = pytest.importorskip("sklearn.ensemble")
    random = np.random.default_rng(3)
    num_columns = len(FlowTableDataset.columns)
    # Few values, so that many of them are next to a threshold.
    x = random.integers(-3, 4, (500, num_columns)).astype(np.float32) / 7
    y = np.sin(3 * x[:, 1]) + x[:, 2] * x[:, 5] + random.normal(0, 0.1, len(x))
    regressor = ensemble.HistGradientBoostingRegressor(
        loss="absolute_error", max_iter=20, max_leaf_nodes=9, random_state=0
    ).fit(x, y)
    model = baselines.FlowTrees.from_sklearn(regressor)
    assert model.config["num_trees"] == 20
    got = model(torch.from_numpy(x)).numpy() - x[:, 0]
    np.testing.assert_allclose(got, regressor.predict(x), rtol=0, atol=2e-6)


def test_thresholds_between_two_float32(baselines):
    flow_table = importlib.import_module("m4graph_baselines.flow_table")
    above = np.nextafter(np.float32(0.1), np.float32(1))
    exact = np.array([0.1, float(np.float32(0.1)), float(above) - 1e-12, np.inf, -2.0])
    wanted = np.array([np.float32(0.1), 0.1, 0.1, np.inf, -2.0], np.float32)
    wanted[0] = np.nextafter(np.float32(0.1), np.float32(0))  # float32(0.1) is above 0.1
    np.testing.assert_array_equal(flow_table.float32_below(exact), wanted)


@pytest.mark.parametrize("name", ["routenet", "flow_table"])
def test_simulators_conform(name):
    """With the trained models, which are not exact for a lone flow."""
    check_simulator(name, tolerance=0.1)


@pytest.mark.parametrize("name", ["routenet", "flow_table"])
def test_trained_models_are_better_than_fluid(name):
    """On runs of the sample, of the kind that they were trained for; neither has seen these."""
    own, fluid = [], []
    for run in ("run_000000", "run_000001", "run_000002", "run_000003"):
        scenario = m4.load_scenario(SAMPLE / f"{run}.yaml")
        truth = LabelledRun.load(SAMPLE / f"{run}.npz")
        true = truth.fct_ns / truth.network.ideal_fct_ns
        own.append(error_summary(m4.simulate(scenario, name).slowdown, true).mean_error)
        fluid.append(error_summary(m4.simulate(scenario, "fluid").slowdown, true).mean_error)
    assert np.mean(own) < 0.9 * np.mean(fluid)


def test_a_model_of_another_kind_is_refused(baselines):
    with pytest.raises(ConfigError, match=r"expected a RouteNet for simulator 'routenet'"):
        m4.simulate(tiny_scenario(), "routenet", model="m4graph")


def test_snapshots_hold_the_fluid_slowdowns(baselines, data):
    module = importlib.import_module("m4graph_baselines.snapshots")
    dataset = module.FluidSnapshots(data, "val")
    (run,) = set(dataset.snapshots.run_index())
    scenario = m4.load_scenario(data / "raw" / f"{dataset.snapshots.names[run]}.yaml")
    fluid = m4.simulate(scenario, "fluid").slowdown
    seen = {
        int(row): float(value)
        for item in dataset
        for row, value in zip(item[FLOW].n_id, item[FLOW].log_fluid_slowdown, strict=True)
    }
    assert sorted(seen) == list(range(scenario.num_flows))
    got = np.array([seen[row] for row in range(scenario.num_flows)])
    np.testing.assert_allclose(got, np.log(fluid), atol=1e-6)


def test_a_routenet_training_goes_on_where_it_stopped(data, tmp_path, monkeypatch, capsys):
    module = importlib.import_module("train_routenet")
    monkeypatch.setattr(module, "MAX_NODES", 300)
    monkeypatch.setattr(module, "STEPS_A_ROUND", 4)
    module.train(data, tmp_path / "straight", 2)

    run_round = module.Training.round

    def killed_in_the_second(training, loader):
        if training.done:
            raise KeyboardInterrupt
        run_round(training, loader)

    with monkeypatch.context() as patch:
        patch.setattr(module.Training, "round", killed_in_the_second)
        with pytest.raises(KeyboardInterrupt):
            module.train(data, tmp_path / "resumed", 2)
    assert [path.name for path in (tmp_path / "resumed").iterdir()] == ["last.pt"]
    with pytest.raises(ConfigError, match="--rounds: expected 2"):
        module.train(data, tmp_path / "resumed", 3)
    module.train(data, tmp_path / "resumed", 2)

    straight, resumed = (tmp_path / name / "model.safetensors" for name in ("straight", "resumed"))
    assert straight.read_bytes() == resumed.read_bytes()
    record = read_config(tmp_path / "resumed")
    assert record.training.steps == 8
    assert record.training_domain["num_runs"] == 2
    assert capsys.readouterr().out.count("on the validation runs") == 2


def test_a_table_training(data, tmp_path, capsys):
    pytest.importorskip("sklearn")
    module = importlib.import_module("train_flow_table")
    module.train(data, tmp_path / "trees", 5)
    assert "5 trees on 120 flows" in capsys.readouterr().err
    result = m4.simulate(tiny_scenario(), "flow_table", model=tmp_path / "trees")
    assert result.finished.all()
    metrics = read_config(tmp_path / "trees").metrics
    assert 0 < metrics["val_mean_error"] < 1


def test_compare(tmp_path, monkeypatch, capsys):
    module = importlib.import_module("compare")
    suite = tmp_path / "one.yaml"
    suite.write_text(SUITE)
    monkeypatch.setattr(module, "SUITES", {str(suite): 1.0})
    monkeypatch.setattr("sys.argv", ["compare.py", "--out", str(tmp_path / "out")])
    module.main()
    text = (tmp_path / "out" / "summary.md").read_text()
    for name in ("fluid", "flow_table", "routenet", "learned"):
        assert f" {name} |" in text
    assert (tmp_path / "out" / "errors.png").stat().st_size > 5_000
    assert "Tables and plots" in capsys.readouterr().out
