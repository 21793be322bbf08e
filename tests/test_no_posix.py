"""What Windows lacks is not needed: neither on import, nor for a simulation or a data set."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import m4graph

ROOT = Path(m4graph.__path__[0])
POSIX_ONLY = {"fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"}

BLOCKED = f"""
import builtins, sys

real = builtins.__import__

def without(name, globals=None, locals=None, fromlist=(), level=0):
    importer = (globals or {{}}).get("__name__", "")
    if name in {POSIX_ONLY} and importer.partition(".")[0] == "m4graph":
        raise ImportError(f"{{importer}} imports {{name}}")
    return real(name, globals, locals, fromlist, level)

builtins.__import__ = without
"""


def test_no_module_imports_them_unguarded():
    """Each such import stands in a ``try`` with an ``except ImportError``."""
    found = []
    for path in sorted(ROOT.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        guarded = {
            inner
            for node in ast.walk(tree)
            if isinstance(node, ast.Try) and "ImportError" in map(_caught, node.handlers)
            for statement in node.body
            for inner in ast.walk(statement)
        }
        found += [
            f"{path.relative_to(ROOT)}:{node.lineno}"
            for node in ast.walk(tree)
            if _imported(node) & POSIX_ONLY and node not in guarded
        ]
    assert found == []


def test_a_simulation_and_a_data_set_without_them(tmp_path):
    """No m4graph module gets them, as on Windows; locks and peak memory are then left out."""
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        "name: few\nnum_scenarios: 2\nscenario:\n"
        "  topology: {kind: star, num_hosts: 4, gbps: 10, delay_ns: 1000}\n"
        "  workload: {kind: generated, sizes: web_server, load: 0.5, num_flows: 10}\n"
        "  congestion_control: {kind: dctcp}\n"
    )
    code = (
        f"{BLOCKED}\n"
        "from m4graph.cli.app import main\n"
        "assert main(['--help']) == 0\n"
        f"assert main(['generate', {str(recipe)!r}, '--out', 'data', '--jobs', '1']) == 0\n"
        "assert main(['compare', 'data/raw/run_000000.yaml', '--simulators', 'packet,fluid',"
        " '--out', 'out']) == 0\n"
        "import m4graph.training.fit\n"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "summary.md").exists()


def _caught(handler: ast.ExceptHandler) -> str | None:
    return handler.type.id if isinstance(handler.type, ast.Name) else None


def _imported(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Import):
        return {alias.name.partition(".")[0] for alias in node.names}
    if isinstance(node, ast.ImportFrom) and not node.level:
        return {(node.module or "").partition(".")[0]}
    return set()
