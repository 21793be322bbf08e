"""The wait at core ports towards mimics, which no network of two pods can teach.

With two pods, a core has one link in for each link out, and nothing waits there. With more, hidden
flows of other mimics meet at the core ports towards a mimic. By symmetry those are like the ports
towards the simulated pod, whose packets are all there: so a composed run shows what they do.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from m4graph.core.units import BITS_PER_BYTE, NS_PER_S
from m4graph.mimic.clusters import AGG_UP, CORE_DOWN, Pods
from m4graph.mimic.compose import SIMULATED_POD, hook, visible
from m4graph.mimic.models.lindley import Lindley
from m4graph.mimic.port_waits import DROPPED, PortWaits
from m4graph.results import SimulationResult
from m4graph.scenario import Scenario
from m4graph.simulators.packet import PacketSimulator
from m4graph.simulators.packet.layout import DATA, DROP, ENTER, LEAVE

_ROUNDS = 2
"""In the first one nothing waits at the cores in front of mimics, which makes senders too fast."""


def learn_core_ports(model: Lindley, scenario: Scenario, seed: int) -> None:
    """Teaches a model the core ports in front of mimics.

    Args:
        model (Lindley): Changes.
        scenario (Scenario): Of three pods or more; all of its flows.
        seed (int): Of the runs.
    """
    pods = Pods.of(scenario.network, scenario.arrays)
    seen = visible(scenario, pods)
    taps = np.concatenate(
        [pods.links(CORE_DOWN, SIMULATED_POD), pods.links(AGG_UP, np.arange(pods.num_pods))]
    )
    load_ticks = float(model.curves["load_ticks"].max())
    for step in range(_ROUNDS):
        watcher = hook(pods, model.start(pods, seen, seed + step))
        simulator = PacketSimulator(recording={"taps": pods.ends(taps)}, watchers=[watcher])
        waits = at_core(simulator.run(seen), pods)
        model.learn(CORE_DOWN, waits, pods.num_pods, load_ticks, seed)


def at_core(result: SimulationResult, pods: Pods) -> PortWaits:
    """What packets met at the core ports towards the simulated pod.

    Args:
        result (SimulationResult): Of a run with taps at all links to cores, and at those from
            cores to the pod.
        pods (Pods): Of its network.
    """
    rows = result.extra["recording"].tap_rows
    is_ours = (pods.link_role == CORE_DOWN) & (pods.link_pod == SIMULATED_POD)
    is_ours = is_ours[rows["link"]]
    came = rows[(pods.link_role[rows["link"]] == AGG_UP) & (rows["event"] == ENTER)]
    went = rows[is_ours & ((rows["event"] == LEAVE) | (rows["event"] == DROP))]
    came = came[np.argsort(came["packet"])]
    came = came[np.searchsorted(came["packet"], went["packet"])]
    arrive = came["time_ticks"].astype(np.int64)
    wait = np.where(went["event"] == DROP, DROPPED, went["time_ticks"] - arrive)
    waits = PortWaits(
        arrive_ticks=arrive,
        wait_ticks=wait,
        tx_ticks=_tx_ticks(result.scenario, pods, went),
        port=pods.link_local[went["link"]].astype(np.int64),
        flow=went["flow"].astype(np.int64),
        kind=(went["kind"] != DATA).astype(np.int8),
        marked=went["marked"] & ~came["marked"],
    )
    return waits[np.argsort(arrive, kind="stable")]


def _tx_ticks(scenario: Scenario, pods: Pods, rows: NDArray[np.void]) -> NDArray[np.int64]:
    bits = rows["wire_bytes"].astype(np.int64) * BITS_PER_BYTE
    return bits * NS_PER_S * scenario.config.ticks_per_ns // pods.shape.agg_rate_bps
