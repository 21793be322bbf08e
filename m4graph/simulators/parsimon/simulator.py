"""Parsimon as a :class:`~m4graph.simulators.base.Simulator`."""

from __future__ import annotations

import math
import time
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from m4graph.core.announced import announced_compilation
from m4graph.core.checks import check_count
from m4graph.core.errors import ConfigError
from m4graph.core.progress import Progress
from m4graph.core.schema import one_of
from m4graph.results import SimulationResult
from m4graph.scenario import Scenario
from m4graph.simulators.base import Simulator, refuse_faults
from m4graph.simulators.parsimon.alone import alone
from m4graph.simulators.parsimon.combination import Combination, Combine, largest, summed
from m4graph.simulators.parsimon.decomposition import Decomposition
from m4graph.simulators.parsimon.link_inputs import check_span, link_inputs
from m4graph.simulators.parsimon.link_model import KernelModel
from m4graph.simulators.parsimon.passes import held_back, links_that_matter, second_pass
from m4graph.simulators.parsimon.workers import LinkModel, Workers
from m4graph.workload import ClosedLoopWorkload

_COMBINATIONS: dict[str, Combination] = {"max": largest, "sum": summed}


class ParsimonSimulator(Simulator):
    """Takes the network apart and simulates every link by itself, side by side.

    On a link there are its flows with their senders; all else on their ways takes constant time. A
    flow's time is the largest one that any of its links gives it. In a second pass, flows that one
    link holds back come to the others as slowly as that lets them.

    Args:
        passes (int, optional): 1 or 2. (default: ``2``)
        combine (str, optional): How a flow's times at its links become one: their ``"max"``, or
            the ``"sum"`` of its delays. (default: ``"max"``)
        min_load (float, optional): Links below this load are not simulated: no flow waits there.
            (default: ``0.0``)
        jobs (int, optional): How many links are simulated side by side. (default: one for each
            core)
        backend (str, optional): ``"threads"``; ``"loky"`` for processes; or ``"dask"`` or
            ``"ray"`` for a cluster. The results are the same bits. (default: ``"threads"``)

    Reference:
        Zhao et al., "Scalable Tail Latency Estimation for Data Center Networks", NSDI 2023, for
        the decomposition. The largest time and the second pass are ours.

    Not modelled:
        PFC and full buffers; what a flow's packets meet on two links at once.

    Raises:
        ConfigError: If an option is none of these.
    """

    name = "parsimon"
    colour = "#CC79A7"
    is_deterministic = True
    counted = "packets"
    sources = ("m4graph.simulators.packet",)
    neutral_options = frozenset({"jobs", "backend"})

    def __init__(
        self,
        passes: Literal[1, 2] = 2,
        combine: Combine = "max",
        min_load: float = 0.0,
        jobs: int | None = None,
        backend: Literal["threads", "loky", "dask", "ray"] = "threads",
    ) -> None:
        self._passes = check_count("passes", passes, 1, 2)
        if combine not in _COMBINATIONS:
            raise ConfigError(f"combine: expected {one_of(_COMBINATIONS)} (got {combine!r})")
        self._combine = _COMBINATIONS[combine]
        if isinstance(min_load, str) or not 0 <= min_load < math.inf:
            raise ConfigError(f"min_load: expected a number of 0 or more (got {min_load!r})")
        self._min_load = min_load
        self._workers = Workers(backend, jobs)

    def run(self, scenario: Scenario, progress: Progress | None = None) -> SimulationResult:
        """Simulates a scenario until every flow is finished.

        Raises:
            ConfigError: If the scenario is a closed loop, has faults, ticks of a picosecond, or
                what there is no link model for.
            SimulationError: If a worker ends early.
        """
        self._check(scenario)
        started = time.perf_counter()
        model = KernelModel.of(scenario)
        _, compile_s = announced_compilation("parsimon simulator", model.compile)
        network = Decomposition.of(scenario)
        check_span(network)
        fct_ns, packets = self._simulate(network, model, progress)
        wall_s = time.perf_counter() - started - compile_s
        return SimulationResult(
            simulator=self.name,
            flow_id=scenario.workload.id,
            fct_ns=fct_ns,
            ideal_fct_ns=scenario.ideal_fct_ns,
            num_events=2 * scenario.num_flows,
            wall_s=wall_s,
            compile_s=compile_s,
            packet_hops=None,
            scenario=scenario,
            extra={"packet_links": packets},
        )

    def _check(self, scenario: Scenario) -> None:
        refuse_faults(self.name, scenario)
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

    def _simulate(
        self, network: Decomposition, model: LinkModel, progress: Progress | None
    ) -> tuple[NDArray[np.int64], int]:
        lone = alone(network)
        counts = network.link_packets
        first = np.flatnonzero((counts > 0) & (network.load >= self._min_load))
        fct_ns = np.full(len(network.row_flow), -1, np.int64)
        sending_ns = fct_ns.copy()
        done, total = 0, int(counts[first].sum())

        def report(num_packets: int) -> None:
            nonlocal done
            done += num_packets
            if progress is not None:
                progress(done, total)

        def simulate(links: NDArray[np.int64], limits: NDArray[np.int64] | None) -> None:
            batches = self._workers.run(
                model,
                links,
                counts[links],
                lambda batch: link_inputs(network, batch, limits),
                report,
            )
            for batch, outputs in batches:
                rows = _rows(network, batch)
                fct_ns[rows] = outputs.fct_ns
                sending_ns[rows] = outputs.sending_ns

        def combine(times_ns: NDArray[np.int64]) -> NDArray[np.int64]:
            return self._combine(network, times_ns, lone.fct_ns)

        simulate(first, None)
        if self._passes == 1:
            return combine(fct_ns), done
        held = held_back(network, fct_ns, sending_ns, lone)
        again = first[links_that_matter(network, held.limit_bps)[first]]
        before_ns = fct_ns.copy()
        total += int(counts[again].sum())
        simulate(again, held.limit_bps)
        return second_pass(network, before_ns, held, combine, fct_ns), done


def _rows(network: Decomposition, links: NDArray[np.int64]) -> NDArray[np.int64]:
    """The rows of some links, link after link."""
    first, after = network.link_ptr[links], network.link_ptr[links + 1]
    length = after - first
    ends = np.cumsum(length)
    inside = np.arange(ends[-1]) - np.repeat(ends - length, length)
    return np.asarray(np.repeat(first, length) + inside)
