from __future__ import annotations

import os
import sys

import pytest

from m4graph.core.errors import ConfigError, SimulationError
from m4graph.core.parallel import check_backend, unordered


def test_one_job_is_lazy():
    calls = []
    results = unordered(calls.append, ((number,) for number in range(3)), jobs=1)
    assert calls == []
    next(results)
    assert calls == [0]


def test_all_results_come():
    assert sorted(unordered(pow, [(2, 3), (5, 2), (7, 1)], jobs=2)) == [7, 8, 25]


def test_worker_that_is_killed_is_no_bad_input():
    with pytest.raises(SimulationError, match="a worker ended early"):
        list(unordered(os._exit, [(9,)], jobs=2))


def test_error_of_a_worker_comes_as_it_is():
    with pytest.raises(ConfigError, match="backend: expected one of loky"):
        list(unordered(check_backend, [("mpi", 1)], jobs=2))


@pytest.mark.parametrize(
    ("backend", "jobs", "message"),
    [
        ("threads", 1, "backend: expected one of loky, dask, ray (got 'threads')"),
        ("loky", 0, "jobs: expected at least 1 (got 0)"),
        ("loky", -1, "jobs: expected at least 1 (got -1)"),
    ],
)
def test_bad_arguments(backend, jobs, message):
    with pytest.raises(ConfigError) as caught:
        check_backend(backend, jobs)
    assert str(caught.value) == message


@pytest.mark.parametrize(("backend", "module"), [("dask", "dask.distributed"), ("ray", "ray")])
def test_missing_backend(monkeypatch, backend, module):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ConfigError, match=f"backend {backend}: expected it to be installed, as by"):
        check_backend(backend, None)
