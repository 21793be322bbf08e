"""The packet simulator again, with starts moved a little: how far apart equally true runs are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from m4graph.core.checks import check_count, check_positive
from m4graph.core.progress import Progress
from m4graph.core.rng import generator
from m4graph.results import SimulationResult
from m4graph.routing import Routes
from m4graph.routing.config import RoutingConfig
from m4graph.scenario import Scenario
from m4graph.simulators.base import Simulator, build_simulator
from m4graph.simulators.forecast import MAX_HOURS
from m4graph.workload import AnyWorkload, ClosedLoopWorkload, Workload


class NoiseSimulator(Simulator):
    """Runs ``packet`` with each first start up to ``shift_ns`` later, drawn at random.

    Which packet comes first at a queue decides what all later ones meet. So two runs that differ
    by less than a packet's time give different completion times, and both are true: no simulator
    can be expected to be nearer to one of them than the other one is.

    In a closed loop the flows that wait for none are moved; the others follow. Each flow stays on
    its route, unless packets are sprayed or routing reacts to faults: then the flows of two hosts
    that change places may change routes, too.

    Args:
        shift_ns (int, optional): The most that a start is moved. (default: ``20``)
        seed (int, optional): Of the moves. (default: ``0``)
        max_hours (float, optional): As of ``packet``. (default: ``24``)
    """

    name = "noise"
    colour = "#999999"
    is_deterministic = True
    neutral_options = frozenset({"max_hours"})
    sources = ("m4graph.simulators.packet",)

    def __init__(self, shift_ns: int = 20, seed: int = 0, max_hours: float = MAX_HOURS) -> None:
        self._shift_ns = check_count("shift_ns", shift_ns, 0, 10**9)
        self._seed = check_count("seed", seed, 0)
        self._max_hours = check_positive("max_hours", max_hours)

    def run(self, scenario: Scenario, progress: Progress | None = None) -> SimulationResult:
        """Simulates the moved flows; the result has them in the scenario's order.

        Raises:
            InputError: As ``packet``.
            SimulationError: As ``packet``.
        """
        flows = scenario.workload
        shift_ns = generator(self._seed, "noise", scenario.seed).integers(
            0, self._shift_ns, len(flows.id), endpoint=True
        )
        moved = _moved(flows, shift_ns)
        routing: Routes | RoutingConfig = scenario.routing
        if not _is_dynamic(scenario):
            # ECMP numbers the flows of two hosts in the order of their starts.
            routing = scenario.routes.of_flows(_places(flows.id, moved.id))
        simulator = build_simulator("packet", max_hours=self._max_hours)
        result = simulator.run(scenario.replace(workload=moved, routing=routing), progress)
        order = _places(result.flow_id, flows.id)
        return replace(
            result,
            simulator=self.name,
            scenario=scenario,
            flow_id=result.flow_id[order],
            fct_ns=result.fct_ns[order],
            ideal_fct_ns=scenario.ideal_fct_ns,  # those of the truth, to which it is compared
            start_ns=result.start_ns[order],
            extra={},
        )


def _is_dynamic(scenario: Scenario) -> bool:
    """Whether packets choose their paths, or faults change routes: no routes are given then."""
    reacts = getattr(scenario.routing, "convergence_us", None) is not None
    return scenario.spraying is not None or (reacts and bool(scenario.faults))


def _places(ids: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where each wanted one stands among the same ids: a workload is sorted by its starts."""
    sorter = np.argsort(ids)
    places: NDArray[np.int64] = sorter[np.searchsorted(ids, wanted, sorter=sorter)]
    return places


def _moved(flows: AnyWorkload, shift_ns: NDArray[np.int64]) -> AnyWorkload:
    columns = {name: getattr(flows, name) for name in ("id", "src", "dst", "size_bytes")}
    if isinstance(flows, Workload):
        return Workload.from_arrays(**columns, start_ns=flows.start_ns + shift_ns)
    waits = np.diff(flows.after_ptr) > 0
    return ClosedLoopWorkload.from_arrays(
        **columns,
        ready_ns=flows.ready_ns + np.where(waits, 0, shift_ns),
        after_ptr=flows.after_ptr,
        after=flows.id[flows.after],
        delay_ns=flows.delay_ns,
        limit_per_rack=flows.limit_per_rack,
    )
