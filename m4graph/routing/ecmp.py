"""Equal-cost multi-path routing, exactly as in ns-3's RDMA model (docs/packet-model.md, ECMP)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from m4graph.core.calls import plain_call
from m4graph.core.errors import RoutingError
from m4graph.routing.distances import Distances
from m4graph.routing.hashing import FIRST_SOURCE_PORT
from m4graph.routing.nics import NicChoice
from m4graph.routing.routes import Routes
from m4graph.routing.tracer import Tracer
from m4graph.topology.arrays import NetworkArrays


@plain_call
class EcmpRouter:
    """Routes flows one batch after the other, as a session needs; see :func:`ecmp_routes`.

    It counts the flows between each two hosts, since their source ports follow from it: routing
    flows in one batch or in several gives the same.

    Args:
        arrays (NetworkArrays): The network.
        seed (int, optional): Hashed into the switches' hash seeds; 0 is ns-3. (default: ``0``)
        nics (NicChoice, optional): How hosts choose among their NICs. (default: by hash)
        prefer_nvswitch (bool, optional): Where a next hop is an NVSwitch, others are none.
            (default: ``False``)

    Raises:
        RoutingError: If the seed is out of range.
    """

    def __init__(
        self,
        arrays: NetworkArrays,
        seed: int = 0,
        nics: NicChoice | None = None,
        prefer_nvswitch: bool = False,
    ) -> None:
        self._arrays = arrays
        self._tracer = Tracer(arrays, seed, nics, prefer_nvswitch)
        self._num_routed: dict[int, int] = {}
        self._distances = Distances(self._tracer.fabric)

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
        data, ack = self._tracer.trace(src, dst, port)
        return Routes(port.astype(np.int32), *data, *ack)

    def route_one(self, src: int, dst: int) -> Routes:
        """Routes the next flow, as :meth:`route` would, in a fraction of the time.

        Distances to the switches of its hosts are kept.

        Args:
            src (int): Sending host; it must exist, and be another one than the receiver.
            dst (int): Receiving host.

        Raises:
            RoutingError: If there is no way between them.
        """
        pair = src * self._arrays.num_hosts + dst
        rank = self._num_routed.get(pair, 0)
        self._num_routed[pair] = rank + 1
        port = (FIRST_SOURCE_PORT + rank) & 0xFFFF
        data, ack = self._tracer.trace_one(
            src, dst, port, self._distances.to(dst), self._distances.to(src)
        )
        return Routes(
            np.array((port,), np.int32),
            np.array((0, len(data))),
            data,
            np.array((0, len(ack))),
            ack,
        )

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


@plain_call
def ecmp_routes(arrays: NetworkArrays, src: ArrayLike, dst: ArrayLike, seed: int = 0) -> Routes:
    """Routes flows over shortest ways (fewest hops), chosen by hash at each switch.

    A switch hashes the addresses and ports of a packet (MurmurHash3, seeded with the switch's id)
    and takes the hash modulo the number of neighbours that are nearer to the receiver, counted by
    descending id. All packets of a flow go one way. ACKs are hashed with hosts and ports swapped,
    so they often come back another way. The source port of a flow is 10000 plus the number of
    flows between the same two hosts before it. A host with several NICs chooses as a switch does,
    with ns-3's general hash (the same function, seeded with 0x8BADF00D).

    Distances are computed once per set of switches that receivers hang on, and not kept.

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
