"""Faults in a run: what they change in the arrays, and when."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from m4graph.core.errors import ConfigError
from m4graph.core.rng import generator
from m4graph.core.units import NS_PER_US
from m4graph.routing import PathFinder, Routes, RoutingConfig
from m4graph.scenario import Scenario
from m4graph.scenario.faults import conditions_at
from m4graph.simulators.packet import layout
from m4graph.simulators.packet.driver import PacketRun, Watcher
from m4graph.simulators.packet.flows import set_routes
from m4graph.simulators.packet.state import State


class FaultWatcher(Watcher):
    """Changes links at the times of a scenario's faults, and routes flows anew.

    A call may stand before or behind what else happens in its instant: a packet that is due in the
    very tick in which its link goes down may get through.

    Args:
        scenario (Scenario): One with faults.
    """

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._routes: Routes = scenario.routes
        self._change_ns = _change_times_ns(scenario)
        self._reroute_ns = _reroute_times_ns(scenario)

    def begin(self, run: PacketRun) -> None:
        """Lays out the wires, and asks for all calls."""
        arrays, seed = self._scenario.arrays, self._scenario.seed
        wires = np.zeros(arrays.num_links, layout.WIRE)
        for fault in self._scenario.faults:
            for link in fault.links(arrays):
                ends = int(arrays.link_src[link]), int(arrays.link_dst[link])
                wires["random"][link] = generator(seed, "link loss", *ends).integers(
                    2**64, dtype=np.uint64, endpoint=False
                )
        run.state = run.state._replace(wires=wires)
        for time_ns in sorted(self._change_ns | self._reroute_ns.keys()):
            run.call_at(time_ns, self._act)

    def _act(self, run: PacketRun) -> None:
        """Makes the links what the faults of this moment make of them."""
        now_ns = run.now_ns
        if now_ns in self._change_ns:
            self._change_links(run.state, now_ns)
        if now_ns in self._reroute_ns:
            run.state, nics = self._reroute(run.state, self._reroute_ns[now_ns])
            run.wake_nics(nics)

    def _change_links(self, state: State, now_ns: int) -> None:
        conditions = conditions_at(self._scenario.faults, self._scenario.arrays, now_ns)
        wires, links, config = state.wires, state.links, state.config[0]
        come_up = wires["down"] & ~conditions.down
        wires["lost_until"][come_up] = wires["num_sent"][come_up]
        wires["down"] = conditions.down
        wires["loss_probability"] = conditions.loss_probability
        links["rate_bps"] = conditions.rate_bps
        full_bytes = int(config["payload_bytes"] + config["data_overhead_bytes"])
        links["full_tx_ticks"] = full_bytes * config["byte_ticks"] // conditions.rate_bps
        ack_bytes = int(config["ack_wire_bytes"])
        links["ack_tx_ticks"] = ack_bytes * config["byte_ticks"] // conditions.rate_bps

    def _reroute(self, state: State, seen_ns: int) -> tuple[State, NDArray[np.integer]]:
        """Gives the flows that are not over their routes around what was down at a time; and the
        NICs that some have moved to.
        """
        scenario = self._scenario
        assert isinstance(scenario.routing, RoutingConfig)
        workload, arrays = scenario.workload, scenario.arrays
        down = conditions_at(scenario.faults, arrays, seen_ns).down
        hosts = workload.src, workload.dst
        new = scenario.routing.reroute(arrays, self._routes, *hosts, down)
        flows = state.flows[: workload.num_flows]
        is_over = flows["snd_una"] >= flows["size_bytes"]
        spraying = scenario.spraying
        # Those that are spread over paths may lose some, or get some, beside their route.
        differs = _differ(self._routes, new) if spraying is None else np.ones(len(flows), bool)
        rows = np.flatnonzero(differs & ~is_over)
        self._routes = new
        chosen = new.of_flows(rows)
        if spraying is None:
            return set_routes(state, rows, chosen)
        without = down | down[np.arange(arrays.num_links) ^ 1]
        finder = PathFinder(arrays, spraying.prefer_nvswitch, without)
        return set_routes(state, rows, chosen, finder.find(chosen))


def check_faults(scenario: Scenario, records_labels: bool, keeps_routes: bool) -> None:
    """Checks that a run can do what the scenario's faults ask for.

    Args:
        scenario (Scenario): The scenario.
        records_labels (bool): Labels are recorded.
        keeps_routes (bool): The congestion control cannot follow a flow to another route.

    Raises:
        ConfigError: If flows were to get new routes, but cannot.
    """
    if not _reroute_times_ns(scenario):
        return
    key = "routing.convergence_us: expected null"
    if records_labels:
        raise ConfigError(f"{key} where labels are recorded, which know one route of each flow")
    if keeps_routes:
        kind = scenario.congestion_control.kind
        raise ConfigError(f"{key} with {kind}, whose packets report on the links of one route")


def _change_times_ns(scenario: Scenario) -> set[int]:
    starts = {fault.start_ns for fault in scenario.faults}
    return starts | {fault.end_ns for fault in scenario.faults if fault.end_ns is not None}


def _reroute_times_ns(scenario: Scenario) -> dict[int, int]:
    """When flows are routed anew, each with the time whose cables count."""
    routing = scenario.routing
    if not isinstance(routing, RoutingConfig) or routing.convergence_us is None:
        return {}
    delay_ns = round(routing.convergence_us * NS_PER_US)
    downs = [fault for fault in scenario.faults if fault.takes_down]
    changes = {fault.start_ns for fault in downs}
    changes |= {fault.end_ns for fault in downs if fault.end_ns is not None}
    return {change_ns + delay_ns: change_ns for change_ns in changes}


def _differ(one: Routes, other: Routes) -> NDArray[np.bool_]:
    """Which flows have another data or ACK route, bool ``[num_flows]``."""
    return _ragged_differ(one.data_ptr, one.data_links, other.data_ptr, other.data_links) | (
        _ragged_differ(one.ack_ptr, one.ack_links, other.ack_ptr, other.ack_links)
    )


def _ragged_differ(
    ptr: NDArray[np.int64],
    links: NDArray[np.int32],
    other_ptr: NDArray[np.int64],
    other_links: NDArray[np.int32],
) -> NDArray[np.bool_]:
    differ: NDArray[np.bool_] = np.diff(ptr) != np.diff(other_ptr)
    same_length = np.repeat(~differ, np.diff(ptr))
    other_same = np.repeat(~differ, np.diff(other_ptr))
    row = np.repeat(np.arange(len(ptr) - 1), np.diff(ptr))[same_length]
    differ[row[links[same_length] != other_links[other_same]]] = True
    return differ
