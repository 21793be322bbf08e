from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest

import m4graph.core.registry
from m4graph.core.errors import ConfigError, TopologyError
from m4graph.core.registry import Registry


@pytest.fixture
def registry() -> Registry[object]:
    return Registry("test part", {"fat_tree": "m4graph.core.errors:TopologyError"})


@pytest.fixture
def entry_points(monkeypatch):
    """Sets the entry points of group m4graph.test_part."""

    def install(**values: str) -> None:
        def find(*, group: str) -> list[EntryPoint]:
            return [
                EntryPoint(name, value, group)
                for name, value in values.items()
                if group == "m4graph.test_part"
            ]

        monkeypatch.setattr(m4graph.core.registry, "entry_points", find)

    return install


@pytest.mark.parametrize("name", ["fat_tree", "FatTree", "FAT-TREE", "fat tree"])
def test_builtin_by_any_spelling(registry, name):
    assert registry.resolve(name) is TopologyError
    assert name in registry


def test_object_is_given_back(registry):
    thing = object()
    assert registry.resolve(thing) is thing


def test_builtin_is_imported_on_use_only():
    registry: Registry[object] = Registry("part", {"gone": "m4graph.no_such_module:x"})
    assert registry.names() == ["gone"]
    with pytest.raises(ModuleNotFoundError):
        registry.resolve("gone")


def test_register(registry):
    @registry.register("my_ring")
    def ring() -> None: ...

    assert registry.resolve("MyRing") is ring
    assert registry.names() == ["fat_tree", "my_ring"]
    assert registry.register("my-ring", ring) is ring


@pytest.mark.parametrize("name", ["FatTree", "ring"])
def test_taken_name(registry, name):
    registry.register("ring", object())
    with pytest.raises(ConfigError, match=f"test part '{name}': expected a new name"):
        registry.register(name, object())


def test_unknown_name_lists_the_valid_ones_and_guesses(registry):
    registry.register("star", object())
    with pytest.raises(ConfigError) as error:
        registry.resolve("fat_three")
    assert str(error.value) == (
        "unknown test part: expected one of fat_tree, star (got 'fat_three'); "
        "did you mean 'fat_tree'?"
    )
    with pytest.raises(ConfigError, match=r"\(got 'qqq'\)$"):
        registry.resolve("qqq")
    assert "qqq" not in registry


def test_entry_point(registry, entry_points):
    entry_points(torus="m4graph.core.errors:InputError")
    assert registry.names() == ["fat_tree", "torus"]
    assert registry.resolve("Torus").__name__ == "InputError"


def test_broken_entry_point(registry, entry_points):
    entry_points(torus="no_such_package:torus")
    with pytest.raises(ConfigError, match=r"'torus'.*'no_such_package:torus'.*ModuleNotFound"):
        registry.resolve("torus")
    assert registry.resolve("fat_tree") is TopologyError


def test_what_cannot_be_loaded_is_left_out(registry, entry_points):
    entry_points(torus="no_such_package:torus", ring="m4graph.core.errors:InputError")
    assert [name for name, _ in registry.loadable()] == ["fat_tree", "ring"]


def test_entry_point_cannot_replace_a_builtin(registry, entry_points):
    entry_points(fattree="m4graph.core.errors:InputError")
    with pytest.warns(
        UserWarning, match="'fattree' of 'm4graph.core.errors:InputError' is left out"
    ):
        assert registry.names() == ["fat_tree"]
    assert registry.resolve("fattree") is TopologyError
