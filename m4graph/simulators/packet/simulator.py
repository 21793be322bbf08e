"""The packet simulator as a :class:`~m4graph.simulators.base.Simulator`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from m4graph.core.errors import ConfigError
from m4graph.core.progress import Progress
from m4graph.results import UNFINISHED, SimulationResult
from m4graph.scenario import Scenario
from m4graph.simulators.base import Simulator
from m4graph.simulators.packet.build import build_state
from m4graph.simulators.packet.congestion import CONGESTION_KERNELS
from m4graph.simulators.packet.faults import FaultWatcher, check_faults
from m4graph.simulators.packet.labels import EventLabels, drain_labels, join_labels
from m4graph.simulators.packet.layout import (
    CALLED,
    DRAIN_LABELS,
    DRAIN_TAPS,
    FINISHED,
    GROW_POOLS,
    PAUSED,
    STARVED,
    State,
)
from m4graph.simulators.packet.loop import compiled_loop, pauses_and_drops, with_larger_pools
from m4graph.simulators.packet.recorder import Recorder, drain_taps
from m4graph.simulators.packet.recording import Recording
from m4graph.simulators.packet.session import PacketSession
from m4graph.simulators.packet.watchers import Watcher, begin_all, dispatch, nothing_moves
from m4graph.simulators.session import simulate_closed_loop
from m4graph.workload import ClosedLoopWorkload

_EVENTS_A_TURN = 2_000_000
"""Events between two returns to Python, for Ctrl-C and progress: about a tenth of a second."""


class PacketSimulator(Simulator):
    """Simulates every packet, as ns-3 with the HPCC RDMA model does, to the nanosecond.

    It takes a scenario's faults (:mod:`m4graph.scenario.faults`), which ns-3's model does not have.

    Args:
        labels (bool, optional): Record remaining and queue bytes at every flow arrival and
            departure, as :class:`EventLabels` in ``result.extra["labels"]``. (default: ``False``)
        recording (Recording or dict, optional): Record time series of links and flows, and packets
            at taps, as :class:`Records` in ``result.extra["recording"]``. (default: ``None``)

    Reference:
        ns-3.39 with the HPCC model (Li et al., SIGCOMM 2019), branch parsimon-ns3.39.

    Not modelled:
        Without ``retransmit_timeout_us``, retransmission timers of the RDMA algorithms (a lost tail
        never arrives, as in ns-3; such flows are reported as unfinished). SACK, handshakes. More
        than one cable at a host, queues inside hosts, switch latency.
    """

    name = "packet"
    colour = "#009E73"
    is_deterministic = True

    def __init__(
        self, labels: bool = False, recording: Recording | Mapping[str, object] | None = None
    ) -> None:
        self._labels = labels
        self._recording = None if recording is None else Recording.parse(recording)

    def run(self, scenario: Scenario, progress: Progress | None = None) -> SimulationResult:
        """Simulates until the last flow is complete or nothing is left to happen.

        Raises:
            ConfigError: If the congestion control or the buffers cannot be simulated, flows cannot
                be rerouted, or what is to be recorded does not exist.
            SimulationError: If memory for packets in flight runs out.
        """
        if isinstance(scenario.workload, ClosedLoopWorkload):
            return simulate_closed_loop(self, scenario, progress)
        recorder = None if self._recording is None else Recorder(self._recording, scenario)
        watchers = self._watchers(scenario, recorder)
        state = begin_all(build_state(scenario, self._labels), watchers)
        run, compile_s = compiled_loop(scenario.congestion_control.kind, state)
        started = time.perf_counter()
        state, labels = run_to_end(run, state, progress, watchers)
        wall_s = time.perf_counter() - started
        control = state.control[0]
        extra = pauses_and_drops(state)
        if recorder is not None:
            extra["recording"] = recorder.finish(state)
        if self._labels:
            extra["labels"] = labels
        return SimulationResult(
            simulator=self.name,
            flow_id=scenario.workload.id,
            fct_ns=fct_ns(state),
            ideal_fct_ns=scenario.ideal_fct_ns,
            num_events=int(control["num_started"] + control["num_finished"]),
            wall_s=wall_s,
            compile_s=compile_s,
            packet_hops=int(control["packet_hops"]),
            scenario=scenario,
            extra=extra,
        )

    def open_session(self, scenario: Scenario) -> PacketSession:
        """Opens a session of a scenario's network; its workload does not matter.

        Raises:
            ConfigError: If the congestion control or the buffers cannot be simulated, there are
                faults, or something is to be recorded.
        """
        if self._labels:
            raise ConfigError(
                "labels: expected false in a session or a closed loop (got true); replay the flows "
                "with the starts of its result as an open loop"
            )
        if self._recording is not None:
            raise ConfigError(
                "recording: expected none in a session or a closed loop; replay the flows with the "
                "starts of its result as an open loop"
            )
        return PacketSession(scenario)

    def _watchers(self, scenario: Scenario, recorder: Recorder | None) -> list[Watcher]:
        watchers: list[Watcher] = []
        if scenario.faults:
            kernel = CONGESTION_KERNELS.resolve(scenario.congestion_control.kind)
            check_faults(scenario, self._labels, kernel.keeps_routes)
            watchers.append(FaultWatcher(scenario))
        return watchers if recorder is None else [*watchers, recorder]


def fct_ns(state: State) -> NDArray[np.int64]:
    """The flow completion times so far, int64 ``[num_flows]``, rounded to ns."""
    flows = state.flows[: state.control["num_flows"][0]]
    ticks_per_ns = int(state.config["ticks_per_ns"][0])
    ticks = flows["finish_ticks"] - flows["start_ticks"] + ticks_per_ns // 2
    return np.where(flows["finish_ticks"] < 0, UNFINISHED, ticks // ticks_per_ns)


def run_to_end(
    run: Callable[[State, int], int],
    state: State,
    progress: Progress | None,
    watchers: Sequence[Watcher] = (),
) -> tuple[State, EventLabels]:
    """Runs until ``control.stop_at`` flows are finished or nothing is left to happen."""
    parts = []
    reason = PAUSED
    while reason not in (FINISHED, STARVED):
        reason = run(state, _EVENTS_A_TURN)
        if reason == GROW_POOLS:
            state = with_larger_pools(state)
        elif reason == DRAIN_LABELS:
            parts.append(drain_labels(state))
        elif reason == DRAIN_TAPS:
            drain_taps(state, watchers)
        elif reason == CALLED:
            state = dispatch(state, watchers)
            if nothing_moves(state):
                reason = STARVED
        if progress is not None:
            progress(int(state.control["num_finished"][0]), int(state.control["num_flows"][0]))
    parts.append(drain_labels(state))
    return state, join_labels(parts)
