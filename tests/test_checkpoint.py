from __future__ import annotations

import hashlib
import json
import pickle
from dataclasses import replace

import pytest
import safetensors.torch
import torch
from torch import nn

from m4graph.checkpoint import (
    MODELS,
    CheckpointMetadata,
    load_checkpoint,
    read_config,
    save_checkpoint,
)
from m4graph.core.errors import CheckpointError, ConfigError, InputError
from m4graph.graph.schema import FLOW_FEATURES, LINK_FEATURES, SCHEMA_VERSION
from m4graph.learned.compiled.checkpoint import weights_of_checkpoint
from m4graph.nn import FlowLinkModel
from m4graph.testing.steps import tiny_step
from m4graph.zoo import find_checkpoint


def edit(folder, **changes):
    """Changes ``config.json``; a dotted key is written with ``__``."""
    path = folder / "config.json"
    data = json.loads(path.read_text())
    for dotted, value in changes.items():
        *parents, last = dotted.split("__")
        block = data
        for parent in parents:
            block = block[parent]
        if value is None:
            del block[last]
        else:
            block[last] = value
    path.write_text(json.dumps(data))


def rewrite(folder, **tensors):
    """Replaces tensors of the weights, and their recorded hash."""
    path = folder / "model.safetensors"
    state = safetensors.torch.load(path.read_bytes())
    for name, value in tensors.items():
        state.pop(name.replace("__", "."), None)
        if value is not None:
            state[name.replace("__", ".")] = value
    path.write_bytes(safetensors.torch.save(state))
    edit(folder, model__weights_sha256=hashlib.sha256(path.read_bytes()).hexdigest())


def test_the_flow_link_model_comes_back(tmp_path, metadata):
    torch.manual_seed(1)
    model = FlowLinkModel(conv="gat", hidden_channels=8, num_layers=1, heads=2)
    save_checkpoint(tmp_path / "m", model, metadata, "A card.")
    loaded = load_checkpoint(tmp_path / "m")
    assert type(loaded) is FlowLinkModel
    assert loaded.config == model.config
    assert not loaded.training
    assert loaded.state_dict().keys() == model.state_dict().keys()
    for name, value in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value), name


def test_one_for_fewer_features_answers_as_before(tmp_path, metadata):
    """The further features of today are read with weights of zero."""
    torch.manual_seed(1)
    old_flow, old_link = len(FLOW_FEATURES) - 3, len(LINK_FEATURES) - 1
    heads = {"p90": "slowdown_quantile"}
    shape = {"hidden_channels": 8, "num_layers": 1, "extra_heads": heads}
    model = FlowLinkModel(**shape, flow_channels=old_flow, link_channels=old_link).eval()
    nn.init.normal_(model.slowdown_head[-1].weight)
    folder = tmp_path / "m"
    save_checkpoint(folder, model, metadata, "A card.")
    edit(
        folder,
        graph__schema_version=SCHEMA_VERSION - 1,
        graph__flow_features=list(FLOW_FEATURES[:old_flow]),
        graph__link_features=list(LINK_FEATURES[:old_link]),
    )
    loaded = load_checkpoint(folder)
    assert loaded.config["flow_channels"] == len(FLOW_FEATURES)
    step = tiny_step()
    states = torch.randn(len(step.flow_ids), 8), torch.randn(len(step.link_ids), 8)
    narrow = replace(step, flow_x=step.flow_x[:, :old_flow], link_x=step.link_x[:, :old_link])
    expected, got = model(narrow, *states), loaded(step, *states)
    for name in ("flow_state", "link_state", "log_slowdown", "remaining", "log_queue"):
        torch.testing.assert_close(getattr(got, name), getattr(expected, name))
    torch.testing.assert_close(got.extra["p90"], expected.extra["p90"])
    edit(folder, graph__schema_version=1)
    with pytest.raises(CheckpointError, match="schema_version: expected"):
        load_checkpoint(folder)


