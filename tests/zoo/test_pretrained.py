from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import huggingface_hub
import pytest
import torch
from huggingface_hub import hub_mixin

import m4graph as m4
from m4graph.checkpoint import read_config
from m4graph.core.errors import CheckpointError, ConfigError
from m4graph.learned.domain import trained_controls
from m4graph.nn import FlowLinkModel, PaperModel

FILES = ["card.md", "config.json", "model.safetensors"]


def same_weights(one, other):
    expected = other.state_dict()
    return all(torch.equal(value, expected[name]) for name, value in one.state_dict().items())


def test_from_a_name_a_folder_and_by_default(tmp_path):
    expected = m4.load_model()
    named = FlowLinkModel.from_pretrained(m4.zoo.default_model_name())
    assert same_weights(FlowLinkModel.from_pretrained(), expected)
    assert same_weights(named, expected)
    assert not named.training
    named.save_pretrained(tmp_path / "new" / "copy", {"licence": "MIT"}, "# Copy\n")
    copy = FlowLinkModel.from_pretrained(tmp_path / "new" / "copy")
    assert copy.config == named.config
    assert same_weights(copy, named)
    assert read_config(tmp_path / "new" / "copy").licence == "MIT"


def test_from_the_hub(tmp_path, monkeypatch):
    model = PaperModel(hidden_channels=8, gnn_channels=4, num_layers=1)
    model.save_pretrained(tmp_path / "snapshot")
    monkeypatch.setattr(
        huggingface_hub, "snapshot_download", lambda **_: str(tmp_path / "snapshot")
    )
    assert same_weights(PaperModel.from_pretrained("hf://me/paper"), model)


def test_to_the_hub(tmp_path, monkeypatch):
    """The mixin's own verb uploads what is saved here."""
    uploaded = {}

    class Api:
        def __init__(self, token=None):
            pass

        def create_repo(self, repo_id, **_):
            return type("Repository", (), {"repo_id": repo_id})

        def upload_folder(self, repo_id, folder_path, **_):
            uploaded[repo_id] = sorted(path.name for path in Path(folder_path).iterdir())
            return "address"

    monkeypatch.setattr(hub_mixin, "HfApi", Api)
    assert FlowLinkModel(hidden_channels=4, num_layers=1).push_to_hub("me/model") == "address"
    assert uploaded == {"me/model": FILES}


def test_what_is_not_told_is_not_known(tmp_path):
    FlowLinkModel(conv="gat", hidden_channels=8, num_layers=1, heads=2).save_pretrained(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == FILES
    config = read_config(tmp_path)
    assert config.training is None
    assert trained_controls(tmp_path) == frozenset()
    assert "Nothing is recorded" in (tmp_path / "card.md").read_text()
    assert FlowLinkModel.from_pretrained(tmp_path).conv_kwargs == {"heads": 2}
    with pytest.raises(ConfigError, match=r"metadata\.licence: missing key"):
        FlowLinkModel(hidden_channels=4).save_pretrained(tmp_path, {})


def test_another_class_is_refused():
    with pytest.raises(CheckpointError, match=r"m4-paper: expected a FlowLinkModel .got a PaperM"):
        FlowLinkModel.from_pretrained("m4-paper")


def test_without_the_hubs_package(tmp_path):
    code = (
        "import sys; sys.modules['huggingface_hub'] = None; from m4graph.nn import FlowLinkModel; "
        f"FlowLinkModel(hidden_channels=4).save_pretrained({str(tmp_path / 'm')!r}); "
        f"model = FlowLinkModel.from_pretrained({str(tmp_path / 'm')!r}); "
        "print(model.hidden_channels, hasattr(model, 'push_to_hub'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert done.stdout == "4 False\n", done.stderr
