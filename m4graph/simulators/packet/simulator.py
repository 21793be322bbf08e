"""The packet simulator as a :class:`~m4graph.simulators.base.Simulator`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from m4graph.core.calls import plain_call
from m4graph.core.checks import check_positive
from m4graph.core.errors import ConfigError
from m4graph.core.progress import Progress
from m4graph.results import UNFINISHED, SimulationResult
from m4graph.scenario import Scenario
from m4graph.simulators.base import Simulator
from m4graph.simulators.forecast import MAX_HOURS
from m4graph.simulators.packet.build import build_state
from m4graph.simulators.packet.congestion import CONGESTION_KERNELS
from m4graph.simulators.packet.driver import PacketRun, Watcher
from m4graph.simulators.packet.faults import FaultWatcher, check_faults
from m4graph.simulators.packet.forecast import check_forecast
from m4graph.simulators.packet.observe.config import Recording
from m4graph.simulators.packet.observe.labels import Labels
from m4graph.simulators.packet.observe.sampler import Sampler
from m4graph.simulators.packet.session import PacketSession
from m4graph.simulators.packet.state import State
from m4graph.simulators.packet.warm_up import packet_warm_ups
from m4graph.simulators.session import simulate_closed_loop
from m4graph.workload import ClosedLoopWorkload


@plain_call
class PacketSimulator(Simulator):
    """Simulates every packet, as ns-3 with the HPCC RDMA model does, to the nanosecond.

    It takes a scenario's faults (:mod:`m4graph.scenario.faults`), which ns-3's model does not have.

    Args:
        labels (bool, optional): Record remaining and queue bytes at every flow arrival and
            departure, as :class:`EventLabels` in ``result.extra["labels"]``. (default: ``False``)
        recording (Recording or dict, optional): Record time series of links and flows, and packets
            at taps, as :class:`Records` in ``result.extra["recording"]``. (default: ``None``)
        watchers (Sequence[Watcher], optional): Called at times that they choose. (default: none)
        max_hours (float, optional): Refuse a scenario with more work than this, by the size of its
            flows and the usual speed (:mod:`.forecast`). (default: ``24``)

    Reference:
        ns-3.39 with the HPCC model (Li et al., SIGCOMM 2019), branch parsimon-ns3.39.

    Not modelled:
        Without ``retransmit_timeout_us``, retransmission timers of the RDMA algorithms (a lost tail
        never arrives, as in ns-3; such flows are reported as unfinished). SACK, handshakes. Queues
        inside hosts, switch latency.
    """

    name = "packet"
    colour = "#222222"
    is_deterministic = True
    neutral_options = frozenset({"max_hours"})

    def __init__(
        self,
        labels: bool = False,
        recording: Recording | Mapping[str, object] | None = None,
        watchers: Sequence[Watcher] = (),
        max_hours: float = MAX_HOURS,
    ) -> None:
        self._labels = labels
        self._recording = None if recording is None else Recording.parse(recording)
        self._watchers = watchers
        self._max_hours = check_positive("max_hours", max_hours)

    @classmethod
    def warm_ups(cls, every: bool) -> dict[str, Callable[[], object]]:
        """As :meth:`Simulator.warm_ups`: one for each algorithm, or for each of its variants.

        Args:
            every (bool): Those with faults, recordings, other queues and ticks, too.
        """
        return packet_warm_ups(cls, every)

    def run(self, scenario: Scenario, progress: Progress | None = None) -> SimulationResult:
        """Simulates until the last flow is complete or nothing is left to happen.

        Raises:
            ConfigError: If the congestion control or the buffers cannot be simulated, flows cannot
                be rerouted or spread over paths, what is to be recorded does not exist, or it is
                too much work.
            SimulationError: If memory for packets in flight runs out.
        """
        check_forecast(scenario, self._max_hours)
        self._check_spraying(scenario)
        if isinstance(scenario.workload, ClosedLoopWorkload):
            return simulate_closed_loop(self, scenario, progress)
        run = PacketRun(scenario, build_state(scenario), self._all_watchers(scenario))
        started = time.perf_counter()
        extra = run.run_to_end(progress)
        wall_s = time.perf_counter() - started
        control = run.state.control[0]
        return SimulationResult(
            simulator=self.name,
            flow_id=scenario.workload.id,
            fct_ns=_fct_ns(run.state),
            ideal_fct_ns=scenario.ideal_fct_ns,
            num_events=int(control["num_started"] + control["num_finished"]),
            wall_s=wall_s,
            compile_s=run.compile_s,
            packet_hops=int(control["packet_hops"]),
            scenario=scenario,
            extra=extra,
        )

    def open_session(self, scenario: Scenario) -> PacketSession:
        """Opens a session of a scenario's network; its workload does not matter.

        Raises:
            ConfigError: If the congestion control or the buffers cannot be simulated, there are
                faults or watchers, or something is to be recorded.
        """
        refused = (
            ("labels", "false", self._labels),
            ("recording", "none", self._recording is not None),
            ("watchers", "none", len(self._watchers) > 0),
        )
        for name, expected, is_given in refused:
            if is_given:
                raise ConfigError(
                    f"{name}: expected {expected} in a session or a closed loop; replay the flows "
                    "with the starts of its result as an open loop"
                )
        return PacketSession(scenario)

    def _check_spraying(self, scenario: Scenario) -> None:
        """Refuses to record what holds for one route of a flow."""
        if scenario.spraying is None:
            return
        rtt = self._recording is not None and self._recording.rtt is not None
        for key, is_given in (("labels", self._labels), ("recording.rtt", rtt)):
            if is_given:
                raise ConfigError(
                    f"{key}: expected none with packets of a flow on several paths, as it counts "
                    "on their order on one route"
                )

    def _all_watchers(self, scenario: Scenario) -> list[Watcher]:
        """Those of one run: what acts on it before what looks on."""
        watchers: list[Watcher] = []
        if scenario.faults:
            kernel = CONGESTION_KERNELS.resolve(scenario.congestion_control.kind)
            check_faults(scenario, self._labels, kernel.keeps_routes)
            watchers.append(FaultWatcher(scenario))
        if self._labels:
            watchers.append(Labels())
        if self._recording is not None:
            watchers.append(Sampler(self._recording, scenario))
        return [*watchers, *self._watchers]


def _fct_ns(state: State) -> NDArray[np.int64]:
    """The flow completion times so far, int64 ``[num_flows]``, rounded to ns."""
    flows = state.flows[: state.control["num_flows"][0]]
    ticks_per_ns = int(state.config["ticks_per_ns"][0])
    ticks = flows["finish_ticks"] - flows["start_ticks"] + ticks_per_ns // 2
    return np.where(flows["finish_ticks"] < 0, UNFINISHED, ticks // ticks_per_ns)
