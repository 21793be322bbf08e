"""A pod as a heterogeneous graph: what is known of its ports before anything is simulated."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from m4graph.core.calls import plain_call
from m4graph.mimic.pod_inputs import PROTOCOLS, ROLES, PodInputs
from m4graph.mimic.shape import AGG_DOWN, AGG_UP, CORE_DOWN, HOST_UP, RACK_DOWN, RACK_UP, PodShape

if TYPE_CHECKING:
    from torch_geometric.data import HeteroData

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


@plain_call
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
