"""The switches of a network as an adjacency list, and the cables of its hosts.

Hosts forward nothing. So a shortest way between two hosts is a cable between them, or one between
two of their switches: distances are needed to each set of switches that a host hangs on, not to
each host.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from m4graph.topology.arrays import NetworkArrays


class Fabric(NamedTuple):
    """The links between switches, and those that leave hosts. Switch ``s`` is node
    ``num_hosts + s``; a host ``h``, where one stands among switches, is ``h - num_hosts``.

    Args:
        ptr (numpy.ndarray): int64 ``[num_switches + 1]``; the neighbours of switch ``s`` are
            ``neighbour[ptr[s]:ptr[s + 1]]``, by **descending** id, as in ns-3.
        neighbour (numpy.ndarray): int32 ``[num_fabric_links]``, switch at the other end.
        link (numpy.ndarray): int32 ``[num_fabric_links]``, link id in the network.
        nic_ptr (numpy.ndarray): int64 ``[num_hosts + 1]``; the cables of host ``h`` are
            ``nic_ptr[h]`` to ``nic_ptr[h + 1] - 1``, by descending id of the other end.
        nic_end (numpy.ndarray): int32 ``[num_nics]``, switch or host at the other end.
        nic_link (numpy.ndarray): int32 ``[num_nics]``, the link from the host.
        group_of_host (numpy.ndarray): int32 ``[num_hosts]``; hosts of a group hang on the same
            switches.
        root_ptr (numpy.ndarray): int64 ``[num_groups + 1]``
        root (numpy.ndarray): int32, the switches of group ``g`` are
            ``root[root_ptr[g]:root_ptr[g + 1]]``, ascending.
        is_preferred (numpy.ndarray): bool ``[num_switches]``; where one of several next hops is
            such a switch, others are no next hops.
    """

    ptr: NDArray[np.int64]
    neighbour: NDArray[np.int32]
    link: NDArray[np.int32]
    nic_ptr: NDArray[np.int64]
    nic_end: NDArray[np.int32]
    nic_link: NDArray[np.int32]
    group_of_host: NDArray[np.int32]
    root_ptr: NDArray[np.int64]
    root: NDArray[np.int32]
    is_preferred: NDArray[np.bool_]

    @property
    def num_hosts(self) -> int:
        """Number of hosts."""
        return len(self.nic_ptr) - 1

    @property
    def num_switches(self) -> int:
        """Number of switches."""
        return len(self.ptr) - 1

    @classmethod
    def of(
        cls,
        arrays: NetworkArrays,
        without: NDArray[np.bool_] | None = None,
        prefer_nvswitch: bool = False,
    ) -> Fabric:
        """Takes the links between switches, and those of hosts, out of a network.

        Args:
            arrays (NetworkArrays): The network.
            without (numpy.ndarray, optional): bool ``[num_links]``: links to leave out, of a cable
                both or none. (default: none)
            prefer_nvswitch (bool): Prefer NVSwitches. (default: ``False``)
        """
        num_hosts, num_switches = arrays.num_hosts, arrays.num_nodes - arrays.num_hosts
        kept = np.arange(arrays.num_links) if without is None else np.flatnonzero(~without)
        src, dst = arrays.link_src[kept] - num_hosts, arrays.link_dst[kept] - num_hosts
        order = np.lexsort((-dst, src))
        src, dst, link = src[order], dst[order], kept[order].astype(np.int32)
        of_host, between = src < 0, (src >= 0) & (dst >= 0)
        nic_src, nic_end = src[of_host] + num_hosts, dst[of_host]
        group_of_host, root_ptr, root = _groups(nic_src, nic_end, num_hosts)
        is_preferred = np.zeros(num_switches, bool)
        if prefer_nvswitch:
            is_preferred[arrays.nvswitches - num_hosts] = True
        return cls(
            ptr=_pointers(src[between], num_switches),
            neighbour=dst[between],
            link=link[between],
            nic_ptr=_pointers(nic_src, num_hosts),
            nic_end=nic_end,
            nic_link=link[of_host],
            group_of_host=group_of_host,
            root_ptr=root_ptr,
            root=root,
            is_preferred=is_preferred,
        )


def _pointers(owner: NDArray[np.int32], count: int) -> NDArray[np.int64]:
    return np.concatenate(([0], np.cumsum(np.bincount(owner, minlength=count)))).astype(np.int64)


def _groups(
    nic_src: NDArray[np.int32], nic_end: NDArray[np.int32], num_hosts: int
) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int32]]:
    """Hosts by the switches that they hang on: the group of each, and the switches of groups."""
    hung = np.unique(np.column_stack((nic_src, nic_end))[nic_end >= 0], axis=0).astype(np.int32)
    ptr = _pointers(hung[:, 0], num_hosts)
    most = int(np.diff(ptr).max(initial=1))
    table = np.full((num_hosts, most), -1, np.int32)
    table[hung[:, 0], np.arange(len(hung)) - ptr[hung[:, 0]]] = hung[:, 1]
    groups, group_of_host = np.unique(table, axis=0, return_inverse=True)
    is_root = groups >= 0
    root_ptr = np.concatenate(([0], np.cumsum(is_root.sum(axis=1))))
    return group_of_host.reshape(-1).astype(np.int32), root_ptr, groups[is_root]
