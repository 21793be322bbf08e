"""Kernels with numba's checks of bounds, which change nothing but end what leaves an array."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
CHECKED = ("estimate", "graph", "routing", "simulators/fluid")
"""Those with the kernels that files of runs reach, and packet's as far as they need it: 95 s."""

OUTSIDE = """
import numpy as np
from m4graph.core.kernels import cached_kernel

@cached_kernel
def last(array, index):
    return array[index]

print(last(np.arange(3.0), 3))
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """With a cache of its own: the checks are not in the key of numba's."""
    cache = tmp_path_factory.mktemp("checked")
    return {**os.environ, "NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": str(cache)}


def test_an_access_outside_of_an_array_is_found(tmp_path, environment):
    (tmp_path / "outside.py").write_text(OUTSIDE)
    command = [sys.executable, str(tmp_path / "outside.py")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "IndexError: index is out of bounds" in done.stderr


def test_kernels_stay_inside_of_their_arrays(environment):
    paths = [str(TESTS / path) for path in CHECKED]
    command = [sys.executable, "-m", "pytest", "-n", "0", "-p", "no:cacheprovider", *paths]
    done = subprocess.run(
        command, cwd=TESTS.parent, env=environment, capture_output=True, text=True, timeout=1800
    )
    assert done.returncode == 0, done.stdout[-3000:]
