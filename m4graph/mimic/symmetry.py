"""What the simulated pod of a composed run shows of the others, which are like it.

A network of two pods cannot teach all. A core has one link in for each link out there, and nothing
waits at it; with more pods, hidden flows meet at the core ports towards a mimic. And where queues
are at the cores, those inside the pods are shorter. But all packets of the simulated pod are there,
and those of the core ports towards it: a mimic can be taught by them, at the size at which it is to
be used, and what it is taught changes them a little.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from m4graph.core.progress import Progress
from m4graph.core.units import BITS_PER_BYTE, NS_PER_S
from m4graph.mimic.border_rows import EGRESS, INGRESS
from m4graph.mimic.boundary import BoundaryTrace, taps_of
from m4graph.mimic.clusters import Pods
from m4graph.mimic.compose import SIMULATED_POD, hook, visible
from m4graph.mimic.models.base import MimicModel
from m4graph.mimic.port_waits import DROPPED, PORTS_INSIDE, PortWaits, inside, role_rate_bps
from m4graph.mimic.shape import AGG_DOWN, AGG_UP, CORE_DOWN, RACK_DOWN
from m4graph.results import SimulationResult
from m4graph.scenario import Scenario
from m4graph.simulators.packet.layout import DATA, DROP, ENTER, LEAVE
from m4graph.simulators.packet.simulator import PacketSimulator
from m4graph.workload import Workload

ROUNDS = 3

_TOWARDS_HOSTS = (CORE_DOWN, AGG_DOWN, RACK_DOWN)


@dataclass(frozen=True, eq=False)
class RunAtSize:
    """What a composed run shows.

    Fields:
        - ports: by role, what packets met at the ports of the simulated pod, and at those of the
          cores towards it
        - mimic_drops: float64 ``[2, 2]``, by direction and kind, the part of packets that mimics
          dropped
    """

    ports: dict[int, PortWaits]
    mimic_drops: NDArray[np.float64]

    def pod_drops(self) -> NDArray[np.float64]:
        """The same of the simulated pod, and of the cores towards it."""
        kept = np.ones((2, 2))
        for (role, waits), kind in product(self.ports.items(), range(2)):
            dropped = waits.dropped[waits.kind == kind]
            direction = INGRESS if role in _TOWARDS_HOSTS else EGRESS
            kept[direction, kind] *= 1 - dropped.sum() / max(len(dropped), 1)
        return 1 - kept


def runs_at_size(
    model: MimicModel, scenario: Scenario, seed: int, progress: Progress | None = None
) -> Iterator[RunAtSize]:
    """Composed runs, one after the other, in which a model may learn from the one before.

    Args:
        model (MimicModel): At all pods but the simulated one.
        scenario (Scenario): Of three pods or more, an open loop; all of its flows.
        seed (int): Of everything random in it.
        progress (Progress, optional): Called with flows that are done. (default: ``None``)

    Yields:
        RunAtSize: The run.

    Raises:
        ConfigError: If the scenario does not fit the model.
        SimulationError: If a run fails.
    """
    pods = Pods.of(scenario.network, scenario.arrays)
    taps = np.union1d(taps_of(pods, SIMULATED_POD), pods.links(AGG_UP, np.arange(pods.num_pods)))
    recording = {"taps": pods.ends(taps)}
    for step in range(ROUNDS):
        moved = _from_pod(scenario, pods, step)
        watcher = hook(pods, model.start(pods, moved, seed + step))
        simulator = PacketSimulator(recording=recording, watchers=[watcher])
        result = simulator.run(visible(moved, pods), progress)
        trace = BoundaryTrace.of(result, SIMULATED_POD, pods)
        ports = {CORE_DOWN: at_cores(result, pods)}
        ports |= {role: inside(trace, role) for role in PORTS_INSIDE}
        yield RunAtSize(ports, _mimic_drops(result, pods))


def _mimic_drops(result: SimulationResult, pods: Pods) -> NDArray[np.float64]:
    rows = result.extra["recording"].tap_rows
    is_own, role = pods.link_pod[rows["link"]] == SIMULATED_POD, pods.link_role[rows["link"]]
    kind = (rows["kind"] != DATA).astype(np.int64)
    direction = np.isin(role, _TOWARDS_HOSTS).astype(np.int64)
    stream = 2 * direction + kind
    dropped = np.bincount(stream[(rows["event"] == DROP) & ~is_own], minlength=4).reshape(2, 2)
    # What a pod sends to the cores has passed it; what the simulated one sends comes to mimics.
    at_core = (rows["event"] == ENTER) & (role == AGG_UP)
    came = np.empty((2, 2), np.int64)
    came[INGRESS] = np.bincount(kind[at_core & is_own], minlength=2)
    came[EGRESS] = np.bincount(kind[at_core & ~is_own], minlength=2) + dropped[EGRESS]
    return np.asarray(dropped / np.maximum(came, 1))


def _from_pod(scenario: Scenario, pods: Pods, pod: int) -> Scenario:
    """The same with a pod in the place of the simulated one, so that each round has flows anew."""
    workload, arrays = scenario.workload, scenario.arrays
    assert isinstance(workload, Workload)
    src, dst = (
        (hosts - pod * pods.shape.num_hosts) % arrays.num_hosts
        for hosts in (workload.src, workload.dst)
    )
    moved = Workload.from_arrays(workload.id, src, dst, workload.size_bytes, workload.start_ns)
    return scenario.replace(workload=moved)


def at_cores(result: SimulationResult, pods: Pods, pod: int = SIMULATED_POD) -> PortWaits:
    """What packets met at the core ports towards a pod.

    Args:
        result (SimulationResult): Of a run with taps at all links to cores, and at those from
            cores to the pod.
        pods (Pods): Of its network.
        pod (int, optional): The pod. (default: the simulated one)
    """
    rows = result.extra["recording"].tap_rows
    is_port = (pods.link_role == CORE_DOWN) & (pods.link_pod == pod)
    came = rows[(pods.link_role[rows["link"]] == AGG_UP) & (rows["event"] == ENTER)]
    went = rows[is_port[rows["link"]] & ((rows["event"] == LEAVE) | (rows["event"] == DROP))]
    came = came[np.argsort(came["packet"])]
    came = came[np.searchsorted(came["packet"], went["packet"])]
    bits = went["wire_bytes"].astype(np.int64) * BITS_PER_BYTE
    tick_bits = bits * NS_PER_S * result.scenario.config.ticks_per_ns
    waits = PortWaits(
        arrive_ticks=came["time_ticks"].astype(np.int64),
        wait_ticks=np.where(
            went["event"] == DROP, DROPPED, went["time_ticks"] - came["time_ticks"]
        ),
        tx_ticks=tick_bits // role_rate_bps(pods.shape, CORE_DOWN),
        port=pods.link_local[went["link"]].astype(np.int64),
        flow=went["flow"].astype(np.int64),
        kind=(went["kind"] != DATA).astype(np.int8),
        marked=went["marked"] & ~came["marked"],
        came_marked=came["marked"],
    )
    return waits[np.argsort(waits.arrive_ticks, kind="stable")]
