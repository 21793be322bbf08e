"""Fixtures for all tests: a toy model, its checkpoint, and a zoo of one's own."""

from __future__ import annotations

import copy

import pytest

METADATA = {
    "training": {"config_hash": "c0", "data_hash": "d0", "seed": 3, "steps": 10, "wall_s": 1.5},
    "training_domain": {"topologies": ["star"], "load": [0.2, 0.8]},
    "licence": "MIT",
    "metrics": {"validation/mean_error": 0.1},
}
CARD = "# Toy\n\nMade in a test, on no data.\n"


@pytest.fixture
def metadata():
    """What is known of the toy's training."""
    return copy.deepcopy(METADATA)


@pytest.fixture
def toy(monkeypatch):
    """A model of two tensors and an integer buffer, registered for one test; gives its class."""
    import torch
    from torch import nn

    from m4graph.checkpoint import MODELS

    class ToyModel(nn.Module):
        def __init__(self, width=3, label="x"):
            super().__init__()
            self.config = {"width": width, "label": label}
            self.lin = nn.Linear(width, 2)
            self.register_buffer("count", torch.tensor([1, 2]))

    monkeypatch.setattr(MODELS, "_objects", dict(MODELS._objects))
    monkeypatch.setattr(MODELS, "_display", dict(MODELS._display))
    return MODELS.register("toy", ToyModel)


@pytest.fixture
def checkpoint(toy, metadata, tmp_path):
    """The folder of a toy's checkpoint."""
    from m4graph.checkpoint import save_checkpoint

    folder = tmp_path / "checkpoint"
    save_checkpoint(folder, toy(width=4), metadata, CARD)
    return folder


@pytest.fixture
def zoo(monkeypatch, tmp_path):
    """An empty zoo in place of the package's own."""
    folder = tmp_path / "zoo"
    folder.mkdir()
    (folder / "weights").mkdir()
    (folder / "manifest.json").write_text('{"format_version": 1, "models": []}')
    monkeypatch.setattr("m4graph.zoo.manifest.ZOO_FOLDER", folder)
    return folder
