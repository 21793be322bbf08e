"""Where the hosts of a network stand: in which rack, and at which switch."""

from __future__ import annotations

from dataclasses import dataclass

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from m4graph.core.calls import plain_call
from m4graph.topology.arrays import NetworkArrays
from m4graph.topology.racks import racks


@plain_call
@dataclass(frozen=True, eq=False)
class HostLayout:
    """Racks as in :func:`m4graph.topology.racks`, numbered from 0 without gaps in that order.

    Fields:
        - rack_of_host: int64 ``[num_hosts]``
        - switch_of_host: int64 ``[num_hosts]``, counting the switches with hosts only
        - rack_ptr: int64 ``[num_racks + 1]``; the hosts of rack ``r`` are
          ``hosts[rack_ptr[r]:rack_ptr[r + 1]]``
        - hosts: int64 ``[num_hosts]``, rack by rack
        - pod_of_rack: int64 ``[num_racks]``, as the network's hosts say; all 0 if one says nothing
    """

    rack_of_host: NDArray[np.int64]
    switch_of_host: NDArray[np.int64]
    rack_ptr: NDArray[np.int64]
    hosts: NDArray[np.int64]
    pod_of_rack: NDArray[np.int64]

    @property
    def num_hosts(self) -> int:
        """Number of hosts."""
        return len(self.hosts)

    @property
    def num_racks(self) -> int:
        """Number of racks."""
        return len(self.rack_ptr) - 1

    @property
    def num_edge_switches(self) -> int:
        """Number of switches with hosts."""
        return int(self.switch_of_host.max()) + 1

    @property
    def rack_size(self) -> NDArray[np.int64]:
        """Number of hosts in each rack, ``[num_racks]``."""
        return np.diff(self.rack_ptr)

    @classmethod
    def of(cls, network: nx.Graph, arrays: NetworkArrays) -> HostLayout:
        """Reads the layout of a valid network."""
        _, rack, size = np.unique(racks(network, arrays), return_inverse=True, return_counts=True)
        switch = arrays.link_dst[arrays.host_uplink]
        rack_ptr = np.concatenate(([0], np.cumsum(size)))
        hosts = np.argsort(rack, kind="stable").astype(np.int64)
        return cls(
            rack_of_host=rack.astype(np.int64),
            switch_of_host=np.unique(switch, return_inverse=True)[1].astype(np.int64),
            rack_ptr=rack_ptr,
            hosts=hosts,
            pod_of_rack=_pods(network, hosts[rack_ptr[:-1]]),
        )


def _pods(network: nx.Graph, hosts: NDArray[np.int64]) -> NDArray[np.int64]:
    """The pods of hosts, numbered from 0 without gaps."""
    pods = [network.nodes[int(host)].get("pod") for host in hosts]
    known = all(pod is not None for pod in pods)
    return np.unique(pods if known else [0] * len(pods), return_inverse=True)[1].astype(np.int64)
