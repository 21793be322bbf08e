from __future__ import annotations

import importlib.util
import json
from dataclasses import replace
from pathlib import Path

import pytest

from m4graph.core.errors import ConfigError, InputError
from m4graph.datasets import DATASETS, FlowEventDataset, NamedDataset
from m4graph.datasets.named import HASHES_FILE, find_dataset, recipe_hash, runs_hash

SCRIPT = Path(__file__).parents[2] / "datasets" / "hash_datasets.py"
SAMPLE = Path(__file__).parents[2] / "datasets" / "sample"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("hash_datasets", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", DATASETS.names())
def test_recipes(name):
    dataset = DATASETS.resolve(name)
    config = dataset.config()
    assert config.name == dataset.name == name
    assert recipe_hash(config) == dataset.recipe_sha256


def test_hashes_are_up_to_date(script):
    """Run ``python datasets/hash_datasets.py`` if this fails on purpose."""
    written = json.loads(HASHES_FILE.read_text())
    assert script.hashes(written) == written


@pytest.mark.parametrize("name", ["tiny", "sample"])
def test_runs_in_the_repository(script, name):
    assert script.hash_of_runs(name, SCRIPT.parent / name) == DATASETS.resolve(name).runs_sha256


def test_hash_sees_content_not_spelling(config):
    again = type(config).parse(json.loads(json.dumps(config.model_dump())))
    assert recipe_hash(again) == recipe_hash(config)
    assert recipe_hash(config.model_copy(update={"seed": 4})) != recipe_hash(config)


def test_hash_of_runs_sees_order():
    assert runs_hash(["a", "b"]) != runs_hash(["b", "a"])


def test_another_recipe_is_refused(config):
    named = NamedDataset("mine", config, recipe_sha256="0" * 64)
    with pytest.raises(ConfigError, match="data set mine: expected a recipe of SHA-256 0000"):
        named.config()


def test_no_hash_no_check(config, root):
    assert len(FlowEventDataset(root, NamedDataset("mine", config))) == 4
    assert find_dataset(config).runs_sha256 is None


def test_of_another_package(config, root, monkeypatch):
    named = NamedDataset("theirs", config)
    monkeypatch.setitem(DATASETS._objects, "theirs", named)
    monkeypatch.setitem(DATASETS._display, "theirs", "theirs")
    assert find_dataset("theirs") is named
    assert len(FlowEventDataset(root, "theirs")) == 4
    with pytest.raises(InputError, match="theirs: expected runs of SHA-256"):
        FlowEventDataset(root, replace(named, runs_sha256="0" * 64))
