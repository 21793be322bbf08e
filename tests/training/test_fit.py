"""A whole training, interrupted and resumed, and what bad input is told."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from m4graph.checkpoint import load_checkpoint
from m4graph.cli.app import main
from m4graph.core.errors import InputError
from m4graph.core.yaml_file import Override, read_yaml
from m4graph.learned.domain import trained_controls
from m4graph.training.config import TrainConfig, load_train_config
from m4graph.training.fit import train
from m4graph.training.module import FlowLinkTraining
from m4graph.training.publish import training_domain

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "configs" / "train" / "tiny.yaml"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "tiny"
    shutil.copytree(ROOT / "datasets" / "tiny", folder)
    return folder


@pytest.fixture(scope="module")
def finished(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    config, _ = load_train_config(CONFIG)
    out = tmp_path_factory.mktemp("runs") / "finished"
    train(config, data, out)
    return out


def test_a_run_folder_explains_itself(finished: Path) -> None:
    split = json.loads((finished / "split.json").read_text())
    assert len(split["train"]) == 2
    assert len(split["val"]) == 1
    assert not set(split["train"]) & set(split["val"])
    assert list((finished / "csv").glob("*/metrics.csv"))
    assert list((finished / "logs").glob("events.out.tfevents*"))
    card = (finished / "checkpoint" / "card.md").read_text()
    assert "12 optimiser steps" in card


def test_a_checkpoint_knows_its_domain(data: Path, finished: Path) -> None:
    domain = json.loads((finished / "checkpoint" / "config.json").read_text())["training_domain"]
    scenario = read_yaml(data / "config.yaml")["scenario"]
    assert domain == {"congestion_control": "dctcp", "scenario": scenario}
    assert trained_controls(finished / "checkpoint") == {"dctcp"}


@pytest.mark.parametrize(
    "block",
    [
        {"kind": {"choice": ["dctcp", "HPCC", "dctcp"], "weights": [1, 2, 1]}},
        {"choice": ["dctcp", {"kind": "hpcc", "eta": {"uniform": [0.9, 0.98]}}]},
        {"choice": [{"kind": {"choice": ["dctcp", "hpcc"]}}]},
        {"depends_on": "topology.kind", "cases": {"star": "dctcp", "clos": {"kind": "hpcc"}}},
    ],
)
def test_a_domain_lists_every_kind(block: dict[str, object]) -> None:
    scenario = {"congestion_control": block}
    expected = {"congestion_control": ["dctcp", "hpcc"], "scenario": scenario}
    assert training_domain(scenario) == expected


def test_training_changes_the_model_and_lowers_the_loss(finished: Path) -> None:
    model = load_checkpoint(finished / "checkpoint")
    assert model.hidden_channels == 16
    assert model.slowdown_head[-1].weight.abs().max() > 0


def test_resumed_equals_uninterrupted(
    data: Path, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, _ = load_train_config(CONFIG)
    check_resumed(config, data, finished, tmp_path, monkeypatch)


def test_resumed_on_blank_states(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model's own departures are those of the episode's start, whenever that is."""
    config, _ = load_train_config(CONFIG, [Override("blank_episodes", "2")])
    train(config, data, tmp_path / "whole")
    check_resumed(config, data, tmp_path / "whole", tmp_path, monkeypatch)


def check_resumed(
    config: TrainConfig,
    data: Path,
    finished: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A training that is interrupted in its second episode ends as one that is not."""
    step = FlowLinkTraining.training_step

    def interrupted(self, window, batch_idx):
        if self.global_step >= 10:
            raise KeyboardInterrupt
        return step(self, window, batch_idx)

    with monkeypatch.context() as patch:
        patch.setattr(FlowLinkTraining, "training_step", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train(config, data, tmp_path / "run")
    assert (tmp_path / "run" / "last.ckpt").exists()
    train(config, data, tmp_path / "run", resume=True)
    expected = load_checkpoint(finished / "checkpoint").state_dict()
    for name, value in load_checkpoint(tmp_path / "run" / "checkpoint").state_dict().items():
        torch.testing.assert_close(value, expected[name], rtol=0, atol=0)


def test_a_training_is_not_overwritten(data: Path, finished: Path, tmp_path: Path) -> None:
    config, _ = load_train_config(CONFIG)
    with pytest.raises(InputError, match="go on with --resume"):
        train(config, data, finished)
    with pytest.raises(InputError, match=r"last\.ckpt: expected a training to resume"):
        train(config, data, tmp_path, resume=True)


def _flip(content: bytes) -> bytes:
    """Changes the last bit of the largest tensor."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        largest = max(archive.infolist(), key=lambda member: member.file_size)
        tensor = archive.read(largest)
    last = content.index(tensor) + len(tensor) - 1
    return content[:last] + bytes([content[last] ^ 1]) + content[last + 1 :]


@pytest.mark.parametrize("damage", [lambda content: b"", lambda content: content[:-900], _flip])
def test_a_damaged_state_is_not_gone_on_with(
    data: Path, finished: Path, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    config, _ = load_train_config(CONFIG)
    last = tmp_path / "run" / "last.ckpt"
    shutil.copytree(finished, tmp_path / "run")
    last.write_bytes(damage(last.read_bytes()))
    with pytest.raises(InputError, match=r"last\.ckpt: expected the state of a training") as caught:
        train(config, data, tmp_path / "run", resume=True)
    assert "\n" not in str(caught.value)
    torch.save({"state_dict": {}}, last)
    with pytest.raises(InputError, match=r"\(got something else\)"):
        train(config, data, tmp_path / "run", resume=True)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["missing.yaml"], "missing.yaml: expected a file"),
        ([str(CONFIG), "--set", "max_stepz=3"], "max_stepz"),
        ([str(CONFIG), "--set", "max_steps=0"], "max_steps"),
        ([str(CONFIG), "--set", "lr=-1"], "lr"),
        ([str(CONFIG), "--set", "model.conv=nonsense"], "nonsense"),
        ([str(CONFIG), "--set", "streams.exact=-1"], "streams.exact"),
        ([str(CONFIG), "--set", "data=nowhere"], "nowhere"),
        ([str(CONFIG), "--set", "val_fraction=1.5"], "val_fraction"),
    ],
)
def test_bad_input_is_one_line(
    arguments: list[str], expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", *arguments, "--out", str(tmp_path / "out")]) == 2
    message = capsys.readouterr().err
    assert expected in message
    assert len(message.strip().splitlines()) == 1
    assert "Traceback" not in message