def test_one_with_one_factor_answers_as_before():
    """Weights of before correct what is left of a flow, and what has passed, by the same factor."""
    folder = find_checkpoint("m4graph-base")
    stored = safetensors.torch.load_file(folder / "model.safetensors")
    assert stored["slowdown_head.2.weight"].shape == (1, 64)
    model = load_checkpoint(folder)
    assert torch.equal(model.slowdown_head[2].weight, stored["slowdown_head.2.weight"].repeat(2, 1))
    torch.manual_seed(0)
    step = tiny_step()
    states = torch.randn(len(step.flow_ids), 64), torch.randn(len(step.link_ids), 64)
    output = model(step, *states)
    raw = model.slowdown_head(torch.cat((output.flow_state, step.flow_x), 1))[:, 0]
    expected = step.log_prior + 3 * torch.tanh(raw / 3)
    torch.testing.assert_close(output.log_slowdown, expected)


def test_the_files(checkpoint):
    assert sorted(path.name for path in checkpoint.iterdir()) == [
        "card.md",
        "config.json",
        "model.safetensors",
    ]
    data = json.loads((checkpoint / "config.json").read_text())
    weights = (checkpoint / "model.safetensors").read_bytes()
    assert data["format_version"] == 1
    assert data["model"] == {
        "class": "toy",
        "config": {"width": 4, "label": "x"},
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
    }
    assert data["graph"] == {
        "schema_version": SCHEMA_VERSION,
        "flow_features": list(FLOW_FEATURES),
        "link_features": list(LINK_FEATURES),
    }
    assert data["training"]["seed"] == 3
    assert data["provenance"]["version"]
    assert (checkpoint / "card.md").read_text() == "# Toy\n\nMade in a test, on no data.\n"


def test_the_config_is_read_as_it_was_written(checkpoint, metadata):
    config = read_config(checkpoint)
    assert config.training == CheckpointMetadata.parse(metadata).training
    assert config.training_domain == metadata["training_domain"]
    assert config.metrics == {"validation/mean_error": 0.1}
    assert config.normalisation is None


def test_neither_loading_nor_saving_draws_random_numbers(checkpoint, metadata, toy, tmp_path):
    model = toy()
    state = torch.random.get_rng_state()
    load_checkpoint(checkpoint)
    save_checkpoint(tmp_path / "other", model, metadata, "A card.")
    assert torch.equal(torch.random.get_rng_state(), state)


def test_a_checkpoint_is_replaced_and_other_files_stay(checkpoint, metadata, toy):
    (checkpoint / "notes.txt").write_text("mine")
    model = toy(width=5)
    save_checkpoint(checkpoint, model, metadata, "Another card.")
    assert torch.equal(load_checkpoint(checkpoint).lin.weight, model.lin.weight)
    assert len(list(checkpoint.iterdir())) == 4


def test_half_a_replacement_is_noticed(checkpoint, metadata, toy, tmp_path):
    save_checkpoint(tmp_path / "new", toy(width=4), metadata, "A card.")
    (tmp_path / "new" / "model.safetensors").replace(checkpoint / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"model\.safetensors: expected SHA-256"):
        load_checkpoint(checkpoint)


def test_shared_and_transposed_tensors(toy, metadata, tmp_path):
    class Tied(toy):
        def __init__(self, width=3):
            super().__init__(width)
            self.config = {"width": width}
            self.other = self.lin
            self.lin.weight = nn.Parameter(torch.arange(6.0).reshape(3, 2).t())

    MODELS.register("tied", Tied)
    save_checkpoint(tmp_path / "tied", Tied(), metadata, "A card.")
    assert load_checkpoint(tmp_path / "tied").other.weight.tolist() == [[0, 2, 4], [1, 3, 5]]


