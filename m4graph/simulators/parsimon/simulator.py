"""Parsimon as a :class:`~m4graph.simulators.base.Simulator`."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from m4graph.core.announced import announced_compilation
from m4graph.core.checks import check_count, check_positive
from m4graph.core.errors import ConfigError, one_of
from m4graph.core.progress import Progress
from m4graph.results import UNFINISHED, SimulationResult
from m4graph.scenario import Scenario
from m4graph.simulators.base import Simulator
from m4graph.simulators.forecast import MAX_HOURS, S_PER_HOUR, check_hours
from m4graph.simulators.parsimon.alone import alone
from m4graph.simulators.parsimon.attribution import attribute
from m4graph.simulators.parsimon.buffers import warn_of_full_buffers
from m4graph.simulators.parsimon.cache import CachedWorkers
from m4graph.simulators.parsimon.combination import (
    Combination,
    Combine,
    bottleneck_row,
    largest,
    summed,
)
from m4graph.simulators.parsimon.decomposition import Decomposition
from m4graph.simulators.parsimon.link_inputs import check_span
from m4graph.simulators.parsimon.link_model import NEVER_NS, KernelModel
from m4graph.simulators.parsimon.link_runs import LinkRuns, LinkWorkers
from m4graph.simulators.parsimon.monte_carlo import drawn, representatives
from m4graph.simulators.parsimon.packet_model import PacketModel
from m4graph.simulators.parsimon.passes import held_back, links_that_matter, second_pass
from m4graph.simulators.parsimon.workers import LinkModel, Workers
from m4graph.simulators.settled import settled
from m4graph.workload import ClosedLoopWorkload

_COMBINATIONS: dict[str, Combination] = {"max": largest, "sum": summed}
_LINK_MODELS: dict[str, Callable[[Scenario], LinkModel]] = {
    "kernel": KernelModel.of,
    "packet": PacketModel.of,
}

PACKETS_PER_S = {"kernel": 10**7, "packet": 2 * 10**6}
"""Packets on a link that one core simulates in a second, by link model."""


class ParsimonSimulator(Simulator):
    """Takes the network apart and simulates every link by itself, side by side.

    On a link there are its flows with their senders; all else on their ways takes constant time. A
    flow's time is the largest one that any of its links gives it. In a second pass, flows that one
    link holds back come to the others as slowly as that lets them.

    Args:
        passes (int, optional): 1 or 2. (default: ``2``, with ``"monte_carlo"`` its only one)
        combine (str, optional): How a flow's times at its links become one: their ``"max"``, or
            the ``"sum"`` of its delays. ``"monte_carlo"`` is the published algorithm, as a
            baseline: links that are alike are simulated once, and a flow's delays are drawn from
            those of flows of about its size and summed. (default: ``"max"``)
        link_model (str, optional): What simulates a link: the ``"kernel"``, made for that; or the
            ``"packet"`` simulator on a network as small as the link, several times slower, which
            knows any algorithm that needs no reports of switches, and any queue.
            (default: ``"kernel"``)
        min_load (float, optional): Links below this load are not simulated: no flow waits there.
            (default: ``0.0``)
        jobs (int, optional): How many links are simulated side by side. (default: one for each
            core)
        backend (str, optional): ``"threads"``; ``"loky"`` for processes; or ``"dask"`` or
            ``"ray"`` for a cluster. The results are the same bits. (default: ``"threads"``)
        cache (str or Path, optional): A folder where what comes of links is kept, for runs in
            which other links change: the results are the same bits. (default: none)
        max_hours (float, optional): Refuse a scenario with more work than this for one core, by
            the packets on all links (:data:`PACKETS_PER_S`). (default: ``24``)

    Reference:
        Zhao et al., "Scalable Tail Latency Estimation for Data Center Networks", NSDI 2023, for
        the decomposition. The largest time and the second pass are ours.

    Not modelled:
        PFC and full buffers; what a flow's packets meet on two links at once.

    Raises:
        InputError: If an option is none of these, or nothing can be written to the cache.
    """

    name = "parsimon"
    colour = "#CC79A7"
    is_deterministic = True
    counted = "packets"
    sources = ("m4graph.simulators.packet",)
    neutral_options = frozenset({"jobs", "backend", "cache", "max_hours"})

    @classmethod
    def resolve_options(cls, options: Mapping[str, Any]) -> dict[str, Any]:
        """As :meth:`.Simulator.resolve_options`, with the number of passes."""
        resolved = super().resolve_options(options)
        resolved["passes"] = _num_passes(resolved["passes"], resolved["combine"])
        return resolved

    def __init__(
        self,
        passes: Literal[1, 2] | None = None,
        combine: Combine = "max",
        link_model: Literal["kernel", "packet"] = "kernel",
        min_load: float = 0.0,
        jobs: int | None = None,
        backend: Literal["threads", "loky", "dask", "ray"] = "threads",
        cache: str | os.PathLike[str] | None = None,
        max_hours: float = MAX_HOURS,
    ) -> None:
        self._max_hours = check_positive("max_hours", max_hours)
        for name, value, known in (
            ("combine", combine, get_args(Combine)),
            ("link_model", link_model, tuple(_LINK_MODELS)),
        ):
            if value not in known:
                raise ConfigError(f"{name}: expected {one_of(known)} (got {value!r})")
        self._combine: str = combine
        self._link_model = link_model
        self._passes = _num_passes(passes, combine)
        if isinstance(min_load, str) or not 0 <= min_load < math.inf:
            raise ConfigError(f"min_load: expected a number of 0 or more (got {min_load!r})")
        self._min_load = min_load
        workers = Workers(backend, jobs)
        self._workers: LinkWorkers = workers
        if cache is not None:
            self._workers = CachedWorkers(workers, Path(cache))

    def run(self, scenario: Scenario, progress: Progress | None = None) -> SimulationResult:
        """Simulates a scenario until every flow is finished.

        Raises:
            ConfigError: If the scenario is a closed loop, has faults (but for cables that are down
                or slow from the start to the end), ticks of a picosecond, or what there is no link
                model for, or it is too much work.
            SimulationError: If a worker ends early.
        """
        self._check(scenario)
        found = settled(self.name, scenario)
        started = time.perf_counter()
        network = Decomposition.of(found.scenario, scenario.arrays.link_rate_bps)
        check_span(network)
        busy = np.flatnonzero((network.link_packets > 0) & (network.load >= self._min_load))
        self._check_work(network.link_packets[busy])
        model = _LINK_MODELS[self._link_model](found.scenario)
        _, compile_s = announced_compilation("parsimon simulator", model.compile)
        runs = LinkRuns(network, model, self._workers, progress)
        fct_ns, row = self._simulate(network, busy, runs)
        warn_of_full_buffers(network.scenario, runs.most_queued_bytes)
        slowdown = fct_ns / found.ideal_fct_ns
        links = attribute(network, runs.state, row, slowdown)
        wall_s = time.perf_counter() - started - compile_s
        result = SimulationResult(
            simulator=self.name,
            flow_id=network.scenario.workload.id,
            fct_ns=np.where(fct_ns < NEVER_NS, fct_ns, UNFINISHED),
            ideal_fct_ns=found.ideal_fct_ns,
            num_events=2 * network.scenario.num_flows,
            wall_s=wall_s,
            compile_s=compile_s,
            packet_hops=None,
            scenario=network.scenario,
            extra={"links": links, **runs.counts()},
        )
        return found.restored(result)

    def _check(self, scenario: Scenario) -> None:
        if isinstance(scenario.workload, ClosedLoopWorkload):
            raise ConfigError(
                "workload: expected an open loop with the parsimon simulator, which needs all "
                "starts before it begins (got a closed loop)"
            )
        if scenario.config.tick != "ns":
            raise ConfigError(
                "network.tick: expected ns with the parsimon simulator "
                f"(got {scenario.config.tick})"
            )

    def _check_work(self, link_packets: NDArray[np.int64]) -> None:
        packets = self._passes * float(link_packets.sum(dtype=np.float64))
        per_s = PACKETS_PER_S[self._link_model]
        hours = packets / per_s / S_PER_HOUR
        work = f"{packets:.2g} packets on links, {hours:.2g} hours at {per_s:.0e} a second"
        check_hours(self.name, hours, work, self._max_hours)

    def _simulate(
        self, network: Decomposition, links: NDArray[np.int64], runs: LinkRuns
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """FCTs of flows, and the row in which each is held up longest; -1: nowhere."""
        lone = alone(network)

        def combine(times_ns: NDArray[np.int64]) -> NDArray[np.int64]:
            return _COMBINATIONS[self._combine](network, times_ns, lone.fct_ns)

        if self._combine == "monte_carlo":
            representative = representatives(network, links)
            runs.simulate(np.unique(representative[links]))
            # No flow has a time at a link.
            nowhere = np.full(network.scenario.num_flows, -1)
            return drawn(network, runs.fct_ns, representative), nowhere
        runs.simulate(links)
        if self._passes == 1:
            fct_ns, row = combine(runs.fct_ns), bottleneck_row(network, runs.fct_ns)
        else:
            held = held_back(network, runs.fct_ns, runs.sending_ns, lone)
            again = links[links_that_matter(network, held.limit_bps)[links]]
            runs.simulate(again, held.limit_bps)
            fct_ns = second_pass(held, combine, runs.fct_ns)
            row = np.where(held.row >= 0, held.row, bottleneck_row(network, runs.fct_ns))
        return fct_ns, np.where(fct_ns > lone.fct_ns, row, -1)


def _num_passes(passes: int | None, combine: Combine) -> int:
    most = 1 if combine == "monte_carlo" else 2
    if passes is None:
        return most
    if check_count("passes", passes, 1, 2) > most:
        raise ConfigError(
            f"passes: expected 1 with combine: {combine}, whose flows have no time at a link to "
            f"make a second one of (got {passes})"
        )
    return passes
