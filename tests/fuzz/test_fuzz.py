"""Damaged files of every kind: a part of each kind here, and many more with ``-m slow``.

Each kind is fuzzed by a process of its own, which forks from warm kernels and leaves none behind.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS

ROOT = Path(__file__).parents[2]
QUICK = (
    *("scenario folder", "csv tables", "graphml", "gml of a wan", "text of sizes", "matrix"),
    *("closed loop yaml", "archive", "stored result", "zoo manifest", "dependencies"),
)
"""Kinds whose kernels compile within seconds."""


def _findings(names, num_mutations, seed):
    command = [sys.executable, "-m", "tests.fuzz.harness", str(num_mutations), str(seed), *names]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    counted = [line["target"] for line in lines if "wall_s" in line]
    assert counted == list(names)
    return [line for line in lines if "wall_s" not in line]


def test_a_sample_of_damages():
    assert _findings(QUICK, num_mutations=12, seed=0) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
def test_many_damages(name):
    assert _findings([name], num_mutations=400, seed=1) == []
