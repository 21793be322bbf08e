from __future__ import annotations

import json
import subprocess
import sys

import pytest
import torch
from torch import nn
from torch_geometric.nn import MessagePassing

import m4graph as m4
from m4graph.core.errors import ConfigError, InputError
from m4graph.graph import to_event_step
from m4graph.graph.schema import FLOW, FLOW_FEATURES, LINK, LINK_FEATURES
from m4graph.nn import CONVS, FlowLinkModel, PaperModel, export_arguments, export_model
from m4graph.nn.snapshot import stateful_snapshots

HIDDEN = 6

ALONE = """
import sys, json, torch
from pathlib import Path

folder = Path(sys.argv[1])
extra = {"m4graph.json": ""}
step = torch.export.load(folder / "model.pt2", extra_files=extra).module()
assert json.loads(extra["m4graph.json"])["format_version"] == 1
for arguments, expected in torch.load(folder / "cases.pt"):
    output = step(**arguments)
    assert output.keys() == expected.keys()
    output |= output.pop("extra")
    expected |= expected.pop("extra")
    for name, value in expected.items():
        torch.testing.assert_close(output[name], value, rtol=1e-6, atol=1e-6)
    print(len(output["log_slowdown"]))
strangers = {"m4graph", "torch_geometric", "numba"} & {name.split(".")[0] for name in sys.modules}
assert not strangers, strangers
"""


def random_model(**config):
    torch.manual_seed(0)
    model = FlowLinkModel(**{"hidden_channels": HIDDEN, "num_layers": 1, **config})
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.3)
    return model


@pytest.fixture(scope="module")
def steps():
    """Arguments of the model at events of all sizes: without a flow, alone, crowded."""
    network = m4.topology.leaf_spine(num_leaves=2, hosts_per_leaf=3, num_spines=1)
    workload = m4.workload.generate(network, "web_search", load=0.8, num_flows=60, seed=1)
    scenario = m4.Scenario(network, workload, "dctcp")
    result = m4.simulate(scenario, "fluid")
    found = {}
    for each in stateful_snapshots(random_model(), result):
        num_read = each[LINK].num_nodes - int(each[LINK].touched.sum())
        key = (min(each[FLOW].num_nodes, 6), min(num_read, 2))
        found[key] = (to_event_step(each), each[FLOW].state, each[LINK].state)
    assert {(0, 0), (1, 0), (6, 2)} <= found.keys()
    return list(found.values())


def test_alone_in_a_process_with_torch(steps, tmp_path):
    """Of the file, by torch alone: what the model says at events of all sizes."""
    model = random_model(extra_heads={"p90": "slowdown_quantile"}, num_layers=2).eval()
    export_model(model, tmp_path / "model.pt2")
    with torch.no_grad():
        cases = [(export_arguments(*each), model(*each)._asdict()) for each in steps]
    torch.save(cases, tmp_path / "cases.pt")
    done = subprocess.run(
        [sys.executable, "-I", "-c", ALONE, str(tmp_path)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    sizes = [int(line) for line in done.stdout.split()]
    assert sizes == [len(step.flow_ids) for step, *_ in steps]
    assert min(sizes) == 0
    assert max(sizes) >= 6


@pytest.mark.parametrize("conv", CONVS.names())
def test_every_layer_of_the_registry_can_be_exported(conv, steps, tmp_path):
    check(random_model(conv=conv), steps, tmp_path)


@pytest.mark.parametrize(
    "config",
    [{"conv": "gatv2", "heads": 2}, {"num_layers": 0, "time_cells": False, "prior": False}],
)
def test_models_of_other_parts(config, steps, tmp_path):
    check(random_model(**config), steps, tmp_path)


def check(model, steps, folder):
    """Exports a model, and compares the program with it."""
    model.train()
    export_model(model, folder / "model.pt2")
    assert model.training
    step = torch.export.load(folder / "model.pt2").module()
    for each in steps:
        with torch.no_grad():
            expected, output = model.eval()(*each)._asdict(), step(**export_arguments(*each))
        assert output.keys() == expected.keys()
        for name in expected.keys() - {"extra"}:
            torch.testing.assert_close(output[name], expected[name], rtol=1e-6, atol=1e-6)
    return step


def test_what_the_file_says_of_itself(tmp_path):
    model = random_model(num_layers=0)
    export_model(model, tmp_path / "model.pt2")
    assert [path.name for path in tmp_path.iterdir()] == ["model.pt2"]
    extra = {"m4graph.json": ""}
    torch.export.load(tmp_path / "model.pt2", extra_files=extra)
    metadata = json.loads(extra["m4graph.json"])
    assert metadata["flow_features"] == list(FLOW_FEATURES)
    assert metadata["link_features"] == list(LINK_FEATURES)
    assert metadata["model"]["config"] == model.config
    assert FlowLinkModel(**metadata["model"]["config"]).config == model.config
    assert metadata["inputs"]["flow_x"] == ["num_flows", len(FLOW_FEATURES)]
    assert metadata["provenance"]["torch"] == torch.__version__


class Asks(MessagePassing):
    """A layer that looks at its values to decide what to do."""

    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.lin = nn.Linear(in_channels[0], out_channels)

    def forward(self, x, edge_index):
        out = self.propagate(edge_index, x=x)
        return self.lin(out) if out.sum() > 0 else out


class Counts(Asks):
    """A layer that takes the number of its sources for a constant."""

    def forward(self, x, edge_index):
        return self.propagate(edge_index, x=x) / int(x[0].size(0) + 1)


@pytest.fixture
def registry(monkeypatch):
    monkeypatch.setattr(CONVS, "_objects", dict(CONVS._objects))
    monkeypatch.setattr(CONVS, "_display", dict(CONVS._display))
    return CONVS


@pytest.mark.parametrize("conv", [Asks, Counts])
def test_layers_that_torch_export_cannot_follow(conv, registry, tmp_path):
    registry.register("strange", conv)
    with pytest.raises(ConfigError, match=r"^model with conv 'strange': expected layers that .*"):
        export_model(random_model(conv=conv), tmp_path / "model.pt2")
    assert not list(tmp_path.iterdir())


def test_bad_models_and_places(registry, tmp_path):
    model = random_model()
    with pytest.raises(ConfigError, match=r"expected a FlowLinkModel .*PaperModel"):
        export_model(PaperModel(hidden_channels=4, gnn_channels=4), tmp_path / "model.pt2")
    with pytest.raises(ConfigError, match="conv Asks: expected a registered layer"):
        export_model(random_model(conv=Asks), tmp_path / "model.pt2")
    for path in (tmp_path / "model.onnx", tmp_path / "none" / "model.pt2"):
        with pytest.raises(InputError, match=r"expected a file ending in \.pt2, in a folder"):
            export_model(model, path)
    assert not list(tmp_path.iterdir())
