"""A simulator that needs no time: every flow takes what it would take alone."""

from __future__ import annotations

from m4graph.core.errors import InputError, SimulationError
from m4graph.results import SimulationResult
from m4graph.simulators import Simulator


class IdealSimulator(Simulator):
    name = "ideal"

    def __init__(self, unfinished: int = 0, device: str = "cpu") -> None:
        if device == "warp":
            raise InputError("device: expected cpu (got 'warp')")
        self.unfinished = unfinished

    def run(self, scenario, progress=None):
        if scenario.name == "fail":
            raise SimulationError("flow 1: expected an end (got none)")
        if scenario.name == "bug":
            raise ZeroDivisionError
        fct_ns = scenario.ideal_fct_ns.copy()
        fct_ns[: self.unfinished] = -1
        if progress is not None:
            progress(scenario.num_flows, scenario.num_flows)
        return SimulationResult(
            simulator=self.name,
            flow_id=scenario.workload.id,
            fct_ns=fct_ns,
            ideal_fct_ns=scenario.ideal_fct_ns,
            num_events=2 * scenario.num_flows - self.unfinished,
            wall_s=0.0,
            compile_s=0.0,
            packet_hops=None,
            scenario=scenario,
        )
