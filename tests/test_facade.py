from __future__ import annotations

import subprocess
import sys
from ast import literal_eval
from importlib import import_module
from pathlib import Path

import pytest

import m4graph as m4


def python(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300
    ).stdout


def test_importing_costs_nothing():
    heavy = "{'torch', 'numba', 'pandas', 'networkx', 'pydantic', 'numpy'}"
    assert python(f"import sys, m4graph; print(sorted({heavy} & set(sys.modules)))") == "[]\n"


def test_the_command_line_does_not_import_torch():
    code = (
        "import sys; from m4graph.cli.app import main; "
        "status = [main(['--help']), main(['simulate', '--help']), "
        "main(['simulate', 'nowhere', '--simulator', 'fluidd'])]; "
        "print(status, 'torch' in sys.modules, 'numba' in sys.modules)"
    )
    assert python(code).splitlines()[-1] in ("[0, 0, 2] False False", "[0, 0, 2] False True")


@pytest.mark.parametrize(
    "name",
    ["Scenario", "SimulationResult", "simulate", "simulate_batch", "load_scenario", "topology",
     "workload", "routing", "metrics", "M4GraphError", "Simulator", "NetworkConfig"],
)  # fmt: skip
def test_names(name):
    value = getattr(m4, name)
    assert getattr(m4, name) is value
    assert name in dir(m4)


def test_every_package_is_an_attribute():
    files = [path for path in Path(m4.__path__[0]).iterdir() if not path.name.startswith("_")]
    packages = {path.name for path in files if (path / "__init__.py").exists()}
    modules = {path.stem for path in files if path.suffix == ".py"}
    # Lazily: none is imported before it is asked for.
    code = "import sys, m4graph; print(dir(m4graph)); print('m4graph.training' in sys.modules); "
    names, imported, name = python(code + "print(m4graph.sweeps.__name__)").splitlines()
    assert (packages | modules) - set(literal_eval(names)) == {"cli"}
    assert (imported, name) == ("False", "m4graph.sweeps")


def test_the_facade_names_its_modules_only():
    assert m4.topology is import_module("m4graph.topology")
    with pytest.raises(AttributeError, match="has no attribute 'simulat'"):
        m4.simulat  # noqa: B018


def test_version():
    assert isinstance(m4.__version__, str)
