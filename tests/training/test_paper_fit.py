"""A whole training of the original's model: resumed to the same bits, used as a simulator."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import m4graph as m4
from m4graph.checkpoint import load_checkpoint
from m4graph.cli.app import main
from m4graph.core.yaml_file import Override
from m4graph.datasets.making.config import load_config
from m4graph.datasets.making.generation import generate
from m4graph.nn import PaperModel
from m4graph.training.config import load_train_config
from m4graph.training.fit import train
from m4graph.training.paper.config import PaperTrainConfig
from m4graph.training.paper.module import PaperTraining

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "configs" / "train" / "m4-paper.yaml"

SMALL = {
    "max_steps": 6,
    "warmup_steps": 1,
    "periods_per_batch": 3,
    "batches_per_episode": 2,
    "events_per_window": 20,
    "val_every_episodes": 2,
    "val_fraction": 0.34,
    "model.hidden_channels": 8,
    "model.gnn_channels": 8,
}


def small_config() -> PaperTrainConfig:
    overrides = [Override(name, str(value)) for name, value in SMALL.items()]
    config, _ = load_train_config(CONFIG, overrides)
    assert isinstance(config, PaperTrainConfig)
    return config


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few runs of the recipe that comes with the repository."""
    few = [Override("num_scenarios", "3"), Override("scenario.workload.num_flows", "80")]
    folder = tmp_path_factory.mktemp("data") / "m4-paper"
    generate(load_config(ROOT / "configs" / "generate" / "m4-paper.yaml", few), folder, jobs=1)
    return folder


@pytest.fixture(scope="module")
def finished(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "finished"
    train(small_config(), data, out)
    return out


def test_the_checkpoint_says_what_it_is(finished: Path) -> None:
    card = (finished / "checkpoint" / "card.md").read_text()
    assert "`PaperModel`, the original m4 (8 channels, 3 layers of `SAGEConv`" in card
    assert "6 optimiser steps" in card
    config = json.loads((finished / "checkpoint" / "config.json").read_text())
    assert config["model"]["class"] == "m4_paper"
    assert set(config["training_domain"]["congestion_control"]) == {"dctcp", "dcqcn", "timely"}
    model = load_checkpoint(finished / "checkpoint")
    assert isinstance(model, PaperModel)
    assert model.hidden_channels == 8
    for value in model.state_dict().values():  # stored as float16
        assert torch.equal(value, value.half().float())


def test_resumed_equals_uninterrupted(
    data: Path, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = PaperTraining.training_step

    def interrupted(self, batch, batch_idx):
        if self.global_step >= 3:
            raise KeyboardInterrupt
        return step(self, batch, batch_idx)

    with monkeypatch.context() as patch:
        patch.setattr(PaperTraining, "training_step", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train(small_config(), data, tmp_path / "run")
    train(small_config(), data, tmp_path / "run", resume=True)
    expected = load_checkpoint(finished / "checkpoint").state_dict()
    for name, value in load_checkpoint(tmp_path / "run" / "checkpoint").state_dict().items():
        torch.testing.assert_close(value, expected[name], rtol=0, atol=0)


def test_training_moves_every_weight(finished: Path) -> None:
    saved = torch.load(finished / "last.ckpt", weights_only=True)["state_dict"]
    torch.manual_seed(0)
    first = PaperModel(hidden_channels=8, gnn_channels=8).state_dict()
    for name, value in first.items():
        assert not torch.equal(saved[f"model.{name}"], value), name


def test_the_checkpoint_simulates(
    data: Path, finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scenario = ROOT / "configs" / "scenarios" / "incast.yaml"
    arguments = ["--simulator", "learned", "--model", str(finished / "checkpoint")]
    assert main(["simulate", str(scenario), *arguments, "--out", str(tmp_path / "out")]) == 0
    capsys.readouterr()
    assert (tmp_path / "out" / "fct.csv").exists()
    loaded = m4.load_scenario(scenario)
    simulator = m4.simulators.build_simulator("learned", model=finished / "checkpoint")
    first, second = simulator.run(loaded), simulator.run(loaded)
    np.testing.assert_array_equal(first.fct_ns, second.fct_ns)
    assert (first.fct_ns >= first.ideal_fct_ns).all()


def test_a_session_equals_a_run(finished: Path) -> None:
    network = m4.topology.star(num_hosts=4, gbps=10, delay_ns=1000)
    flows = m4.workload.generate(network, sizes="web_server", load=0.6, num_flows=30, seed=1)
    scenario = m4.Scenario(network, flows, "dctcp")
    model = load_checkpoint(finished / "checkpoint")
    whole = m4.simulate(scenario, "learned", model=model)
    session = m4.open_session(network, "learned", "dctcp", model=model)
    ids = [
        session.add_flow(int(src), int(dst), int(size), start_ns=int(start))
        for src, dst, size, start in zip(
            flows.src, flows.dst, flows.size_bytes, flows.start_ns, strict=True
        )
    ]
    done = {completion.flow_id: completion.fct_ns for completion in session.run()}
    assert [done[each] for each in ids] == whole.fct_ns.tolist()


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        (
            "model.kind=m5",
            "model.kind: unknown model to train: expected one of flow_link, m4_paper",
        ),
        ("model.num_layers=0", "model.num_layers"),
        ("streams.free=1", "streams"),
        ("precision=fp8", "precision"),
    ],
)
def test_bad_settings_are_named(
    setting: str, expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["train", str(CONFIG), "--set", setting, "--out", str(tmp_path / "out")]
    assert main(arguments) == 2
    assert expected in capsys.readouterr().err
