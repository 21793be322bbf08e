"""The zoo that comes with the package is whole."""

from __future__ import annotations

import pytest

from m4graph.zoo import list_models, load_model, model_card
from m4graph.zoo.manifest import ZOO_FOLDER, model_folder, read_manifest
from m4graph.zoo.release import MAX_BYTES

MODELS = list_models()


def test_every_folder_is_in_the_manifest():
    weights = ZOO_FOLDER / "weights"
    folders = [path.name for path in weights.iterdir()] if weights.is_dir() else []
    assert sorted(folders) == sorted(read_manifest(ZOO_FOLDER).names())


@pytest.mark.parametrize("entry", MODELS, ids=lambda entry: entry.name)
def test_every_model_loads(entry):
    assert not load_model(entry.name).training


@pytest.mark.parametrize("entry", MODELS, ids=lambda entry: entry.name)
def test_sizes(entry):
    folder = model_folder(ZOO_FOLDER, entry.name)
    assert entry.files == {path.name: path.stat().st_size for path in folder.iterdir()}
    assert entry.size_bytes <= MAX_BYTES


@pytest.mark.parametrize("entry", MODELS, ids=lambda entry: entry.name)
def test_every_card_says_what_a_reader_needs(entry):
    card = model_card(entry.name).lower()
    for word in ("data", "seed", "error", "training", "licence"):
        assert word in card, word
