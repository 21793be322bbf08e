"""Calls of one function side by side: on this machine, or on a cluster."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import BrokenExecutor
from contextlib import nullcontext
from itertools import islice
from typing import Any, TypeVar

from m4graph.datasets.clusters import dask_cluster, ray_cluster
from m4graph.errors import ConfigError, SimulationError
from m4graph.schema import one_of

BACKENDS = ("loky", "dask", "ray")

_MODULES = {"dask": "dask.distributed", "ray": "ray"}
_PACKAGES = {"dask": '"dask[distributed]"', "ray": "ray"}

_WAITING_PER_CPU = 2
"""Calls given to ray at a time, so that no worker waits for the next one."""

T = TypeVar("T")


def check_backend(backend: str, jobs: int | None) -> None:
    """Checks that a backend exists and is installed, and the number of jobs.

    Raises:
        ConfigError: If not.
    """
    if backend not in BACKENDS:
        raise ConfigError(f"backend: expected {one_of(BACKENDS)} (got {backend!r})")
    if jobs is not None and jobs < 1:
        raise ConfigError(f"jobs: expected at least 1 (got {jobs})")
    if backend in _MODULES:
        try:
            importlib.import_module(_MODULES[backend])
        except ImportError as error:
            raise ConfigError(
                f"backend {backend}: expected it to be installed, "
                f"as by pip install {_PACKAGES[backend]} (got {error})"
            ) from None


def unordered(
    function: Callable[..., T],
    arguments: Iterable[tuple[Any, ...]],
    jobs: int | None = None,
    backend: str = "loky",
) -> Generator[T, None, None]:
    """Calls a function with each of the arguments; gives the results as they come.

    Processes have one thread each. One job on this machine runs in this process. Of dask and ray,
    the cluster that this process is connected to is used, or the one that
    ``$DASK_SCHEDULER_ADDRESS`` or ``$RAY_ADDRESS`` names, or one is started on this machine.

    Args:
        function (Callable): Importable by name.
        arguments (Iterable[tuple]): Of each call.
        jobs (int, optional): Processes side by side; of dask and ray, only if they are to be
            started here. (default: one for each core)
        backend (str): One of :data:`BACKENDS`. (default: ``"loky"``)

    Raises:
        ConfigError: If the backend is unknown or not installed.
        SimulationError: If a process ends before its call does.
    """
    check_backend(backend, jobs)
    if backend == "ray":
        yield from _on_ray(function, arguments, jobs)
    elif backend == "loky" and jobs == 1:
        for each in arguments:
            yield function(*each)
    else:
        yield from _with_joblib(function, arguments, jobs, backend)


def _with_joblib(
    function: Callable[..., T], arguments: Iterable[tuple[Any, ...]], jobs: int | None, backend: str
) -> Generator[T, None, None]:
    import joblib

    threads = {"inner_max_num_threads": 1} if backend == "loky" else {}
    with (
        dask_cluster(jobs) if backend == "dask" else nullcontext(),
        joblib.parallel_config(backend, n_jobs=-1 if jobs is None else jobs, **threads),
    ):
        parallel = joblib.Parallel(return_as="generator_unordered")
        try:
            yield from parallel(joblib.delayed(function)(*each) for each in arguments)
        except BrokenExecutor as error:
            raise _worker_ended(error) from None


def _on_ray(
    function: Callable[..., T], arguments: Iterable[tuple[Any, ...]], jobs: int | None
) -> Generator[T, None, None]:
    # joblib's backend for ray gives no result before the last one is there.
    ray: Any = importlib.import_module("ray")
    calls = iter(arguments)
    with ray_cluster(jobs):
        remote = ray.remote(_call)
        slots = _WAITING_PER_CPU * int(ray.cluster_resources().get("CPU", 1))
        waiting = [remote.remote(function, *each) for each in islice(calls, slots)]
        while waiting:
            (done,), waiting = ray.wait(waiting)
            try:
                yield ray.get(done)
            except ray.exceptions.RayTaskError as error:
                raise error.cause from None
            except ray.exceptions.RayError as error:
                raise _worker_ended(error) from None
            waiting += [remote.remote(function, *each) for each in islice(calls, 1)]


def _call(function: Callable[..., T], *arguments: Any) -> T:
    # What ray makes remote has to be written in Python.
    return function(*arguments)


def _worker_ended(error: Exception) -> SimulationError:
    problem = " ".join(str(error).split())
    return SimulationError(f"a worker ended early, for want of memory perhaps: {problem}")
