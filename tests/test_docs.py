"""The documentation builds without a warning, and has every public name."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
from sphinx.util.inventory import InventoryFile

import m4graph as m4
from m4graph.cli.app import COMMANDS

ROOT = Path(__file__).parents[1]
PACKAGES = sorted(
    ".".join(("m4graph", *file.parent.relative_to(ROOT / "m4graph").parts))
    for file in (ROOT / "m4graph").rglob("__init__.py")
)
INTERNAL = {
    "m4graph.cli",
    "m4graph.evaluation.plots",
    "m4graph.evaluation.suites",
    "m4graph.learned.compiled",
    "m4graph.simulators.fluid",
    "m4graph.simulators.packet.observe",
    "m4graph.simulators.packet.tcp",
    "m4graph.simulators.parsimon",
    "m4graph.simulators.session",
    "m4graph.workload.programs.chakra",
}
"""Packages whose names others export, or nobody."""


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The pages; the notebook is left as it is, for it has a test of its own."""
    out = tmp_path_factory.mktemp("docs")
    options = ["-W", "--keep-going", "-q", "-D", "nb_execution_mode=off"]
    command = [sys.executable, "-m", "sphinx", *options, "-b", "html", ROOT / "docs", out / "html"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    return out / "html"


@pytest.fixture(scope="module")
def inventory(built):
    return InventoryFile.loads((built / "objects.inv").read_bytes(), uri="")


def public(package):
    module = import_module(package)
    return [
        f"{package}.{name}"
        for name in getattr(module, "__all__", ())
        if not isinstance(getattr(module, name), ModuleType)
    ]


def test_every_public_name_is_there(inventory):
    documented = {name for kind, names in inventory.data.items() if kind.startswith("py:")
                  for name in names}  # fmt: skip
    names = {name for package in PACKAGES if package not in INTERNAL for name in public(package)}
    assert len(names) > 100
    assert names - documented == set()


def test_internal_packages_are_packages():
    assert set(PACKAGES) > INTERNAL


def test_every_command_is_there(inventory):
    options = inventory.data["std:cmdoption"]
    for command in COMMANDS:
        assert any(name.startswith(f"m4graph-{command}") for name in options), command
    assert {"m4graph-simulate.--simulator", "m4graph-zoo-show.NAME"} <= set(options)


def test_pages_hold_what_they_should(built):
    assert "custom_layer.py" in (built / "examples.html").read_text(encoding="utf-8")
    model = (built / "api" / "nn.html").read_text(encoding="utf-8")
    assert "<mtable" in model
    assert "mathjax" not in model.lower()
    keys = (built / "reference" / "keys.html").read_text(encoding="utf-8")
    for registry in (m4.topology.TOPOLOGIES, m4.congestion.CONGESTION_CONTROLS):
        for name in registry.names():
            assert f'id="kind-{name.replace("_", "-")}"' in keys
    assert (built / "_downloads").is_dir()
