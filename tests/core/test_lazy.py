"""Names of a package that are imported on first use."""

from __future__ import annotations

import sys

import pytest

PACKAGE = """
from m4graph.core.lazy import lazy_names
__getattr__, __dir__ = lazy_names(__name__, {"SIZE": "toys.parts", "parts": "toys.parts"})
"""


@pytest.fixture
def toys(tmp_path, monkeypatch):
    folder = tmp_path / "toys"
    folder.mkdir()
    (folder / "__init__.py").write_text(PACKAGE)
    (folder / "parts.py").write_text("SIZE = [3]")
    monkeypatch.syspath_prepend(tmp_path)
    import toys

    yield toys
    for name in ("toys", "toys.parts"):
        sys.modules.pop(name, None)


def test_a_name_is_imported_on_first_use(toys):
    assert "toys.parts" not in sys.modules
    assert {"SIZE", "parts"} <= set(dir(toys))
    assert "toys.parts" not in sys.modules
    assert toys.SIZE is toys.SIZE is sys.modules["toys.parts"].SIZE
    assert "SIZE" in vars(toys)


def test_a_name_may_be_a_module(toys):
    assert toys.parts is sys.modules["toys.parts"]


def test_an_unknown_name_is_an_attribute_error(toys):
    with pytest.raises(AttributeError, match="module 'toys' has no attribute 'wheels'"):
        _ = toys.wheels
