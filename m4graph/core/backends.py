"""dask and ray: the cluster that this process is connected to, that the environment names, or one
on this machine, which stops with the block.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any

_RAY_STORE_BYTES = 2**27
"""For results, which are small; ray takes a third of the memory otherwise."""


@contextmanager
def dask_cluster(jobs: int | None) -> Iterator[Any]:
    """Gives a client of dask: the current one, or one for the scheduler of
    ``$DASK_SCHEDULER_ADDRESS``, or one with ``jobs`` workers of its own.
    """
    dask: Any = import_module("dask")
    distributed: Any = import_module("dask.distributed")
    try:
        current = distributed.get_client()
    except ValueError:
        current = None
    if current is not None:
        yield current
    elif dask.config.get("scheduler-address", None):
        with distributed.Client() as client:
            yield client
    else:
        with _without_interrupts():
            cluster = distributed.LocalCluster(
                n_workers=jobs,
                threads_per_worker=1,
                dashboard_address=":0",  # any port: a warning comes if that of None is taken
                silence_logs=logging.CRITICAL,
            )
        with stopping(cluster), distributed.Client(cluster) as client:
            yield client


@contextmanager
def stopping(cluster: Any) -> Iterator[None]:
    """Stops a dask cluster in the end.

    dask asserts that no worker is just starting, which one does whenever another has died; its
    complaint would hide what the worker died of.
    """
    try:
        yield
    finally:
        with suppress(AssertionError):
            cluster.close()


@contextmanager
def ray_cluster(jobs: int | None) -> Iterator[None]:
    """Makes sure that ray is connected: as it is, or to ``$RAY_ADDRESS``, or to a ray with ``jobs``
    CPUs of its own.
    """
    ray: Any = import_module("ray")
    if ray.is_initialized():
        yield
        return
    quiet = {"logging_level": logging.ERROR, "log_to_driver": False}
    if os.environ.get("RAY_ADDRESS"):
        ray.init(**quiet)
    else:
        own = {"include_dashboard": False, "object_store_memory": _RAY_STORE_BYTES}
        ray.init(num_cpus=jobs, **own, **quiet)
    try:
        yield
    finally:
        ray.shutdown()


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Processes that start in the block never see Ctrl-C; this one stops them itself."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
