"""Mimics that come with the package: they load, are small, have cards, and are found by name."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from m4graph.cli.app import app
from m4graph.core.errors import ConfigError, InputError
from m4graph.mimic import Mimic, MimicSimulator
from m4graph.mimic.shipped import find_mimic, mimic_card, mimic_files, mimic_title, shipped_mimics


@pytest.mark.parametrize("name", shipped_mimics())
def test_a_shipped_mimic(name):
    assert Mimic.load(find_mimic(name)).model.kind in name
    assert set(mimic_files(name)) == {"arrays.npz", "card.md", "mimic.json"}
    assert sum(mimic_files(name).values()) < 1_000_000
    for word in ("seed", "Licence", "m4graph mimic fit"):
        assert word in mimic_card(name)


def test_by_name_and_by_path(tmp_path, monkeypatch):
    """A name stands before a folder of that name."""
    (name, *_) = shipped_mimics()
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).mkdir()
    assert find_mimic(name) != tmp_path / name
    assert find_mimic(tmp_path / name) == tmp_path / name
    MimicSimulator(name)
    with pytest.raises(InputError, match="expected the file of a mimic"):
        MimicSimulator(f"./{name}")


def test_unknown_names():
    with pytest.raises(ConfigError, match="mimic: expected one of newreno"):
        mimic_card("none")


def test_the_zoo_shows_them():
    name = shipped_mimics()[0]
    listed = CliRunner().invoke(app, ["zoo", "list"], env={"COLUMNS": "200"})
    assert f"Mimic: {mimic_title(name)}" in listed.stdout
    shown = CliRunner().invoke(app, ["zoo", "show", name], env={"COLUMNS": "200"})
    assert "arrays.npz" in shown.stdout
    assert mimic_title(name) in shown.stdout
