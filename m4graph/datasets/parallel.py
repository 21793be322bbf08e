"""Calls of one function side by side, through joblib's backends."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar

from m4graph.errors import ConfigError
from m4graph.schema import one_of

BACKENDS = ("loky", "dask", "ray")

_MODULES = {"dask": "dask.distributed", "ray": "ray.util.joblib"}
_PACKAGES = {"dask": '"dask[distributed]"', "ray": "ray"}

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
) -> Iterator[T]:
    """Calls a function with each of the arguments; gives the results as they come.

    Processes have one thread each. One job on this machine runs in this process.

    Args:
        function (Callable): Importable by name.
        arguments (Iterable[tuple]): Of each call.
        jobs (int, optional): Processes side by side; of dask and ray, only if they are to be
            started here. (default: one for each core)
        backend (str): One of :data:`BACKENDS`. (default: ``"loky"``)

    Raises:
        ConfigError: If the backend is unknown or not installed.
    """
    check_backend(backend, jobs)
    if backend == "loky" and jobs == 1:
        for each in arguments:
            yield function(*each)
        return
    yield from _joblib(function, arguments, jobs, backend)


def _joblib(
    function: Callable[..., T], arguments: Iterable[tuple[Any, ...]], jobs: int | None, backend: str
) -> Iterator[T]:
    import joblib

    threads = {"inner_max_num_threads": 1} if backend == "loky" else {}
    # The backend of ray cannot give results before the last one is there.
    returned = "list" if backend == "ray" else "generator_unordered"
    with (
        _running(backend, jobs),
        joblib.parallel_config(backend, n_jobs=-1 if jobs is None else jobs, **threads),
    ):
        parallel = joblib.Parallel(return_as=returned)
        yield from parallel(joblib.delayed(function)(*each) for each in arguments)


@contextmanager
def _running(backend: str, jobs: int | None) -> Iterator[None]:
    """Makes sure that the backend has somewhere to run; what it starts, it stops."""
    with ExitStack() as stack:
        if backend == "dask":
            from dask.distributed import Client, get_client  # type: ignore[import-not-found]

            try:
                get_client()
            except ValueError:
                client = Client(n_workers=jobs, threads_per_worker=1, dashboard_address=None)
                stack.enter_context(client)
        elif backend == "ray":
            import ray  # type: ignore[import-not-found]
            from ray.util.joblib import register_ray  # type: ignore[import-not-found]

            if not ray.is_initialized():
                ray.init(num_cpus=jobs)
                stack.callback(ray.shutdown)
            register_ray()
        yield
