"""Networks with cables that are dead or slow from the start, as they are once routing knows it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from m4graph.core.errors import ConfigError
from m4graph.results import UNFINISHED, UNFINISHED_BECAUSE, SimulationResult
from m4graph.routing import Routes, RoutingConfig
from m4graph.scenario import Scenario
from m4graph.scenario.faults import Fault, conditions_at
from m4graph.scenario.rdma import RdmaControl
from m4graph.simulators.base import refuse_spraying
from m4graph.workload import ClosedLoopWorkload


@dataclass(frozen=True, eq=False)
class Settled:
    """A scenario without faults that stands for one with faults that are there all the time.

    Args:
        given (Scenario): With the faults.
        scenario (Scenario): Without: its links have the rates that are left, its flows the routes
            around dead cables, and those that would never finish are not there.
        finishes (np.ndarray): Which flows of :obj:`given` those are that do, bool ``[num_flows]``.
    """

    given: Scenario
    scenario: Scenario
    finishes: NDArray[np.bool_]

    @property
    def ideal_fct_ns(self) -> NDArray[np.int64]:
        """Of the flows that finish: alone in the network without faults."""
        return self.given.ideal_fct_ns[self.finishes]

    def among_all(self, values: NDArray[Any], absent: Any) -> NDArray[Any]:
        """Values of flows that finish, among those of all flows."""
        every = np.full((len(self.finishes), *values.shape[1:]), absent, values.dtype)
        every[self.finishes] = values
        return every

    def restored(self, result: SimulationResult) -> SimulationResult:
        """The result of the scenario that was given, from that of the one without faults."""
        if self.scenario is self.given:
            return result
        because = {UNFINISHED_BECAUSE: "a cable on their route is down"}
        return dataclasses.replace(
            result,
            flow_id=self.given.workload.id,
            fct_ns=self.among_all(result.fct_ns, UNFINISHED),
            ideal_fct_ns=self.given.ideal_fct_ns,
            num_events=result.num_events + self.given.num_flows - self.scenario.num_flows,
            scenario=self.given,
            start_ns=self.given.workload.start_ns,
            extra=result.extra | ({} if self.finishes.all() else because),
        )


def settled(simulator: str, scenario: Scenario) -> Settled:
    """The network that flows find when nothing changes any more.

    Cables that are slow have the rate that is left to them; thresholds and windows stay those of
    the cables as built. If routing reacts (``routing.convergence_us``), flows have the routes that
    it gives them in the end, all from their start on. If not, or where hosts are cut off from each
    other, they keep routes with dead cables: what they send before their window is full gets lost,
    and is left out here.

    Args:
        simulator (str): Who asks, for the message.
        scenario (Scenario): An open loop, or a closed one without faults.

    Raises:
        ConfigError: If a fault begins later, ends, or loses packets; names the first one. If
            packets of a flow are spread over paths.
    """
    refuse_spraying(f"the {simulator} simulator", scenario)
    if not scenario.faults or isinstance(scenario.workload, ClosedLoopWorkload):
        return Settled(scenario, scenario, np.ones(scenario.num_flows, bool))
    for index, fault in enumerate(scenario.faults):
        if not _stays(fault):
            raise ConfigError(
                f"faults.{index}: expected a cable that is down or slow from the start to the end "
                f"with the {simulator} simulator; only packet has others (got {_spell(fault)})"
            )
    now = conditions_at(scenario.faults, scenario.arrays, 0)
    routes = _routes(scenario, now.down)
    finishes = _finish(scenario, routes, now.down)
    arrays = dataclasses.replace(scenario.arrays, link_rate_bps=now.rate_bps)
    # A graph has one rate for both directions of a cable, arrays have two.
    without = scenario.replace(
        network=arrays,
        workload=scenario.workload.of_rows(finishes),
        routing=routes.of_flows(finishes),
        expected=None,
        faults=(),
    )
    return Settled(scenario, without, finishes)


def _stays(fault: Fault) -> bool:
    return fault.start_ns == 0 and fault.end_ns is None and fault.loss_probability == 0


def _spell(fault: Fault) -> str:
    until = "" if fault.until_us is None else f" to {fault.until_us:g} us"
    return f"{fault.kind} from {fault.at_us:g} us on{until}"


def _routes(scenario: Scenario, down: NDArray[np.bool_]) -> Routes:
    """The routes in the end."""
    routing, workload = scenario.routing, scenario.workload
    if not isinstance(routing, RoutingConfig) or routing.convergence_us is None or not down.any():
        return scenario.routes
    return routing.reroute(scenario.arrays, scenario.routes, workload.src, workload.dst, down)


def _finish(scenario: Scenario, routes: Routes, down: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which flows finish: data must come through, and ACKs, too, if the first window is not all."""
    control, payload_bytes = scenario.congestion_control, scenario.config.payload_bytes
    window_bytes = control.fixed_window_bytes
    data_comes = ~_crosses(routes.data_ptr, routes.data_links, down)
    acks_come = ~_crosses(routes.ack_ptr, routes.ack_links, down)
    if window_bytes is None:
        return data_comes
    # RDMA sends while less than the window is under way, TCP what fits in whole.
    spare_bytes = payload_bytes - 1 if isinstance(control, RdmaControl) else 0
    first_bytes = (window_bytes + spare_bytes) // payload_bytes * payload_bytes
    return data_comes & (acks_come | (scenario.workload.size_bytes <= first_bytes))


def _crosses(
    ptr: NDArray[np.int64], links: NDArray[np.int32], which: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    return np.logical_or.reduceat(which[links], ptr[:-1]) if len(links) else np.zeros(0, bool)
