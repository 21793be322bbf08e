"""The switches of a network as an adjacency list.

A host has one cable, so a shortest way between hosts is one between their switches: distances
are needed per switch with hosts, not per host.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from m4graph.topology.arrays import NetworkArrays


@dataclass(frozen=True, eq=False)
class Fabric:
    """The links between switches. Switch ``s`` is node ``num_hosts + s``.

    Args:
        ptr (numpy.ndarray): int64 ``[num_switches + 1]``; the neighbours of switch ``s`` are
            ``neighbour[ptr[s]:ptr[s + 1]]``, by **descending** id, as in ns-3.
        neighbour (numpy.ndarray): int32 ``[num_fabric_links]``, switch at the other end.
        link (numpy.ndarray): int32 ``[num_fabric_links]``, link id in the network.
        switch_of_host (numpy.ndarray): int32 ``[num_hosts]``, the switch that a host hangs on.
    """

    ptr: NDArray[np.int64]
    neighbour: NDArray[np.int32]
    link: NDArray[np.int32]
    switch_of_host: NDArray[np.int32]

    @property
    def num_switches(self) -> int:
        """Number of switches."""
        return len(self.ptr) - 1

    @classmethod
    def of(cls, arrays: NetworkArrays, without: NDArray[np.bool_] | None = None) -> Fabric:
        """Takes the switches and the links between them out of a network.

        Args:
            arrays (NetworkArrays): The network.
            without (numpy.ndarray, optional): bool ``[num_links]``: links to leave out, of a cable
                both or none. (default: none)
        """
        num_hosts = arrays.num_hosts
        between = (arrays.link_src >= num_hosts) & (arrays.link_dst >= num_hosts)
        link = np.flatnonzero(between if without is None else between & ~without)
        src, dst = arrays.link_src[link] - num_hosts, arrays.link_dst[link] - num_hosts
        order = np.lexsort((-dst, src))
        degree = np.bincount(src, minlength=arrays.num_nodes - num_hosts)
        return cls(
            ptr=np.concatenate(([0], np.cumsum(degree))).astype(np.int64),
            neighbour=dst[order].astype(np.int32),
            link=link[order].astype(np.int32),
            switch_of_host=(arrays.link_dst[arrays.host_uplink] - num_hosts).astype(np.int32),
        )
