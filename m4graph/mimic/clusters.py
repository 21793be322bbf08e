"""Pods of a Clos network or fat-tree: what they are made of, and where each link stands in its pod.

A pod has racks of hosts, and aggregation switches that each have a cable to every rack of the pod
and to the core switches of their plane. What is learned at one pod is used at the others, in
networks of any number of pods: so links are numbered inside their pod, the same in all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import networkx as nx
import numpy as np
from numpy.typing import ArrayLike, NDArray

from m4graph.core.calls import plain_call
from m4graph.core.errors import ConfigError
from m4graph.mimic.shape import (
    AGG_DOWN,
    AGG_UP,
    CORE_DOWN,
    HOST_UP,
    RACK_DOWN,
    RACK_UP,
    PodShape,
)
from m4graph.topology import NetworkArrays

_CABLES = {"host": (HOST_UP, RACK_DOWN), "rack": (RACK_UP, AGG_DOWN), "agg": (AGG_UP, CORE_DOWN)}


@plain_call
@dataclass(frozen=True, eq=False)
class Pods:
    """The pods of a network.

    Fields:
        - arrays: the network
        - shape: of each pod
        - num_pods: their number, 2 or more; pods are numbered by their lowest hosts
        - host_pod: int32 ``[num_hosts]``, the pod of each host
        - link_role: int8 ``[num_links]``, one of :data:`HOST_UP` to :data:`RACK_DOWN`
        - link_pod: int32 ``[num_links]``, the pod that a link belongs to
        - link_local: int32 ``[num_links]``, its number among those of its pod and role. Links of
          hosts: ``rack * hosts + host``; between racks and aggregation switches:
          ``rack * aggs + agg``; to and from cores: ``agg * spines + spine``
    """

    arrays: NetworkArrays
    shape: PodShape
    num_pods: int
    host_pod: NDArray[np.int32]
    link_role: NDArray[np.int8]
    link_pod: NDArray[np.int32]
    link_local: NDArray[np.int32]

    @classmethod
    def of(cls, network: nx.Graph, arrays: NetworkArrays) -> Self:
        """Finds the pods of a network by its cables, whatever its nodes are called.

        Args:
            network (networkx.Graph): The network, for its name in messages.
            arrays (NetworkArrays): Its arrays.

        Raises:
            ConfigError: If it is no Clos network or fat-tree of two pods or more, all alike.
        """
        try:
            return cls(**_fields(arrays))
        except _OtherNetworkError as problem:
            name = network.graph.get("name", "network")
            raise ConfigError(
                f"topology: expected a Clos network or fat-tree of two pods or more, all alike "
                f"(got {name}, {problem})"
            ) from None

    def links(self, role: int, pods: ArrayLike) -> NDArray[np.int64]:
        """Ids of the links of a role in some pods, ascending."""
        return np.flatnonzero((self.link_role == role) & np.isin(self.link_pod, pods))

    def ends(self, links: NDArray[np.integer]) -> list[list[int]]:
        """Links as pairs of nodes, as recordings and hooks take them."""
        pairs = np.stack([self.arrays.link_src[links], self.arrays.link_dst[links]], axis=1)
        return pairs.tolist()  # type: ignore[no-any-return]


class _OtherNetworkError(Exception):
    """The network has no pods; says why."""


def _fields(arrays: NetworkArrays) -> dict[str, Any]:
    """The fields of :class:`Pods`."""
    if not arrays.has_one_nic:
        raise _OtherNetworkError("whose hosts have several cables")
    src, dst = arrays.link_src, arrays.link_dst
    tier = _tiers(arrays)
    host_rack = dst[arrays.host_uplink]
    up = np.flatnonzero(tier[dst] > tier[src])
    if len(up) * 2 != len(src):
        raise _OtherNetworkError("which has a cable between switches of one tier")
    node_pod = _node_pods(arrays, tier)
    num_pods = int(node_pod.max()) + 1
    if num_pods < 2:
        raise _OtherNetworkError("of one pod")
    local = np.zeros(arrays.num_nodes, np.int32)
    racks = _number(local, node_pod, tier == _RACK, num_pods, "racks in a pod")
    aggs = _number(local, node_pod, tier == _AGG, num_pods, "aggregation switches in a pod")
    hosts = _number(local, host_rack, np.arange(len(tier)) < arrays.num_hosts, None, "hosts")
    local[: arrays.num_hosts] += local[host_rack] * hosts
    spines = _number_cores(local, src[up], dst[up], tier, aggs)
    role = _roles(tier, src, dst)
    low, high = np.where(tier[src] < tier[dst], (src, dst), (dst, src))
    per_node = np.array([0, aggs, spines, 0])[tier[low]]
    link_local = np.where(tier[low] == _HOST, local[low], local[low] * per_node + local[high])
    _check_complete(link_local, role, node_pod[low], num_pods)
    counts = {"racks": racks, "hosts": hosts, "aggs": aggs, "spines": spines}
    return {
        "arrays": arrays,
        "shape": PodShape(**counts, **_cables(arrays, role)),
        "num_pods": num_pods,
        "host_pod": node_pod[: arrays.num_hosts].astype(np.int32),
        "link_role": role,
        "link_pod": node_pod[low].astype(np.int32),
        "link_local": link_local.astype(np.int32),
    }


_HOST, _RACK, _AGG, _CORE = range(4)


def _tiers(arrays: NetworkArrays) -> NDArray[np.int8]:
    """Hops from each node to the nearest host."""
    tier = np.full(arrays.num_nodes, -1, np.int8)
    tier[: arrays.num_hosts] = _HOST
    for next_tier in (_RACK, _AGG, _CORE):
        reached = arrays.link_dst[tier[arrays.link_src] == next_tier - 1]
        tier[reached[tier[reached] < 0]] = next_tier
    if (tier < 0).any() or tier.max() < _CORE:
        raise _OtherNetworkError("which has not the tiers host, rack, aggregation and core")
    return tier


def _node_pods(arrays: NetworkArrays, tier: NDArray[np.int8]) -> NDArray[np.int64]:
    """The pod of each node below the cores: what hangs together without them; -1 for cores."""
    below = (tier[arrays.link_src] < _CORE) & (tier[arrays.link_dst] < _CORE)
    graph = nx.Graph()
    graph.add_nodes_from(np.flatnonzero(tier < _CORE).tolist())
    graph.add_edges_from(
        zip(arrays.link_src[below].tolist(), arrays.link_dst[below].tolist(), strict=True)
    )
    pods = np.full(arrays.num_nodes, -1, np.int64)
    for pod, nodes in enumerate(sorted(nx.connected_components(graph), key=min)):
        pods[list(nodes)] = pod
    return pods


def _number(
    local: NDArray[np.int32],
    group: NDArray[np.integer],
    chosen: NDArray[np.bool_],
    num_groups: int | None,
    what: str,
) -> int:
    """Numbers chosen nodes inside their groups, by id; gives how many each group has."""
    nodes = np.flatnonzero(chosen)
    _, index, count = np.unique(group[nodes], return_inverse=True, return_counts=True)
    if len(np.unique(count)) != 1 or num_groups not in (None, len(count)):
        raise _OtherNetworkError(f"with {count.min()} to {count.max()} {what}")
    order = np.argsort(index, kind="stable")
    local[nodes[order]] = np.arange(len(nodes)) % count[0]
    return int(count[0])


def _number_cores(
    local: NDArray[np.int32],
    src: NDArray[np.int32],
    dst: NDArray[np.int32],
    tier: NDArray[np.int8],
    aggs: int,
) -> int:
    """Numbers cores inside their planes; gives how many each plane has."""
    at_core = tier[dst] == _CORE
    plane = np.full(len(tier), -1, np.int64)
    plane[dst[at_core]] = local[src[at_core]]
    if (plane[dst[at_core]] != local[src[at_core]]).any():
        raise _OtherNetworkError("whose cores have cables to several planes")
    return _number(local, plane, tier == _CORE, aggs, "cores in a plane")


def _roles(
    tier: NDArray[np.int8], src: NDArray[np.int32], dst: NDArray[np.int32]
) -> NDArray[np.int8]:
    up = np.array([HOST_UP, RACK_UP, AGG_UP], np.int8)
    down = np.array([RACK_DOWN, AGG_DOWN, CORE_DOWN], np.int8)
    lower = np.minimum(tier[src], tier[dst])
    return np.where(tier[src] < tier[dst], up[lower], down[lower])


def _check_complete(
    local: NDArray[np.integer],
    role: NDArray[np.int8],
    pod: NDArray[np.int64],
    num_pods: int,
) -> None:
    """Checks that in each pod the links of a role have the numbers from 0 on, without a gap."""
    for links_of_role in (np.flatnonzero(role == each) for each in range(6)):
        number = local[links_of_role]
        per_pod = int(number.max()) + 1
        key = np.sort(pod[links_of_role] * per_pod + number)
        if not np.array_equal(key, np.arange(num_pods * per_pod)):
            raise _OtherNetworkError("which lacks cables that others of its pods have")


def _cables(arrays: NetworkArrays, role: NDArray[np.int8]) -> dict[str, int]:
    """Rates and delays of the cables of a shape."""
    found = {}
    for name, roles in _CABLES.items():
        links = np.isin(role, roles)
        for key, values in (
            (f"{name}_rate_bps", arrays.link_rate_bps[links]),
            (f"{name}_delay_ns", arrays.link_delay_ns[links]),
        ):
            if values.min() != values.max():
                raise _OtherNetworkError(f"with {key} of {values.min()} to {values.max()}")
            found[key] = int(values[0])
    return found
