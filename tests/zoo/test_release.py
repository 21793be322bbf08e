from __future__ import annotations

import json

import pytest

from m4graph.checkpoint import save_checkpoint
from m4graph.core.errors import CheckpointError, M4GraphError
from m4graph.zoo import list_models, load_model
from m4graph.zoo.release import add_to_zoo, main


def snapshot(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def defaults():
    return {entry.name: entry.default for entry in list_models()}


def test_the_first_model_is_the_default_until_another_is(zoo, checkpoint):
    add_to_zoo(checkpoint, "b", "B.")
    assert defaults() == {"b": True}
    add_to_zoo(checkpoint, "c", "C.")
    assert defaults() == {"b": True, "c": False}
    add_to_zoo(checkpoint, "a", "A.", default=True)
    assert defaults() == {"a": True, "b": False, "c": False}


def test_only_the_three_files_are_copied(zoo, checkpoint):
    (checkpoint / "last.ckpt").write_text("x")
    add_to_zoo(checkpoint, "a", "A.")
    assert sorted(path.name for path in zoo.rglob("*") if path.is_file()) == [
        "card.md",
        "config.json",
        "manifest.json",
        "model.safetensors",
    ]


def test_a_model_is_replaced_only_if_asked_to(zoo, checkpoint, toy, metadata, tmp_path):
    add_to_zoo(checkpoint, "a", "A.")
    save_checkpoint(tmp_path / "new", toy(width=7), metadata, "# New")
    before = snapshot(zoo)
    with pytest.raises(CheckpointError, match=r"model 'a': expected a new name"):
        add_to_zoo(tmp_path / "new", "a", "New A.")
    assert snapshot(zoo) == before
    add_to_zoo(tmp_path / "new", "a", "New A.", replace=True)
    assert load_model("a").lin.in_features == 7
    assert [(entry.description, entry.default) for entry in list_models()] == [("New A.", True)]


@pytest.mark.parametrize(
    ("damage", "name", "description", "message"),
    [
        (None, "A", "A.", "name: expected text that matches"),
        (None, "../a", "A.", "name: expected text that matches"),
        (None, "a", " ", "description: expected text"),
        ("card.md", "a", "A.", r"card\.md: expected a file"),
        ("config.json", "a", "A.", r"config\.json: expected a file"),
        ("model.safetensors", "a", "A.", r"model\.safetensors: expected a file"),
    ],
)
def test_unfit_models_change_nothing(zoo, checkpoint, damage, name, description, message):
    if damage:
        (checkpoint / damage).unlink()
    before = snapshot(zoo)
    with pytest.raises(M4GraphError, match=message):
        add_to_zoo(checkpoint, name, description)
    assert snapshot(zoo) == before


def test_large_models_are_refused(zoo, checkpoint, monkeypatch):
    monkeypatch.setattr("m4graph.zoo.release.MAX_BYTES", 100)
    with pytest.raises(CheckpointError, match=r"expected at most 100 bytes"):
        add_to_zoo(checkpoint, "a", "A.")


def test_the_command(zoo, checkpoint, capsys):
    assert main([str(checkpoint), "a", "--description", "A."]) == 0
    assert json.loads((zoo / "manifest.json").read_text())["models"][0]["sha256"] in (
        capsys.readouterr().out
    )
    assert main([str(checkpoint), "a", "--description", "A."]) == 0  # as after an interruption
    assert main([str(checkpoint), "a", "--description", "B."]) == 2
    assert capsys.readouterr().err.startswith("error: model 'a': expected a new name")
    assert main([str(checkpoint), "a", "--description", "B.", "--replace", "--default"]) == 0
