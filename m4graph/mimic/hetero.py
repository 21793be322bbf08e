"""A pod as a heterogeneous graph: what is known of its ports before anything is simulated."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from m4graph.core.errors import ConfigError
from m4graph.core.units import BITS_PER_BYTE, NS_PER_S, NS_PER_US
from m4graph.mimic.clusters import (
    AGG_DOWN,
    AGG_UP,
    CORE_DOWN,
    HOST_UP,
    RACK_DOWN,
    RACK_UP,
    Pods,
    PodShape,
)
from m4graph.mimic.port_waits import role_rate_bps
from m4graph.scenario import Scenario
from m4graph.scenario.queueing import DropTailQueue, RedQueue
from m4graph.scenario.tcp import TcpControl

if TYPE_CHECKING:
    from torch_geometric.data import HeteroData

ROLES = (HOST_UP, RACK_UP, AGG_UP, CORE_DOWN, AGG_DOWN, RACK_DOWN)

PROTOCOLS = ("newreno", "dctcp_window")
"""Congestion controls that a graph can tell apart."""

PORT_FEATURES = (
    *(f"role_{role}" for role in ROLES),
    *PROTOCOLS,
    "load",  # offered, of the port's rate
    "external",  # share of it that crosses the border of the pod
    "log_delay",  # of the port's cable, in full packets
    "log_queue",  # room, in packets
    "log_mark",  # packets from which on ECN marks; the room if nothing marks
    "log_timeout",  # shortest timeout, in full packets
    "log_mean",  # of the sizes of flows, in packets
    "log_heavy",  # of the size of the flow that a byte belongs to, in packets
    "hidden",  # share of the flows that cross the pod and are not simulated
    "log_fan_in",  # pods that send to a port of a core
)
"""Columns of the features of ports."""

NODE_FEATURES = ("log_below", "log_above")
"""Columns of the features of hosts and switches: cables to each side."""

_MOST_PODS = 8
"""More pods than these send to a core's port as these do."""


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
        room, mark = _queue_packets(queue)
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


