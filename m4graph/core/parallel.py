"""Calls of one function side by side: on this machine, or on a cluster."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import BrokenExecutor
from itertools import islice
from typing import Any, TypeVar

from m4graph.core.backends import dask_cluster, ray_cluster
from m4graph.core.errors import ConfigError, SimulationError, one_of

BACKENDS = ("loky", "dask", "ray")

_MODULES = {"dask": "dask.distributed", "ray": "ray"}
_PACKAGES = {"dask": '"dask[distributed]"', "ray": "ray"}

_WAITING_PER_CPU = 2
"""Calls that a cluster has at a time, so that no worker waits; it may grow meanwhile."""

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
    if backend == "dask":
        yield from _on_dask(function, arguments, jobs)
    elif backend == "ray":
        yield from _on_ray(function, arguments, jobs)
    elif jobs == 1:
        for each in arguments:
            yield function(*each)
    else:
        yield from _on_loky(function, arguments, jobs)


def _on_loky(
    function: Callable[..., T], arguments: Iterable[tuple[Any, ...]], jobs: int | None
) -> Generator[T, None, None]:
    import joblib

    with joblib.parallel_config("loky", n_jobs=jobs or -1, inner_max_num_threads=1):
        parallel = joblib.Parallel(return_as="generator_unordered")
        try:
            yield from parallel(joblib.delayed(function)(*each) for each in arguments)
        except BrokenExecutor as error:
            raise _worker_ended(error) from None


# Not through joblib: for dask it waits for ever once a worker has died, for ray it gives no result
# before the last one is there.


def _on_dask(
    function: Callable[..., T], arguments: Iterable[tuple[Any, ...]], jobs: int | None
) -> Generator[T, None, None]:
    distributed: Any = importlib.import_module("dask.distributed")
    calls = iter(arguments)
    with dask_cluster(jobs) as client:
        waiting = distributed.as_completed()
        while True:
            slots = _WAITING_PER_CPU * max(sum(client.nthreads().values()), 1)
            for each in islice(calls, max(slots - waiting.count(), 0)):
                waiting.add(client.submit(function, *each, pure=False))
            if waiting.is_empty():
                return
            try:
                yield next(waiting).result()
            except distributed.KilledWorker as error:
                raise _worker_ended(error) from None


def _on_ray(
    function: Callable[..., T], arguments: Iterable[tuple[Any, ...]], jobs: int | None
) -> Generator[T, None, None]:
    ray: Any = importlib.import_module("ray")
    calls = iter(arguments)
    with ray_cluster(jobs):
        remote = ray.remote(_call)
        waiting: list[Any] = []
        while True:
            slots = _WAITING_PER_CPU * max(int(ray.cluster_resources().get("CPU", 0)), 1)
            for each in islice(calls, max(slots - len(waiting), 0)):
                waiting.append(remote.remote(function, *each))
            if not waiting:
                return
            (done,), waiting = ray.wait(waiting)
            try:
                yield ray.get(done)
            except ray.exceptions.RayTaskError as error:
                raise error.cause from None
            except ray.exceptions.RayError as error:
                raise _worker_ended(error) from None


def _call(function: Callable[..., T], *arguments: Any) -> T:
    # What ray makes remote has to be written in Python.
    return function(*arguments)


def _worker_ended(error: Exception) -> SimulationError:
    problem = " ".join(str(error).split())
    return SimulationError(f"a worker ended early, for want of memory perhaps: {problem}")
