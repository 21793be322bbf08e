"""What is known of a pod before anything is simulated: its ports, and what is offered to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from m4graph.core.calls import plain_call
from m4graph.core.errors import ConfigError
from m4graph.core.units import BITS_PER_BYTE, NS_PER_S, NS_PER_US
from m4graph.mimic.clusters import Pods
from m4graph.mimic.port_waits import role_rate_bps
from m4graph.mimic.shape import AGG_DOWN, AGG_UP, CORE_DOWN, HOST_UP, RACK_DOWN, RACK_UP, PodShape
from m4graph.scenario import Scenario
from m4graph.scenario.queueing import DropTailQueue, QueueDiscipline, RedQueue
from m4graph.scenario.tcp import TcpControl

ROLES = (HOST_UP, RACK_UP, AGG_UP, CORE_DOWN, AGG_DOWN, RACK_DOWN)

PROTOCOLS = ("newreno", "dctcp_window")
"""Congestion controls that a graph can tell apart."""


@plain_call
@dataclass(frozen=True, eq=False)
class PodInputs:
    """What a pod's ports are and what is offered to them.

    Args:
        shape (PodShape): Of the pod.
        protocol (str): Congestion control.
        num_pods (int): Pods of the network.
        hidden_share (float): Of the flows that cross the pod, the share that is not simulated.
        queue_packets (float): Room of a port.
        mark_packets (float): From so many on ECN marks; the room, if nothing marks.
        timeout_ns (float): The shortest timeout.
        packet_bytes (float): Payload of a full packet.
        mean_bytes (float): Of the sizes of flows.
        heavy_bytes (float): Of the size of the flow that a byte belongs to.
        load (dict): By role, float64 ``[links]``: what is offered to each port, of its rate.
        external (dict): By role, float64 ``[links]``: the share of that which crosses the border.
    """

    shape: PodShape
    protocol: str
    num_pods: int
    hidden_share: float
    queue_packets: float
    mark_packets: float
    timeout_ns: float
    packet_bytes: float
    mean_bytes: float
    heavy_bytes: float
    load: dict[int, NDArray[np.float64]]
    external: dict[int, NDArray[np.float64]]

    @classmethod
    def of(cls, pods: Pods, scenario: Scenario, mimics: ArrayLike, num_pods: int) -> Self:
        """Reads a scenario; nothing is simulated, and no route is looked up.

        Args:
            pods (Pods): Of its network.
            scenario (Scenario): Of all flows.
            mimics (ArrayLike): Pods over which the load is averaged.
            num_pods (int): Of the flows that cross a pod, one in ``num_pods - 1`` is simulated.

        Raises:
            ConfigError: If the protocol or the queues are none that a graph knows.
        """
        control, queue = scenario.congestion_control, scenario.config.queue
        if not isinstance(control, TcpControl) or control.kind not in PROTOCOLS:
            raise ConfigError(
                f"congestion_control.kind: expected {' or '.join(PROTOCOLS)} (got {control.kind})"
            )
        room, mark = _queue_packets(control.kind, queue)
        size = scenario.workload.size_bytes.astype(np.float64)
        load, external = _loads(pods, scenario, np.atleast_1d(mimics))
        return cls(
            shape=pods.shape,
            protocol=control.kind,
            num_pods=pods.num_pods,
            hidden_share=1 - 1 / (num_pods - 1),
            queue_packets=room,
            mark_packets=mark,
            timeout_ns=control.min_rto_us * NS_PER_US,
            packet_bytes=scenario.config.payload_bytes,
            mean_bytes=float(size.mean()),
            heavy_bytes=float((size**2).sum() / size.sum()),
            load=load,
            external=external,
        )

    def packet_ns(self, role: int) -> float:
        """What a full packet takes at a port of a role."""
        return self.packet_bytes * BITS_PER_BYTE * NS_PER_S / role_rate_bps(self.shape, role)

    def packet_ticks(self, ticks_per_ns: int) -> NDArray[np.float64]:
        """The same of all roles, in ticks, float64 ``[num_roles]``."""
        return np.array([self.packet_ns(role) for role in ROLES]) * ticks_per_ns

    def quantities(self) -> dict[str, float]:
        """By name, what may differ between the configurations that one model serves."""
        shape, packet_ns = self.shape, self.packet_ns(HOST_UP)
        counts = {name: getattr(shape, name) for name in ("racks", "hosts", "aggs", "spines")}
        return {
            **{name: float(count) for name, count in counts.items()},
            "rack rate by host rate": shape.rack_rate_bps / shape.host_rate_bps,
            "agg rate by host rate": shape.agg_rate_bps / shape.host_rate_bps,
            "load of links from racks": float(self.load[RACK_UP].mean()),
            "load of links from cores": float(self.load[CORE_DOWN].mean()),
            "external share": float(self.external[HOST_UP].mean()),
            "hidden share": self.hidden_share,
            "queue, packets": self.queue_packets,
            "mark, packets": self.mark_packets,
            "delay of hosts' links, full packets": shape.host_delay_ns / packet_ns,
            "delay of racks' links, full packets": shape.rack_delay_ns / packet_ns,
            "delay of cores' links, full packets": shape.agg_delay_ns / packet_ns,
            "shortest timeout, full packets": self.timeout_ns / packet_ns,
            "mean size of flows, full packets": self.mean_bytes / self.packet_bytes,
        }


def _queue_packets(protocol: str, queue: QueueDiscipline) -> tuple[float, float]:
    """Packets for which a port has room, and from which on it marks."""
    if protocol == "newreno":
        if isinstance(queue, DropTailQueue) and queue.capacity_bytes is None:
            room = float(queue.capacity_packets or 0)
            return room, room
        expected = "drop_tail with capacity_packets alone"
    else:
        if isinstance(queue, RedQueue) and queue.ecn and queue.min_packets == queue.max_packets:
            room = float(queue.capacity_packets)
            return room, min(queue.min_packets, room)
        expected = "red with ecn and min_packets equal to max_packets"
    raise ConfigError(
        f"network.queue: expected {expected} for {protocol} (got {queue.model_dump()})"
    )


def _loads(
    pods: Pods, scenario: Scenario, mimics: NDArray[np.integer]
) -> tuple[dict[int, NDArray[np.float64]], dict[int, NDArray[np.float64]]]:
    """What is offered to each port and what of it crosses the border, by role.

    ECMP spreads flows evenly in the mean; so each port of a switch gets its share.
    """
    shape, workload, arrays = pods.shape, scenario.workload, pods.arrays
    local = np.zeros(arrays.num_hosts, np.int64)
    up = pods.link_role == HOST_UP
    local[arrays.link_src[up]] = pods.link_local[up]
    ends_ns = int(workload.start_ns.max()) if scenario.stop_ns is None else scenario.stop_ns
    bits = workload.size_bytes * (BITS_PER_BYTE * NS_PER_S / ends_ns / len(mimics))
    src, dst = workload.src, workload.dst
    crosses = pods.host_pod[src] != pods.host_pod[dst]
    leaves = crosses | (local[src] // shape.hosts != local[dst] // shape.hosts)
    bps, crossing_bps = {}, {}
    for host, roles in ((src, (HOST_UP, RACK_UP, AGG_UP)), (dst, (RACK_DOWN, AGG_DOWN, CORE_DOWN))):
        ours = np.isin(pods.host_pod[host], mimics)

        def per_host(
            chosen: NDArray[np.bool_], host: NDArray[np.int32] = host
        ) -> NDArray[np.float64]:
            total = np.bincount(local[host[chosen]], bits[chosen], shape.num_hosts)
            return total.astype(np.float64)

        first, crossing = per_host(ours), per_host(ours & crosses)
        at_hosts, at_racks, at_pod = roles
        bps[at_hosts], crossing_bps[at_hosts] = first, crossing
        bps[at_racks] = _spread(per_host(ours & leaves), shape.racks, shape.aggs)
        crossing_bps[at_racks] = _spread(crossing, shape.racks, shape.aggs)
        bps[at_pod] = crossing_bps[at_pod] = _spread(crossing, 1, shape.num_uplinks)
    load = {role: bps[role] / role_rate_bps(shape, role) for role in ROLES}
    external = {role: crossing_bps[role] / np.maximum(bps[role], 1) for role in ROLES}
    return load, external


def _spread(per_host: NDArray[np.float64], groups: int, ways: int) -> NDArray[np.float64]:
    """The traffic of groups of hosts, evenly over the ways out of each."""
    return np.repeat(per_host.reshape(groups, -1).sum(axis=1) / ways, ways)