def _queue_packets(queue: object) -> tuple[float, float]:
    """Packets for which a port has room, and from which on it marks."""
    if isinstance(queue, DropTailQueue) and queue.capacity_packets is not None:
        return float(queue.capacity_packets), float(queue.capacity_packets)
    if isinstance(queue, RedQueue) and queue.ecn and queue.min_packets == queue.max_packets:
        return float(queue.capacity_packets), float(min(queue.min_packets, queue.capacity_packets))
    raise ConfigError(
        "network.queue: expected drop_tail with capacity_packets, or red with ecn and min_packets "
        f"equal to max_packets (got {queue})"
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


def pod_graph(inputs: PodInputs) -> HeteroData:
    """A pod's hosts, racks, aggregation switches and cores, with the ports between them.

    Ports are numbered role by role, in the order of :data:`ROLES`, inside a role as in
    :class:`~m4graph.mimic.clusters.Pods`. A port has an edge ``on`` from the node that it belongs
    to, one ``to`` the node at the other end of its cable, and ``feeds`` to the ports that its
    packets may come to next.

    Returns:
        HeteroData: ``x`` of ``port`` float32 ``[num_ports, len(PORT_FEATURES)]``, of ``host``,
        ``rack``, ``agg`` and ``core`` ``[num_nodes, len(NODE_FEATURES)]``; ``role`` of ``port``
        int64 ``[num_ports]``.
    """
    import torch
    from torch_geometric.data import HeteroData

    shape = inputs.shape
    data = HeteroData()
    count = [len(inputs.load[role]) for role in ROLES]
    first = np.concatenate([[0], np.cumsum(count)])
    data["port"].x = torch.from_numpy(
        np.concatenate([_port_features(inputs, role) for role in ROLES]).astype(np.float32)
    )
    data["port"].role = torch.from_numpy(np.repeat(ROLES, count).astype(np.int64))
    for name, (nodes, below, above) in {
        "host": (shape.num_hosts, 0, 1),
        "rack": (shape.racks, shape.hosts, shape.aggs),
        "agg": (shape.aggs, shape.racks, shape.spines),
        "core": (shape.num_uplinks, min(inputs.num_pods, _MOST_PODS), 0),
    }.items():
        row = torch.log1p(torch.tensor([below, above], dtype=torch.float32))
        data[name].x = row.repeat(nodes, 1)
    edges = defaultdict(list)
    for role in ROLES:
        ports = first[role] + np.arange(count[role])
        source, target = _ends(shape, role)
        edges[source.tier, "on", "port"].append((source.numbers, ports))
        edges["port", "to", target.tier].append((ports, target.numbers))
    for role, next_role in _NEXT:
        before, after = _meeting(shape, role, next_role)
        before, after = before + first[role], after + first[next_role]
        edges["port", "feeds", "port"].append((before, after))
        edges["port", "fed_by", "port"].append((after, before))
    for key, parts in edges.items():
        data[key].edge_index = torch.from_numpy(np.concatenate(parts, axis=1))
    return data


EDGE_TYPES = (
    *((tier, "on", "port") for tier in ("host", "rack", "agg", "core")),
    *(("port", "to", tier) for tier in ("host", "rack", "agg", "core")),
    ("port", "feeds", "port"),
    ("port", "fed_by", "port"),
)
"""Relations in a graph of a pod."""

_NEXT = (
    (HOST_UP, RACK_UP),
    (HOST_UP, RACK_DOWN),
    (RACK_UP, AGG_UP),
    (RACK_UP, AGG_DOWN),
    (AGG_UP, CORE_DOWN),  # those of other pods feed it, which are like ours
    (CORE_DOWN, AGG_DOWN),
    (AGG_DOWN, RACK_DOWN),
)
"""Roles of ports that packets come to one after the other."""


class _Nodes(NamedTuple):
    tier: str
    numbers: NDArray[np.int64]


def _ends(shape: PodShape, role: int) -> tuple[_Nodes, _Nodes]:
    """From which node each link of a role leads to which, by number inside their tiers."""
    if role in (HOST_UP, RACK_DOWN):
        link = np.arange(shape.num_hosts)
        low, high = _Nodes("host", link), _Nodes("rack", link // shape.hosts)
    elif role in (RACK_UP, AGG_DOWN):
        link = np.arange(shape.racks * shape.aggs)
        low, high = _Nodes("rack", link // shape.aggs), _Nodes("agg", link % shape.aggs)
    else:
        link = np.arange(shape.num_uplinks)
        low, high = _Nodes("agg", link // shape.spines), _Nodes("core", link)
    return (low, high) if role in (HOST_UP, RACK_UP, AGG_UP) else (high, low)


def _meeting(
    shape: PodShape, role: int, next_role: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Numbers of links of two roles where the first ends at the node that the second starts from,
    but for the two directions of one cable below the cores.
    """
    meets = _ends(shape, role)[1].numbers[:, None] == _ends(shape, next_role)[0].numbers
    if (role, next_role) in ((HOST_UP, RACK_DOWN), (RACK_UP, AGG_DOWN)):
        meets &= ~np.eye(len(meets), dtype=np.bool_)
    before, after = np.nonzero(meets)
    return before, after


def _port_features(inputs: PodInputs, role: int) -> NDArray[np.float64]:
    """Rows of :data:`PORT_FEATURES` of the ports of a role."""
    shape, packet_ns = inputs.shape, inputs.packet_ns(role)
    delay_ns = {
        HOST_UP: shape.host_delay_ns,
        RACK_DOWN: shape.host_delay_ns,
        RACK_UP: shape.rack_delay_ns,
        AGG_DOWN: shape.rack_delay_ns,
    }.get(role, shape.agg_delay_ns)
    same = {
        "log_delay": np.log(delay_ns / packet_ns),
        "log_queue": np.log(inputs.queue_packets),
        "log_mark": np.log(inputs.mark_packets),
        "log_timeout": np.log(inputs.timeout_ns / packet_ns),
        "log_mean": np.log(inputs.mean_bytes / inputs.packet_bytes),
        "log_heavy": np.log(inputs.heavy_bytes / inputs.packet_bytes),
        "hidden": inputs.hidden_share,
        "log_fan_in": np.log(min(inputs.num_pods, _MOST_PODS) - 1),
        f"role_{role}": 1.0,
        inputs.protocol: 1.0,
    }
    rows = np.zeros((len(inputs.load[role]), len(PORT_FEATURES)))
    for column, name in enumerate(PORT_FEATURES):
        rows[:, column] = same.get(name, 0.0)
    rows[:, PORT_FEATURES.index("load")] = inputs.load[role]
    rows[:, PORT_FEATURES.index("external")] = inputs.external[role]
    return rows
