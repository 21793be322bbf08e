"""The same bits whatever was compiled first, each time from an empty cache."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

PROGRAM = Path(__file__).parent / "free_run.py"


def free_run(cache: Path, simulators: str, *order: str) -> str:
    """What a new installation answers that compiles in this order."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache)}
    command = [sys.executable, PROGRAM, simulators, *order]
    return subprocess.run(
        command, env=environment, check=True, capture_output=True, text=True
    ).stdout


def test_two_orders(tmp_path):
    alone = free_run(tmp_path / "a", "torch", "torch")
    assert alone.startswith("torch ")
    assert free_run(tmp_path / "b", "torch", "from_fast_code") == alone


ORDERS = list(itertools.permutations(["fluid", "survey", "torch", "compiled"]))


@pytest.mark.slow
def test_ten_orders(tmp_path):
    chosen = np.random.default_rng(0).choice(len(ORDERS), 10, replace=False)
    answers = [
        free_run(tmp_path / str(place), "fluid,torch,compiled", *ORDERS[place]) for place in chosen
    ]
    assert len(answers[0].splitlines()) == 3
    assert answers == answers[:1] * 10