DAMAGES = {
    "no folder": (lambda f: f.rename(f.parent / "x"), r"expected the folder of .* \(got none\)"),
    "no config": (lambda f: (f / "config.json").unlink(), r"config.json: expected a file"),
    "no weights": (lambda f: (f / "model.safetensors").unlink(), r"safetensors: expected a file"),
    "empty config": (lambda f: (f / "config.json").write_text(""), r"config.json: expected JSON"),
    "half": (lambda f: (f / "config.json").write_text('{"a": '), r"config.json: expected JSON"),
    "no text": (lambda f: (f / "config.json").write_bytes(b"\xff\xfe\x80"), "expected JSON"),
    "deep": (lambda f: (f / "config.json").write_text("[" * 100000), "expected JSON"),
    "a list": (lambda f: (f / "config.json").write_text("[]"), r"a block of keys \(got \[\]\)"),
    "no version": (lambda f: edit(f, format_version=None), r"expected 1 \(got null\)"),
    "newer": (lambda f: edit(f, format_version=2), r"format_version: expected 1 \(got 2\)"),
    "unknown key": (lambda f: edit(f, licens="x"), "licens: unknown key.*did you mean 'licence'"),
    "missing key": (lambda f: edit(f, training__seed=None), "training.seed: missing key"),
    "wrong type": (lambda f: edit(f, training__steps="9"), "steps: expected an integer"),
    "other class": (lambda f: edit(f, model__class="toi"), "model.class: .*toy.*got 'toi'"),
    "a path": (lambda f: edit(f, model__class="os:system"), "class: unknown model: expected"),
    "argument": (lambda f: edit(f, model__config={"size": 1}), "model.config: .*'size'"),
    "negative": (lambda f: edit(f, model__config={"width": -1}), "config.json: model.config: "),
    "schema": (lambda f: edit(f, graph__schema_version=99), r"schema_version: .*got 99.*features"),
    "no features": (lambda f: edit(f, graph__flow_features=None), "flow_features: missing key"),
    "columns": (
        lambda f: edit(f, graph__flow_features=["a", *FLOW_FEATURES[1:]]),
        rf"flow_features: expected '{FLOW_FEATURES[0]}' in column 0 \(got 'a'\)",
    ),
    "fewer columns": (
        lambda f: edit(f, graph__link_features=list(LINK_FEATURES[:-1])),
        rf"link_features: expected {len(LINK_FEATURES)} columns",
    ),
    "other weights": (lambda f: (f / "model.safetensors").write_bytes(b"x"), "expected SHA-256"),
    "shape": (lambda f: edit(f, model__config={"width": 9}), r"'lin.weight': expected float32 "
              r"\[2, 9\] \(got float32 \[2, 4\]\)"),
    "dtype": (lambda f: rewrite(f, lin__bias=torch.zeros(2).double()), r"'lin.bias': expected "
              r"float32 \[2\] \(got float64 \[2\]\)"),
    "missing tensor": (lambda f: rewrite(f, count=None), r"tensor 'count': .*\(got none\)"),
    "extra tensor": (lambda f: rewrite(f, extra=torch.zeros(1)), "'extra': expected no tensor"),
    "nan": (lambda f: rewrite(f, lin__bias=torch.full((2,), torch.nan)), "'lin.bias': .*finite"),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_checkpoints(checkpoint, damage):
    change, message = DAMAGES[damage]
    change(checkpoint)
    with pytest.raises(CheckpointError, match=message) as caught:
        load_checkpoint(checkpoint)
    assert str(checkpoint) in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"x", pickle.dumps({"lin.bias": 1}), b"\xff" * 64])
def test_weights_that_are_no_safetensors(checkpoint, content):
    (checkpoint / "model.safetensors").write_bytes(content)
    edit(checkpoint, model__weights_sha256=hashlib.sha256(content).hexdigest())
    with pytest.raises(CheckpointError, match=r"model\.safetensors: expected safetensors"):
        load_checkpoint(checkpoint)


def test_a_file_in_place_of_a_folder(checkpoint):
    with pytest.raises(CheckpointError, match=r"expected the folder of .* \(got a file\)"):
        load_checkpoint(checkpoint / "model.safetensors")


