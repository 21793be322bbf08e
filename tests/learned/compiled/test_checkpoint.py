"""Weights read without torch: the same bits, and nothing taken that torch would refuse."""

from __future__ import annotations

import hashlib
import json
import shutil

import numpy as np
import pytest
import safetensors.torch
import torch

from m4graph.checkpoint import load_checkpoint, save_checkpoint
from m4graph.core.errors import CheckpointError
from m4graph.learned import LearnedSimulator
from m4graph.learned.compiled.checkpoint import standard_shapes, weights_of_checkpoint
from m4graph.learned.compiled.weights import CONVS, export_weights
from m4graph.zoo import find_checkpoint

from ..conftest import random_model


def leaves(weights):
    if isinstance(weights, np.ndarray | bool):
        return [np.asarray(weights)]
    return [array for part in weights for array in leaves(part)]


@pytest.fixture
def saved(tmp_path, metadata):
    def save(half=False, **options):
        folder = tmp_path / "checkpoint"
        save_checkpoint(folder, random_model(3, **options), metadata, "A card.", half)
        return folder

    return save


def rewrite(folder, change):
    """Changes the tensors of a checkpoint, and their recorded hash."""
    path = folder / "model.safetensors"
    state = safetensors.torch.load(path.read_bytes())
    change(state)
    path.write_bytes(safetensors.torch.save(state))
    config = json.loads((folder / "config.json").read_text())
    config["model"]["weights_sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    (folder / "config.json").write_text(json.dumps(config))


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("num_layers", [1, 3])
@pytest.mark.parametrize("conv", CONVS)
def test_the_same_bits_as_torch_reads(saved, half, num_layers, conv):
    folder = saved(half, num_layers=num_layers, hidden=6, conv=conv)
    ours, theirs = weights_of_checkpoint(folder), export_weights(load_checkpoint(folder))
    assert len(leaves(ours)) == len(leaves(theirs))
    for mine, its in zip(leaves(ours), leaves(theirs), strict=True):
        assert mine.dtype == its.dtype
        assert mine.flags.c_contiguous
        assert mine.tobytes() == its.tobytes()


def test_the_zoo_is_read_without_torch():
    folder = find_checkpoint("m4graph")
    ours, theirs = weights_of_checkpoint(folder), export_weights(load_checkpoint(folder))
    for mine, its in zip(leaves(ours), leaves(theirs), strict=True):
        assert mine.tobytes() == its.tobytes()


@pytest.mark.parametrize(("hidden", "num_layers"), [(5, 1), (8, 2)])
@pytest.mark.parametrize("conv", CONVS)
def test_shapes_are_those_of_the_model(hidden, num_layers, conv):
    model = random_model(0, hidden=hidden, num_layers=num_layers, conv=conv)
    shapes = {name: tuple(each.shape) for name, each in model.state_dict().items()}
    assert standard_shapes(hidden, num_layers, conv=conv) == shapes
    (epsilon,) = {norm.eps for norm in [*model.flow_norms, *model.link_norms]}
    assert (export_weights(model).flow.rounds.epsilon == np.float32(epsilon)).all()


@pytest.mark.parametrize("memory", [True, False])
def test_whether_states_live_on(saved, memory):
    weights = weights_of_checkpoint(saved(memory=memory))
    assert weights is not None
    assert weights.memory is memory


@pytest.mark.parametrize(
    "options",
    [
        {"conv": "gat"},
        {"num_layers": 0},
        {"time_cells": False},
        {"prior": False},
        {"scope": "component"},
        {"project": True},
        {"extra_heads": {"p90": "slowdown_quantile"}},  # its level is the class's
    ],
)
def test_other_models_are_left_to_torch(saved, options):
    assert weights_of_checkpoint(saved(**options)) is None


def lacking(state):
    del state["queue_head.2.bias"]


def with_more(state):
    state["stray"] = torch.zeros(1)


def transposed(state):
    state["flow_encoder.weight"] = state["flow_encoder.weight"].t().contiguous()


def infinite(state):
    state["flow_encoder.bias"][0] = torch.inf


def double(state):
    state["flow_encoder.bias"] = state["flow_encoder.bias"].double()


@pytest.mark.parametrize("change", [lacking, with_more, transposed, infinite, double])
def test_wrong_weights_are_named(saved, change):
    folder = saved()
    rewrite(folder, change)
    with pytest.raises(CheckpointError, match=r"model\.safetensors: tensor '(queue|stray|flow_e)"):
        LearnedSimulator(folder)


def test_damaged_files_are_named(saved, tmp_path):
    folder = saved()
    with (folder / "model.safetensors").open("ab") as file:
        file.write(b"!")
    with pytest.raises(CheckpointError, match="expected SHA-256"):
        LearnedSimulator(folder)
    (folder / "config.json").write_text("{}")
    with pytest.raises(CheckpointError, match=r"config\.json: format_version"):
        LearnedSimulator(folder)
    shutil.rmtree(folder)
    with pytest.raises(CheckpointError, match="expected the folder of a checkpoint"):
        LearnedSimulator(folder)


def test_features_of_another_version_are_refused(saved):
    folder = saved()
    config = json.loads((folder / "config.json").read_text())
    config["graph"]["schema_version"] = -1
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match="schema_version"):
        LearnedSimulator(folder)
