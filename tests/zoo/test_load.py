from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import m4graph as m4
from m4graph.core.errors import CheckpointError, ConfigError
from m4graph.zoo import default_model_name, list_models, load_model, model_card, model_info
from m4graph.zoo.release import add_to_zoo


@pytest.fixture
def filled(zoo, checkpoint):
    add_to_zoo(checkpoint, "toy-1", "The first.")
    add_to_zoo(checkpoint, "toy-2", "The second.", default=True)
    return zoo


def weights_of(model):
    return model.lin.weight.tolist()


def test_by_name_by_path_and_by_default(filled, checkpoint):
    expected = weights_of(load_model(checkpoint))
    for model in ("toy-1", None, str(checkpoint), filled / "weights" / "toy-2"):
        loaded = load_model(model)
        assert weights_of(loaded) == expected
        assert not loaded.training


def test_the_facade(filled):
    assert m4.load_model is load_model
    assert m4.load_model("toy-1", device="cpu").lin.weight.device == torch.device("cpu")


def test_a_name_stands_before_a_folder_of_that_name(filled, checkpoint, monkeypatch, toy):
    monkeypatch.chdir(checkpoint.parent)
    shutil.copytree(checkpoint, "toy-1")
    Path("toy-1/config.json").write_text("{}")
    load_model("toy-1")
    with pytest.raises(CheckpointError, match="format_version"):
        load_model("./toy-1")
    load_model("checkpoint")


def test_what_the_zoo_knows(filled, checkpoint):
    assert [(entry.name, entry.default) for entry in list_models()] == [
        ("toy-1", False),
        ("toy-2", True),
    ]
    assert default_model_name() == "toy-2"
    info = model_info("toy-1")
    assert info.description == "The first."
    assert info.files == {path.name: path.stat().st_size for path in checkpoint.iterdir()}
    assert info.size_bytes == sum(path.stat().st_size for path in checkpoint.iterdir())
    assert model_card("toy-1").startswith("# Toy\n")


@pytest.mark.parametrize("use", [load_model, model_info, model_card])
def test_an_unknown_name_lists_the_valid_ones(filled, use):
    with pytest.raises(CheckpointError) as caught:
        use("toy1")
    assert str(caught.value) == (
        "unknown model: expected one of toy-1, toy-2 (got 'toy1'); did you mean 'toy-1'?"
    )


def test_an_empty_zoo(zoo):
    assert list_models() == []
    for use in (default_model_name, load_model, lambda: load_model("toy")):
        with pytest.raises(CheckpointError, match="the zoo is empty"):
            use()


@pytest.mark.parametrize("path", ["none/model", "./toy-1", "..", ".", "", "/"])
def test_paths_without_a_checkpoint(filled, path, tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    with pytest.raises(CheckpointError, match=r"expected the folder|config\.json: expected a file"):
        load_model(path)


def test_a_device_that_is_not_there(filled):
    with pytest.raises(ConfigError, match=r"device: .*got 'tpu'"):
        load_model("toy-1", device="tpu")


def test_changed_weights_are_refused(filled):
    path = filled / "weights" / "toy-1" / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match=r"toy-1/model\.safetensors: expected SHA-256"):
        load_model("toy-1")
    load_model("toy-2")
    path.unlink()
    with pytest.raises(CheckpointError, match=r"expected the model's weights"):
        load_model("toy-1")


def test_listing_needs_no_torch():
    code = "import sys, m4graph.zoo as z; z.list_models(); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert (done.stdout, done.stderr) == ("False\n", "")
