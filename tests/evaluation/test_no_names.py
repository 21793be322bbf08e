"""Comparisons, suites and commands know simulators by their registry only."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import m4graph
from m4graph.simulators import SIMULATORS

ROOT = Path(m4graph.__path__[0])
SUITES = ROOT / "evaluation" / "suites"
OWN_SUITES = {SUITES / "parsimon.py", *(SUITES / "pods").rglob("*.py")}
FILES = [
    *sorted({*(ROOT / "evaluation").rglob("*.py")} - OWN_SUITES),
    *(ROOT / "cli" / f"{name}.py" for name in ("arguments", "compare", "evaluate", "simulate")),
]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_simulator_is_named(path):
    names = {*SIMULATORS.names(), "parsimon", "mimic"}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant):
            assert node.value not in names, f"{path}:{node.lineno}"
        if isinstance(node, ast.ImportFrom) and node.module:
            parts = node.module.split(".")
            assert not names.intersection(parts), f"{path}:{node.lineno} imports {node.module}"
