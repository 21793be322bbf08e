"""Follows flows through a network, from host to host."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from m4graph.core.errors import RoutingError
from m4graph.routing.fabric import Fabric
from m4graph.routing.hashing import DESTINATION_PORT, hash_seeds
from m4graph.routing.kernels import choose_links, choose_way, route_lengths
from m4graph.routing.nics import NicChoice
from m4graph.topology.arrays import NetworkArrays

Ints = NDArray[np.int64]
Port = TypeVar("Port", int, Ints)
Ragged = tuple[NDArray[np.int64], NDArray[np.int32]]
"""Pointers and links of routes, as in :class:`~m4graph.routing.Routes`."""


class Tracer:
    """The next hops of every node, and which of them a flow takes.

    Args:
        arrays (NetworkArrays): The network.
        seed (int): As of :class:`~m4graph.routing.EcmpRouter`.
        nics (NicChoice, optional): How hosts choose among their NICs. (default: by hash)
        prefer_nvswitch (bool): Where a next hop is an NVSwitch, others are none.
        without (numpy.ndarray, optional): bool ``[num_links]``: links to leave out, of a cable both
            or none. (default: none)
    """

    def __init__(
        self,
        arrays: NetworkArrays,
        seed: int,
        nics: NicChoice | None,
        prefer_nvswitch: bool,
        without: NDArray[np.bool_] | None = None,
    ) -> None:
        self.fabric = Fabric.of(arrays, without, prefer_nvswitch)
        self._hash_seed = hash_seeds(arrays.num_hosts, arrays.num_nodes, seed)
        self._nics = NicChoice() if nics is None else nics

    def connects(self, src: Ints, dst: Ints) -> NDArray[np.bool_]:
        """Whether there is a way between the hosts of each flow, bool ``[num_flows]``."""
        return np.asarray(self._lengths(src, dst)[1] > 0)

    def trace(self, src: Ints, dst: Ints, source_port: Ints) -> tuple[Ragged, Ragged]:
        """Follows the data of each flow, and its ACKs back.

        Raises:
            RoutingError: If there is no way between a flow's hosts.
        """
        data_ports, ack_ports = _ports(source_port)
        return (
            self._trace(src, dst, data_ports, self._nics.numbers(src, source_port)),
            self._trace(dst, src, ack_ports, self._nics.numbers(dst, source_port)),
        )

    def trace_one(
        self,
        src: int,
        dst: int,
        source_port: int,
        to_dst: NDArray[np.int32],
        to_src: NDArray[np.int32],
    ) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """The same of one flow, with the hops from each switch to those of its two hosts.

        Raises:
            RoutingError: If there is no way between its hosts.
        """
        data_ports, ack_ports = _ports(source_port)
        numbers = self._nics.numbers((src, dst), (source_port, source_port))
        data = self._way(src, dst, data_ports, int(numbers[0]), to_dst)
        return data, self._way(dst, src, ack_ports, int(numbers[1]), to_src)

    def _way(
        self, src: int, dst: int, ports: int, number: int, distance: NDArray[np.int32]
    ) -> NDArray[np.int32]:
        links: NDArray[np.int32] = choose_way(
            src, dst, ports, number, self.fabric, self._hash_seed, distance
        )
        if not len(links):
            raise _no_way(src, dst)
        return links

    def _trace(self, src: Ints, dst: Ints, ports: Ints, numbers: Ints) -> Ragged:
        by_group, length = self._lengths(src, dst)
        if (length == 0).any():
            row = int(np.argmax(length == 0))
            raise _no_way(int(src[row]), int(dst[row]))
        ptr = np.concatenate(([0], np.cumsum(length)))
        links = np.empty(ptr[-1], dtype=np.int32)
        choose_links(by_group, src, dst, ports, numbers, self.fabric, self._hash_seed, ptr, links)
        return ptr, links

    def _lengths(self, src: Ints, dst: Ints) -> tuple[Ints, Ints]:
        by_group = np.argsort(self.fabric.group_of_host[dst], kind="stable")
        return by_group, route_lengths(by_group, src, dst, self.fabric)


def _ports(source_port: Port) -> tuple[Port, Port]:
    """What is hashed of the ports of a flow's data, and of its ACKs: 16 bits each of two."""
    return source_port | DESTINATION_PORT << 16, DESTINATION_PORT | source_port << 16


def _no_way(src: int, dst: int) -> RoutingError:
    return RoutingError(f"ecmp: expected a way from host {src} to host {dst}")
