"""Equal-cost multi-path routing, exactly as in ns-3's RDMA model (docs/packet-model.md, ECMP)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from m4graph.core.errors import RoutingError
from m4graph.routing.fabric import Fabric
from m4graph.routing.hashing import DESTINATION_PORT, FIRST_SOURCE_PORT, hash_seeds
from m4graph.routing.kernels import choose_links, choose_way, distances_to, num_fabric_hops
from m4graph.routing.routes import Routes
from m4graph.topology.arrays import NetworkArrays


class EcmpRouter:
    """Routes flows one batch after the other, as a session needs; see :func:`ecmp_routes`.

    It counts the flows between each two hosts, since their source ports follow from it: routing
    flows in one batch or in several gives the same.

    Args:
        arrays (NetworkArrays): The network.
        seed (int, optional): Hashed into the switches' hash seeds; 0 is ns-3. (default: ``0``)

    Raises:
        RoutingError: If the seed is out of range.
    """

    def __init__(self, arrays: NetworkArrays, seed: int = 0) -> None:
        self._arrays = arrays
        self._fabric = Fabric.of(arrays)
        self._hash_seed = hash_seeds(arrays.num_nodes, seed)
        self._num_routed: dict[int, int] = {}
        self._distance: dict[int, NDArray[np.int32]] = {}

    def route(self, src: ArrayLike, dst: ArrayLike) -> Routes:
        """Routes the next flows.

        Args:
            src (array_like): Sending hosts ``[num_flows]``, in the order of start.
            dst (array_like): Receiving hosts ``[num_flows]``.

        Raises:
            RoutingError: If a flow's host is unknown, its hosts are the same, or there is no way
                between them.
        """
        src, dst = self._checked(src, dst)
        port = self._source_ports(src, dst)
        data = trace(self._arrays, self._fabric, self._hash_seed, src, dst, data_ports(port))
        ack = trace(self._arrays, self._fabric, self._hash_seed, dst, src, ack_ports(port))
        return Routes(port.astype(np.int32), *data, *ack)

    def route_one(self, src: int, dst: int) -> Routes:
        """Routes the next flow, as :meth:`route` would, in a fraction of the time.

        Distances to the switches of its hosts are kept.

        Args:
            src (int): Sending host; it must exist, and be another one than the receiver.
            dst (int): Receiving host.
        """
        pair = src * self._arrays.num_hosts + dst
        rank = self._num_routed.get(pair, 0)
        self._num_routed[pair] = rank + 1
        port = (FIRST_SOURCE_PORT + rank) & 0xFFFF
        data = self._way(src, dst, port | DESTINATION_PORT << 16)
        ack = self._way(dst, src, DESTINATION_PORT | port << 16)
        return Routes(
            np.array((port,), np.int32),
            np.array((0, len(data))),
            data,
            np.array((0, len(ack))),
            ack,
        )

    def _way(self, src: int, dst: int, ports: int) -> NDArray[np.int32]:
        fabric, arrays = self._fabric, self._arrays
        root = int(fabric.switch_of_host[dst])
        distance = self._distance.get(root)
        if distance is None:
            distance = np.empty(fabric.num_switches, np.int32)
            distances_to(root, fabric.ptr, fabric.neighbour, distance, np.empty_like(distance))
            self._distance[root] = distance
        return choose_way(  # type: ignore[no-any-return]
            src, dst, ports, arrays.host_uplink, arrays.host_downlink, fabric.switch_of_host,
            fabric.ptr, fabric.neighbour, fabric.link, self._hash_seed[arrays.num_hosts :],
            distance,
        )  # fmt: skip

    def _checked(
        self, src: ArrayLike, dst: ArrayLike
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        src, dst = np.array(src, dtype=np.int64), np.array(dst, dtype=np.int64)
        if src.ndim != 1 or src.shape != dst.shape:
            raise RoutingError(
                f"ecmp: expected src and dst of one length (got {src.shape} and {dst.shape})"
            )
        num_hosts = self._arrays.num_hosts
        for name, host in (("src", src), ("dst", dst)):
            unknown = (host < 0) | (host >= num_hosts)
            if unknown.any():
                row = int(np.argmax(unknown))
                raise RoutingError(
                    f"ecmp: row {row}: expected a {name} in 0 .. {num_hosts - 1} (got {host[row]})"
                )
        if (src == dst).any():
            row = int(np.argmax(src == dst))
            raise RoutingError(f"ecmp: row {row}: expected two hosts (got {src[row]} for both)")
        return src, dst

    def _source_ports(self, src: NDArray[np.int64], dst: NDArray[np.int64]) -> NDArray[np.int64]:
        """10000, 10001, ... for the flows between each two hosts, in 16 bits as on the wire."""
        pairs, pair, count = np.unique(
            src * self._arrays.num_hosts + dst, return_inverse=True, return_counts=True
        )
        before = np.array([self._num_routed.get(key, 0) for key in pairs.tolist()], dtype=np.int64)
        self._num_routed.update(zip(pairs.tolist(), (before + count).tolist(), strict=True))
        by_pair = np.argsort(pair, kind="stable")
        rank = np.empty(len(src), dtype=np.int64)
        rank[by_pair] = np.arange(len(src)) - np.repeat(np.cumsum(count) - count, count)
        return (FIRST_SOURCE_PORT + before[pair] + rank) & 0xFFFF


def data_ports(source_port: NDArray[np.int64]) -> NDArray[np.int64]:
    """What a switch hashes of the ports of a flow's data: source and destination, 16 bits each."""
    return source_port | DESTINATION_PORT << 16


