from __future__ import annotations

import ast
import re
import runpy
from pathlib import Path

import torch

EXAMPLE = Path(__file__).parents[2] / "examples" / "train_your_own.py"


def test_twenty_lines():
    module = ast.parse(EXAMPLE.read_text())
    code = ast.unparse(module.body[1:])  # without the docstring, comments and empty lines
    assert len([line for line in code.splitlines() if line.strip()]) <= 20


def test_it_beats_the_fluid_simulator(monkeypatch, capsys):
    monkeypatch.chdir(EXAMPLE.parents[1])
    with torch.random.fork_rng():
        runpy.run_path(str(EXAMPLE))
    fluid, own = (float(text) for text in re.findall(r"([\d.]+)%", capsys.readouterr().out))
    assert own < fluid < 15
