"""Links by the packet simulator itself: for what the kernel does not know.

Each link is a network of its own (:mod:`.small_network`). That is slower than the kernel by far,
but any algorithm and any queue runs there as in the packet simulator.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from m4graph import topology
from m4graph.core.compilation import source_digest
from m4graph.core.errors import ConfigError
from m4graph.core.rng import generator
from m4graph.scenario import Scenario
from m4graph.scenario.congestion import MAX_BYTES
from m4graph.scenario.ideal import serialization_ticks
from m4graph.simulators.packet.build import build_idle_state
from m4graph.simulators.packet.congestion import CONGESTION_KERNELS
from m4graph.simulators.packet.congestion.base import nothing
from m4graph.simulators.packet.driver import PacketRun
from m4graph.simulators.packet.flows import NewFlows, append_flows, queue_starts
from m4graph.simulators.packet.hooks import hooks_digest
from m4graph.simulators.packet.state import State
from m4graph.simulators.parsimon.link_model import NEVER_NS, LinkInputs, LinkOutputs
from m4graph.simulators.parsimon.small_network import SmallNetwork
from m4graph.workload import Workload

_MARKING_BELOW = 2**32 - 22_853
"""The numbers that a stream of marks consists of are below."""
_NO_HEADROOM = 1e-15
"""Of a buffer: less than a byte."""


@dataclass(frozen=True, eq=False)
class PacketModel:
    """Links by the packet simulator: what all links of a scenario have in common.

    Args:
        scenario (Scenario): Algorithm and configuration, without a network or flows.
        parameters (np.ndarray): What the algorithm makes of the whole network.
    """

    scenario: Scenario
    parameters: NDArray[Any]

    @classmethod
    def of(cls, scenario: Scenario) -> PacketModel:
        """The model of a scenario's links.

        With PFC no link drops anything, and none is paused. Without, a link has all of its switch's
        buffer, since nothing else is there.

        Raises:
            ConfigError: If switches report to the algorithm: they are not there.
        """
        kind, config = scenario.congestion_control.kind, scenario.config
        if CONGESTION_KERNELS.resolve(kind).on_forward is not nothing:
            raise ConfigError(
                "congestion_control.kind: expected an algorithm to which switches report nothing "
                f"with the parsimon simulator's link_model: packet (got {kind})"
            )
        changes: dict[str, Any] = {"pfc": False, "headroom_cap": _NO_HEADROOM}
        if config.pfc:
            changes["buffer_bytes"] = MAX_BYTES
        nobody = np.zeros(0, np.int64)
        common = scenario.replace(
            network=topology.validate(topology.star(num_hosts=2)),
            workload=Workload.from_arrays(nobody, nobody, nobody, nobody, nobody),
            routing="ecmp",
            config=config.model_copy(update=changes),
            expected=None,
            faults=(),
            stop_ns=None,
        )
        return cls(common, build_idle_state(scenario).congestion_config)

    def identity(self) -> bytes:
        """As :meth:`.KernelModel.identity`."""
        control, config = self.scenario.congestion_control, self.scenario.config
        kernel = CONGESTION_KERNELS.resolve(control.kind)
        digest = hashlib.blake2b((source_digest(__name__) + hooks_digest(kernel)).encode())
        digest.update((control.model_dump_json() + config.model_dump_json()).encode())
        digest.update(self.parameters.tobytes())
        return digest.digest()

    def compile(self) -> None:
        """Compiles the packet simulator for the algorithm, or loads it from the cache."""
        PacketRun(self.scenario, build_idle_state(self.scenario))

    def run(self, inputs: LinkInputs, progress: Callable[[int], None]) -> LinkOutputs:
        """As :meth:`.KernelModel.run`; the longest queues are not looked at, and are 0.

        Args:
            inputs (LinkInputs): The links.
            progress (Callable): As of :meth:`.KernelModel.run`.

        Raises:
            SimulationError: If memory for packets in flight runs out.
        """
        fct_ns = np.empty(len(inputs.flows), np.int64)
        sending_ns = np.empty_like(fct_ns)
        for link in inputs.links:
            rows = slice(link["first_row"], link["after_row"])
            nic_bps = inputs.nic_bps[link["first_nic"] : link["after_nic"]]
            fct_ns[rows], sending_ns[rows] = self._run(link, inputs.flows[rows], nic_bps, progress)
        return LinkOutputs(fct_ns, sending_ns, np.zeros(len(inputs.links), np.int64))

    def _run(
        self,
        link: Any,
        flows: NDArray[Any],
        nic_bps: NDArray[np.int64],
        progress: Callable[[int], None],
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        kernel = CONGESTION_KERNELS.resolve(self.scenario.congestion_control.kind)
        payload_bytes = self.scenario.config.payload_bytes
        network = SmallNetwork.of(link, flows, payload_bytes, kernel.data_overhead_bytes)
        run = PacketRun(self.scenario, self._state(link, flows, nic_bps, network))
        run.run_to_end(lambda num_finished, num_flows: progress(0))
        progress(int((-(-flows["size_bytes"] // payload_bytes)).sum()))
        finish_ns = run.state.flows["finish_ticks"]
        fct_ns = finish_ns - flows["start_ticks"] - network.late_ns(link, flows, nic_bps)
        # As if the last packet had not waited after it was sent.
        sending_ns = np.maximum(fct_ns - flows["to_last_ticks"] - flows["from_last_ticks"], 0)
        is_lost = finish_ns < 0
        return np.where(is_lost, NEVER_NS, fct_ns), np.where(is_lost, NEVER_NS, sending_ns)

    def _state(
        self, link: Any, flows: NDArray[Any], nic_bps: NDArray[np.int64], network: SmallNetwork
    ) -> State:
        """The packet simulator's arrays for a link."""
        control = self.scenario.congestion_control
        state = build_idle_state(self.scenario.replace(network=network.arrays))
        state.congestion_config[:] = self.parameters
        # A stream of marks for each link, whatever is simulated before it.
        stream = generator(int(link["random"]), "parsimon", "marks")
        state.marking[:] = stream.integers(1, _MARKING_BELOW, len(state.marking), np.uint64)
        _set_rate(state, network.uplink, nic_bps)
        if not link["is_uplink"]:
            _set_rate(state, np.array([network.target]), np.array([link["rate_bps"]]))
            for name in ("kmin_bytes", "kmax_bytes"):
                state.links[name][network.target] = link[name]
        if link["is_downlink"]:
            state.links["ack_tx_ticks"][network.target ^ 1] = link["ack_tx_ticks"]
        new_flow = CONGESTION_KERNELS.resolve(control.kind).make_flow_state(control)
        state = append_flows(state, NewFlows(flows["size_bytes"], network.routes), new_flow)
        line_bps = flows["line_rate_bps"]
        state.flows["rate_bps"] = state.flows["line_rate_bps"] = line_bps
        state.flows["full_pace_ticks"] = _full_tx_ticks(state, line_bps)
        queue_starts(state, np.arange(len(flows), dtype=np.int32), flows["start_ticks"])
        state.control["stop_at"] = len(flows)
        return state


def _set_rate(state: State, links: NDArray[np.int64], rate_bps: NDArray[np.int64]) -> None:
    state.links["rate_bps"][links] = rate_bps
    state.links["full_tx_ticks"][links] = _full_tx_ticks(state, rate_bps)


def _full_tx_ticks(state: State, rate_bps: NDArray[np.int64]) -> NDArray[np.int64]:
    config = state.config[0]
    full_bytes = config["payload_bytes"] + config["data_overhead_bytes"]
    return np.asarray(serialization_ticks(np.full_like(rate_bps, full_bytes), rate_bps))