def ack_ports(source_port: NDArray[np.int64]) -> NDArray[np.int64]:
    """The same of its ACKs."""
    return DESTINATION_PORT | source_port << 16


def trace(
    arrays: NetworkArrays,
    fabric: Fabric,
    hash_seed: NDArray[np.int64],
    src: NDArray[np.int64],
    dst: NDArray[np.int64],
    ports: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Follows each flow from switch to switch; gives the routes' pointers and links.

    Raises:
        RoutingError: If there is no way between a flow's hosts.
    """
    by_root, num_hops = fabric_hops(fabric, src, dst)
    if (num_hops < 0).any():
        row = int(np.argmax(num_hops < 0))
        raise RoutingError(f"ecmp: expected a way from host {src[row]} to host {dst[row]}")
    ptr = np.concatenate(([0], np.cumsum(num_hops + 2)))
    links = np.empty(ptr[-1], dtype=np.int32)
    links[ptr[:-1]] = arrays.host_uplink[src]
    links[ptr[1:] - 1] = arrays.host_downlink[dst]
    choose_links(
        by_root, src, dst, ports, fabric.switch_of_host, fabric.ptr, fabric.neighbour,
        fabric.link, hash_seed[arrays.num_hosts :], ptr, links,
    )  # fmt: skip
    return ptr, links


def fabric_hops(
    fabric: Fabric, src: NDArray[np.int64], dst: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The flows by their receivers' switches, and hops between the two switches of each.

    Where there is no way, the number of hops is -1.
    """
    by_root = np.argsort(fabric.switch_of_host[dst], kind="stable")
    num_hops = num_fabric_hops(
        by_root, src, dst, fabric.switch_of_host, fabric.ptr, fabric.neighbour
    )
    return by_root, num_hops


def ecmp_routes(arrays: NetworkArrays, src: ArrayLike, dst: ArrayLike, seed: int = 0) -> Routes:
    """Routes flows over shortest ways (fewest hops), chosen by hash at each switch.

    A switch hashes the addresses and ports of a packet (MurmurHash3, seeded with the switch's id)
    and takes the hash modulo the number of neighbours that are nearer to the receiver, counted by
    descending id. All packets of a flow go one way. ACKs are hashed with hosts and ports swapped,
    so they often come back another way. The source port of a flow is 10000 plus the number of
    flows between the same two hosts before it.

    Distances are computed once per switch that has receivers, and not kept.

    Args:
        arrays (NetworkArrays): The network.
        src (array_like): Sending hosts ``[num_flows]``, in the order ``(start_ns, id)``.
        dst (array_like): Receiving hosts ``[num_flows]``.
        seed (int, optional): Hashed into the switches' hash seeds; 0 gives exactly ns-3's routes.
            (default: ``0``)

    Raises:
        RoutingError: If a flow's host is unknown, its hosts are the same, there is no way between
            them, or the seed is out of range.
    """
    return EcmpRouter(arrays, seed).route(src, dst)