def test_a_device_that_is_not_there(checkpoint):
    with pytest.raises(ConfigError, match=r"device: .*got 'cuda:99'"):
        load_checkpoint(checkpoint, "cuda:99")


def nan_model(toy):
    model = toy()
    model.lin.bias.data[0] = torch.nan
    return model


class Stateful(nn.Linear):
    def get_extra_state(self):
        return {"a": 1}


def lying_model(toy):
    model = toy(width=4)
    model.config = {"width": 3}
    return model


def with_config(toy, config):
    model = toy()
    model.config = config
    return model


def with_state(toy):
    model = toy()
    model.lin = Stateful(3, 2)
    return model


UNFIT = {
    "class": (
        lambda toy: nn.Linear(1, 1),
        "model: expected one of flow_link, m4_paper, toy .*Linear",
    ),
    "nan": (nan_model, "tensor 'lin.bias': expected finite values"),
    "other shape": (lying_model, r"tensor 'lin.weight': expected float32 \[2, 3\]"),
    "not JSON": (lambda toy: with_config(toy, {"label": nn.ReLU}), "model.config.label: .*plain"),
    "tuple": (lambda toy: with_config(toy, {"label": (1, 2)}), "model.config.label: .*plain"),
    "infinite": (lambda toy: with_config(toy, {"width": float("inf")}), "width: .*plain JSON"),
    "no config": (lambda toy: with_config(toy, None), "model.config: expected the arguments"),
    "state": (with_state, r"state 'lin\._extra_state': expected a tensor \(got a dict\)"),
}


@pytest.mark.parametrize("case", UNFIT)
def test_models_that_could_not_be_loaded_are_not_saved(toy, metadata, tmp_path, case):
    make, message = UNFIT[case]
    with pytest.raises(CheckpointError, match=message):
        save_checkpoint(tmp_path / "m", make(toy), metadata, "A card.")
    assert list(tmp_path.iterdir()) == []


def test_incomplete_metadata(toy, metadata, tmp_path):
    with pytest.raises(CheckpointError, match=r"card\.md: expected a text"):
        save_checkpoint(tmp_path / "m", toy(), metadata, " \n")
    with pytest.raises(ConfigError, match=r"metadata.licence: expected text of at least 1"):
        save_checkpoint(tmp_path / "m", toy(), {**metadata, "licence": ""}, "A card.")
    del metadata["training"]["seed"]
    with pytest.raises(ConfigError, match=r"metadata.training.seed: missing key"):
        save_checkpoint(tmp_path / "m", toy(), metadata, "A card.")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written(toy, metadata, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file to be a folder"):
        save_checkpoint(tmp_path / "file" / "m", toy(), metadata, "A card.")


def test_a_configuration_may_not_ask_for_more_than_the_weights_hold(checkpoint):
    _set_config(checkpoint, {"width": 10**9})
    with pytest.raises(CheckpointError, match=r"config\.json: .*\(got one of more values\)"):
        load_checkpoint(checkpoint)


@pytest.mark.parametrize("sizes", [(10**6, 1), (8, 2000), (8, 10**9), (2**62, 2**62)])
def test_sizes_of_a_built_in_model_have_limits(tmp_path, metadata, sizes):
    from m4graph.nn import FlowLinkModel

    folder = tmp_path / "model"
    model = FlowLinkModel(hidden_channels=8, num_layers=1)
    save_checkpoint(folder, model, metadata, "A card.")
    hidden_channels, num_layers = sizes
    _set_config(folder, {"hidden_channels": hidden_channels, "num_layers": num_layers})
    with pytest.raises(CheckpointError, match=r"config\.json: model\.config: "):
        load_checkpoint(folder)
    assert weights_of_checkpoint(folder) is None


def _set_config(folder, config):
    path = folder / "config.json"
    data = json.loads(path.read_text())
    data["model"]["config"] |= config
    path.write_text(json.dumps(data))
