"""Simulates many links side by side: in threads, in processes, or on a cluster."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from m4graph.core.errors import ConfigError, one_of
from m4graph.core.parallel import BACKENDS as PROCESSES
from m4graph.core.parallel import check_backend, unordered
from m4graph.simulators.parsimon.link_model import LinkInputs, LinkOutputs

BACKENDS = ("threads", *PROCESSES)

_BATCHES_PER_WORKER = 16
_PATIENCE_S = 0.1


class LinkModel(Protocol):
    """What simulates links; it can be sent to other processes."""

    def identity(self) -> bytes:
        """A hash of all that outputs depend on, but for the links."""

    def compile(self) -> None:
        """Makes ready whatever takes long the first time."""

    def run(self, inputs: LinkInputs, progress: Callable[[int], None]) -> LinkOutputs:
        """Simulates links, one after the other; reports packets."""


@dataclass(frozen=True)
class Workers:
    """What links are simulated by.

    Args:
        backend (str): One of :data:`BACKENDS`. (default: ``"threads"``)
        jobs (int, optional): How many work side by side. (default: one for each core)

    Raises:
        ConfigError: If the backend is unknown or not installed, or the number of jobs is below 1.
    """

    backend: str = "threads"
    jobs: int | None = None

    def __post_init__(self) -> None:
        if self.backend not in BACKENDS:
            raise ConfigError(f"backend: expected {one_of(BACKENDS)} (got {self.backend!r})")
        check_backend("loky" if self.backend == "threads" else self.backend, self.jobs)

    def run(
        self,
        model: LinkModel,
        links: NDArray[np.int64],
        num_packets: NDArray[np.int64],
        make_inputs: Callable[[NDArray[np.int64]], LinkInputs],
        progress: Callable[[int], None],
    ) -> Iterator[tuple[NDArray[np.int64], LinkOutputs]]:
        """Simulates links in batches; gives each batch's links and outputs as they come.

        What comes of a link does not depend on its batch.

        Args:
            model (LinkModel): Simulates them.
            links (np.ndarray): The links.
            num_packets (np.ndarray): The packets of each of them.
            make_inputs (Callable): Gives the inputs of some links.
            progress (Callable): Told now and then how many packets are done since it was told last.
        """
        if len(links) == 0:
            return
        jobs = self.jobs or os.cpu_count() or 1
        batches = balanced_batches(links, num_packets, jobs * _BATCHES_PER_WORKER)
        if self.backend == "threads":
            yield from _in_threads(model, batches, jobs, make_inputs, progress)
            return
        total = dict(zip(links.tolist(), num_packets.tolist(), strict=True))
        calls = ((model, batch, make_inputs(batch)) for batch in batches)
        for batch, outputs in unordered(_run_batch, calls, self.jobs, self.backend):
            progress(sum(total[link] for link in batch.tolist()))
            yield batch, outputs


def balanced_batches(
    links: NDArray[np.int64], num_packets: NDArray[np.int64], count: int
) -> list[NDArray[np.int64]]:
    """Puts links into about so many batches of about as many packets, the largest link first.

    A link with more than a batch's packets is a batch of its own. So no worker is left with a large
    one in the end.
    """
    order = np.argsort(-num_packets, kind="stable")
    most = max(int(num_packets.sum()) // count, 1)
    filled = np.cumsum(num_packets[order])
    cuts, begun = [], 0
    for i, total in enumerate(filled):
        if total - begun >= most:
            cuts.append(i + 1)
            begun = total
    return [batch for batch in np.split(links[order], cuts) if len(batch)]


def _run_batch(
    model: LinkModel, batch: NDArray[np.int64], inputs: LinkInputs
) -> tuple[NDArray[np.int64], LinkOutputs]:
    return batch, model.run(inputs, lambda num_packets: None)


class _Stopped(Exception):
    """The main thread has given up."""


def _in_threads(
    model: LinkModel,
    batches: Iterable[NDArray[np.int64]],
    jobs: int,
    make_inputs: Callable[[NDArray[np.int64]], LinkInputs],
    progress: Callable[[int], None],
) -> Iterator[tuple[NDArray[np.int64], LinkOutputs]]:
    """The main thread only looks on, so it hears Ctrl-C; workers stop at their next report."""
    stop, lock = threading.Event(), threading.Lock()
    done = 0

    def report(num_packets: int) -> None:
        nonlocal done
        if stop.is_set():
            raise _Stopped
        with lock:
            done += num_packets

    def simulate(batch: NDArray[np.int64]) -> tuple[NDArray[np.int64], LinkOutputs]:
        return batch, model.run(make_inputs(batch), report)

    told = 0
    with ThreadPoolExecutor(jobs) as pool:
        waiting = {pool.submit(partial(simulate, batch)) for batch in batches}
        try:
            while waiting:
                ready, waiting = wait(waiting, _PATIENCE_S, FIRST_COMPLETED)
                progress(done - told)
                told = done
                for future in ready:
                    yield future.result()
        finally:
            stop.set()
            for future in waiting:
                future.cancel()
