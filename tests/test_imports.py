"""Enforces the layers of docs/architecture.md: a module imports only what stands below it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import networkx as nx
import pytest

import m4graph

PACKAGE = "m4graph"
ROOT = Path(m4graph.__path__[0])

# Bottom up. A part may import those on the lines above its own, and those left of it.
LAYERS = [
    "core",
    "topology routing workload",
    "scenario congestion results metrics",
    "runs estimate",
    "simulators convert",
    "jobs",
    "graph",
    "checkpoint zoo nn",
    "datasets learned mimic",
    "training",
    "evaluation",
    "sweeps rl",
    "report",
    "testing",
    "cli __main__",
]
SIMULATORS = "base options runner session settled forecast noise packet fluid parsimon"

RANKS = {name: rank for rank, name in enumerate(" ".join(LAYERS).split())}
SIMULATOR_RANKS = {name: rank for rank, name in enumerate(SIMULATORS.split())}


def test_layers():
    found = list(violations(ROOT))
    assert not found, "\n".join(found)


@pytest.mark.parametrize("part", ["runs", "estimate", "nn"])
def test_knows_no_simulator(part):
    for path in sorted((ROOT / part).rglob("*.py")):
        for line, target in imports(ROOT, path):
            assert target.split(".")[1] != "simulators", f"{path}:{line} imports {target}"


def test_no_circles():
    circles = list(found_circles(ROOT))
    assert not circles, "\n".join(" -> ".join(circle) for circle in circles)


def test_few_modules_lie_loose():
    assert len(list(ROOT.glob("*.py"))) <= 8


def violations(root: Path) -> Iterator[str]:
    """One line for each import that points sideways or upwards, and for each unknown module."""
    for path in sorted(root.rglob("*.py")):
        module = module_name(root, path)
        if module == PACKAGE:
            continue
        problem = unknown(module)
        if problem:
            yield f"{path}: {problem}"
            continue
        for line, target in imports(root, path):
            problem = unknown(target) or upward(module, target)
            if problem:
                yield f"{path}:{line}: {module} imports {target}: {problem}"


def found_circles(root: Path) -> Iterator[list[str]]:
    """Modules that import each other in a loop, wherever the import stands."""
    arrows = nx.DiGraph()
    for path in root.rglob("*.py"):
        arrows.add_edges_from((module_name(root, path), to) for _, to in imports(root, path))
    for members in nx.strongly_connected_components(arrows):
        if len(members) > 1:
            yield [source for source, _ in nx.find_cycle(arrows.subgraph(members))]


def module_name(root: Path, path: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join((PACKAGE, *(part for part in parts if part != "__init__")))


def unknown(module: str) -> str | None:
    parts = module.split(".")
    if len(parts) > 1 and parts[1] not in RANKS:
        return f"{parts[1]!r} has no layer; add it to LAYERS here and to docs/architecture.md"
    if parts[1:2] == ["simulators"] and len(parts) > 2 and parts[2] not in SIMULATOR_RANKS:
        return f"simulators/{parts[2]} has no place; add it to SIMULATORS here and to the docs"
    return None


def upward(module: str, target: str) -> str | None:
    source, wanted = module.split("."), target.split(".")
    if len(wanted) == 1:
        return "the facade stands above all layers"
    if source[1] != wanted[1]:
        below = RANKS[wanted[1]] < RANKS[source[1]]
    elif source[1] == "simulators" and len(source) > 2 and len(wanted) > 2:
        below = SIMULATOR_RANKS[wanted[2]] <= SIMULATOR_RANKS[source[2]]
    else:
        below = True
    return None if below else "imports go downwards only"


def imports(root: Path, path: Path) -> Iterator[tuple[int, str]]:
    """Line and full name of every import from the package, inside functions too."""
    module = module_name(root, path)
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) - node.level + 1]
            origin = ".".join([*(base if node.level else []), *filter(None, [node.module])])
            targets = [submodule_or(root, origin, alias.name) for alias in node.names]
        else:
            continue
        for target in targets:
            if target == PACKAGE or target.startswith(PACKAGE + "."):
                yield node.lineno, target


def submodule_or(root: Path, origin: str, name: str) -> str:
    """``origin.name`` if that is a module, else ``origin``, from which the name is taken."""
    place = root.joinpath(*origin.split(".")[1:], name)
    is_module = place.is_dir() or place.with_suffix(".py").is_file()
    return f"{origin}.{name}" if is_module and origin.split(".")[0] == PACKAGE else origin


BASE = {"core__errors": "", "core__rng": "", "topology__arrays": ""}


@pytest.fixture
def tree(tmp_path):
    """Writes a package of the given files and gives its violations."""

    def write(**files: str) -> list[str]:
        for name, code in {
            "core__errors": "",
            "core__rng": "",
            "topology__arrays": "",
            **files,
        }.items():
            path = tmp_path.joinpath(*name.split("__")).with_suffix(".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(code)
        return list(violations(tmp_path))

    return write


@pytest.mark.parametrize(
    "code",
    [
        "import m4graph.scenario",
        "from m4graph.scenario import Scenario",
        "from m4graph import scenario",
        "from m4graph import Scenario",
        "import m4graph as m4",
        "from ..scenario import Scenario",
        "from .. import scenario",
        "def f():\n    from m4graph.routing import Routes",
        "if TYPE_CHECKING:\n    from m4graph.workload import Workload",
    ],
)
def test_upward_import_is_found(tree, code):
    found = tree(topology__star=code, scenario="", routing="", workload="")
    assert len(found) == 1
    assert "m4graph.topology.star imports m4graph" in found[0]


@pytest.mark.parametrize(
    "code",
    [
        "from m4graph.core.errors import TopologyError",
        "from m4graph.core import rng",
        "from .arrays import NetworkArrays",
        "from . import arrays",
        "import numpy as np",
        "NAME = 'm4graph.scenario:Scenario'",
    ],
)
def test_downward_import_is_fine(tree, code):
    assert tree(topology__star=code, scenario="") == []


def test_order_inside_a_layer(tree):
    assert tree(routing="import m4graph.topology", topology____init__="") == []
    assert len(tree(topology__file="import m4graph.routing")) == 1


def test_order_of_simulators(tree):
    assert tree(simulators__base="", simulators__packet="from m4graph.simulators import base") == []
    assert len(tree(simulators__base="from m4graph.simulators import packet")) == 1


def test_unknown_module_is_refused(tree):
    found = tree(helpers="", simulators__magic="")
    assert "'helpers' has no layer; add it to LAYERS" in found[0]
    assert "simulators/magic has no place; add it to SIMULATORS" in found[1]


def test_a_circle_is_found(tmp_path):
    (tmp_path / "one.py").write_text("from m4graph.two import b")
    (tmp_path / "two.py").write_text("def b():\n    from m4graph.one import a")
    assert [sorted(circle) for circle in found_circles(tmp_path)] == [
        ["m4graph.one", "m4graph.two"]
    ]
