"""The one-link simulator, from Python: its memory, and the loop that runs it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from m4graph.core.compilation import source_digest
from m4graph.core.errors import ConfigError, SimulationError
from m4graph.scenario import Scenario
from m4graph.scenario.rdma import RdmaControl
from m4graph.simulators.packet import layout
from m4graph.simulators.packet.build import build_idle_state, grow_pools
from m4graph.simulators.packet.congestion import CONGESTION_KERNELS
from m4graph.simulators.packet.hooks import compile_hooks, hooks_digest
from m4graph.simulators.packet.memory import in_lines, zeros
from m4graph.simulators.packet.state import State
from m4graph.simulators.parsimon.kernel import link_loop
from m4graph.simulators.parsimon.layout import (
    COMING,
    FLOW_AT_LINK,
    LEG,
    LINK_INPUT,
    SPOT,
    TIME_BITS,
    LinkRun,
)

NEVER_NS = 2**56
"""The time of a flow that did not finish: above any other, and still far from 64 bits in sums."""

_EVENTS_A_TURN = 1_000_000
_MOST_ACKS = 1 << 22
_NUM_SLOTS = 1 << 12
"""Of the wheel, of 16 ns each: a round trip and a half of most networks, in 32 KB."""


@dataclass(frozen=True)
class LinkInputs:
    """Links to simulate, without anything else of their network.

    Args:
        links (np.ndarray): LINK_INPUT, one for each link.
        flows (np.ndarray): FLOW_AT_LINK: the flows of all links.
        nic_bps (np.ndarray): int64: the NICs of all links.
    """

    links: NDArray[Any]
    flows: NDArray[Any]
    nic_bps: NDArray[np.int64]


@dataclass(frozen=True)
class LinkOutputs:
    """What comes of links.

    Args:
        fct_ns (np.ndarray): The FCT of each flow at each link, int64 ``[rows]``; from
            :data:`NEVER_NS` on if it did not finish.
        sending_ns (np.ndarray): When its last packet was sent, from its start on.
        most_queued_bytes (np.ndarray): The longest queue of each link, int64 ``[links]``.
        from_cache (bool): They were known from before. (default: ``False``)
    """

    fct_ns: NDArray[np.int64]
    sending_ns: NDArray[np.int64]
    most_queued_bytes: NDArray[np.int64]
    from_cache: bool = False


@dataclass(frozen=True, eq=False)
class KernelModel:
    """Links by the kernel of their own: what all links of a scenario have in common.

    Args:
        kind (str): The congestion control.
        arrays (tuple): The packet simulator's state without links, nodes and flows.
        new_flow (tuple): What the congestion control knows of a new flow.
    """

    kind: str
    arrays: tuple[np.ndarray, ...]
    new_flow: tuple[Any, ...]

    @classmethod
    def of(cls, scenario: Scenario) -> KernelModel:
        """The model of a scenario's links.

        Raises:
            ConfigError: If there is no kernel for what the scenario has.
        """
        control, network = scenario.congestion_control, scenario.config
        kernel = CONGESTION_KERNELS.resolve(control.kind)
        advice = "link_model: packet takes it"
        if not isinstance(control, RdmaControl):
            raise ConfigError(
                "congestion_control.kind: expected an RDMA algorithm with the parsimon simulator's "
                f"own link model (got {control.kind}); {advice}"
            )
        if network.queue.kind != "shared":
            raise ConfigError(
                "network.queue.kind: expected shared with the parsimon simulator's own link model "
                f"(got {network.queue.kind}); {advice}"
            )
        slots = zeros(_NUM_SLOTS, layout.WIDE_SLOT)
        slots["head"] = slots["tail"] = layout.NONE
        state = build_idle_state(scenario)._replace(
            links=np.zeros(0, layout.LINK),
            nodes=np.zeros(0, layout.NODE),
            slots=slots,
            occupied=np.zeros(_NUM_SLOTS // 64, np.uint64),
        )
        return cls(control.kind, tuple(state), kernel.make_flow_state(control))

    def identity(self) -> bytes:
        """A hash of all that outputs depend on, but for the links: sources and parameters."""
        state = State(*self.arrays)
        kernel = CONGESTION_KERNELS.resolve(self.kind)
        digest = hashlib.blake2b((source_digest(__name__) + hooks_digest(kernel)).encode())
        for part in (state.config, state.congestion_config):
            digest.update(part.tobytes())
        digest.update(repr((self.kind, self.new_flow)).encode())
        return digest.digest()

    def compile(self) -> None:
        """Compiles the loop and the algorithm's hooks, or loads them from the cache."""
        nothing = LinkInputs(
            np.zeros(0, LINK_INPUT), np.zeros(0, FLOW_AT_LINK), np.zeros(0, np.int64)
        )
        self.run(nothing, lambda num_packets: None)

    def run(self, inputs: LinkInputs, progress: Callable[[int], None]) -> LinkOutputs:
        """Simulates links, one after the other.

        Args:
            inputs (LinkInputs): The links.
            progress (Callable): Told now and then how many packets have been sent since it was
                told last; what it raises ends the run.
        """
        state, run = self._memory(inputs)
        compile_hooks(CONGESTION_KERNELS.resolve(self.kind), state)
        loop, told, reason = link_loop(), 0, layout.PAUSED
        while reason != layout.FINISHED:
            reason = loop(state, run, _EVENTS_A_TURN)
            if reason == layout.STARVED:
                raise SimulationError(
                    f"parsimon: expected a link's flows to end within {2**TIME_BITS} ns "
                    "(got some that take longer)"
                )
            if reason == layout.GROW_POOLS:
                state = grow_pools(state)
                longer = np.zeros(len(state.packets), np.int64)
                longer[: len(run.tx_start_ticks)] = run.tx_start_ticks
                run = run._replace(tx_start_ticks=longer, coming=_longer_ring(run))
            num_packets = int(run.spot["num_packets"][0])
            progress(num_packets - told)
            told = num_packets
        return LinkOutputs(run.fct_ticks, run.sending_ticks, run.most_queued_bytes)

    def _num_acks(self, inputs: LinkInputs) -> int:
        """Times of ACKs to remember on the largest uplink: a window a flow, if one fills it."""
        config = State(*self.arrays).config[0]
        window = -(-int(config["window_bytes"]) // int(config["payload_bytes"]))
        rows = inputs.links["after_row"] - inputs.links["first_row"]
        is_uplink = inputs.links["is_uplink"]
        largest_bytes = inputs.flows["size_bytes"][np.repeat(is_uplink, rows)].max(initial=0)
        if largest_bytes <= window * int(config["payload_bytes"]):
            return 0
        return int(rows[is_uplink].max(initial=0)) * window

    def _memory(self, inputs: LinkInputs) -> tuple[State, LinkRun]:
        """All arrays of a run, as large as the largest of its links needs."""
        kernel = CONGESTION_KERNELS.resolve(self.kind)
        links = inputs.links
        flows = int(np.max(links["after_row"] - links["first_row"], initial=0))
        nics = int(np.max(links["after_nic"] - links["first_nic"], initial=0))
        state = State(*(array.copy() for array in self.arrays))
        has_reports = kernel.keeps_routes
        congestion = zeros(max(flows, 1), in_lines(kernel.flow_state))
        new_flow = zeros(1, congestion.dtype)
        new_flow[0] = self.new_flow
        state = state._replace(
            links=zeros(1 + nics + flows * has_reports, layout.LINK),
            nodes=zeros(nics, layout.NODE),
            flows=zeros(flows, layout.FLOW),
            congestion=congestion,
            timers=np.zeros((flows, kernel.num_timers), np.int32),
            host_flows=np.zeros(flows, np.uint32),
            route_links=np.zeros(3 * flows * has_reports, np.uint32),
        )
        spot = np.zeros(1, SPOT)
        num_acks = self._num_acks(inputs)
        # Beyond that, events for each packet cost less.
        has_memory = num_acks <= _MOST_ACKS
        spot["marks_only"] = kernel.slowed_by_marks_only and has_memory
        run = LinkRun(
            spot=spot,
            links=links,
            flows=inputs.flows,
            nic_bps=inputs.nic_bps,
            fct_ticks=np.full(len(inputs.flows), layout.NONE, np.int64),
            sending_ticks=np.full(len(inputs.flows), layout.NONE, np.int64),
            most_queued_bytes=np.zeros(len(links), np.int64),
            legs=zeros(flows, LEG),
            congestion_words=_as_words(congestion),
            new_congestion=_as_words(new_flow)[0],
            tx_start_ticks=np.zeros(len(state.packets), np.int64),
            acks=np.zeros(num_acks if has_memory else 0, np.int64),
            coming=np.zeros(len(state.packets), COMING),
        )
        return state, run


def _longer_ring(run: LinkRun) -> NDArray[Any]:
    """Twice the room for packets that come to the link; those there are stay in order."""
    ring = run.coming
    longer = np.zeros(2 * len(ring), ring.dtype)
    spot = run.spot[0]
    places = np.arange(spot["first_coming"], spot["after_coming"])
    longer[places & (len(longer) - 1)] = ring[places & (len(ring) - 1)]
    return longer


def _as_words(records: np.ndarray) -> NDArray[np.uint64]:
    return records.view(np.uint8).reshape(len(records), -1).view(np.uint64)
