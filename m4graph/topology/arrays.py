"""A network as arrays."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from m4graph.core.calls import plain_call
from m4graph.core.errors import TopologyError

MAX_RATE_BPS = 10**13
"""No link may be faster (10 Tb/s); with :data:`MAX_DELAY_NS` it keeps times inside 64 bits."""

MAX_DELAY_NS = 10**10
"""No cable may be longer (10 s)."""


def nobody() -> np.ndarray:
    """No node at all, int32 ``[0]``."""
    return read_only(np.zeros(0, np.int32))


@plain_call
@dataclass(frozen=True, eq=False)
class NetworkArrays:
    """A validated network. Nodes ``0 .. num_hosts - 1`` are hosts, all others are switches.

    Links are directed: one queue, one rate. A cable is two links. Cables are sorted by (lower
    node, higher node), and parallel ones by (rate, delay); cable ``i`` is link ``2 * i`` from the
    lower node to the higher one, and link ``2 * i + 1`` back. The link ids hence do not depend on
    the order in which a graph or a file lists its cables. All arrays are read-only.

    Fields:
        - num_hosts, num_nodes: counts
        - link_src, link_dst: int32 ``[num_links]``, node ids
        - link_rate_bps: int64 ``[num_links]``, bit/s, above 0
        - link_delay_ns: int64 ``[num_links]``, propagation delay in ns, 0 or above
        - nvswitches: int32 ``[num_nvswitches]``, the ids of those switches, ascending
        - server, rail: int32 ``[num_nodes]``, -1 where it has none; or ``[0]`` if no node has one
    """

    num_hosts: int
    num_nodes: int
    link_src: np.ndarray
    link_dst: np.ndarray
    link_rate_bps: np.ndarray
    link_delay_ns: np.ndarray
    nvswitches: np.ndarray = field(default_factory=nobody)
    server: np.ndarray = field(default_factory=nobody)
    rail: np.ndarray = field(default_factory=nobody)

    @property
    def num_links(self) -> int:
        """Number of directed links."""
        return len(self.link_src)

    @cached_property
    def host_links(self) -> np.ndarray:
        """int32 ``[num_cables_of_hosts]``: the links that leave hosts, host by host."""
        links = np.flatnonzero(self.link_src < self.num_hosts)
        by_host = np.lexsort((self.link_dst[links], self.link_src[links]))
        return read_only(links[by_host].astype(np.int32))

    @cached_property
    def nic_links(self) -> np.ndarray:
        """int32: of :attr:`host_links`, those that do not lead to an NVSwitch; all, if all do."""
        outside = ~np.isin(self.link_dst[self.host_links], self.nvswitches)
        return read_only(self.host_links[outside]) if outside.any() else self.host_links

    @cached_property
    def has_one_nic(self) -> bool:
        """Whether each host has one cable only."""
        return len(self.host_links) == self.num_hosts

    @cached_property
    def host_uplink(self) -> np.ndarray:
        """int32 ``[num_hosts]``: the link from each host to its switch; of hosts with several
        cables the first one, that to the node with the lowest id.
        """
        first = np.searchsorted(self.link_src[self.host_links], np.arange(self.num_hosts))
        return read_only(self.host_links[first])

    @cached_property
    def host_downlink(self) -> np.ndarray:
        """int32 ``[num_hosts]``: the link back of :attr:`host_uplink`."""
        return read_only(self.host_uplink ^ 1)

    def link_id(self, a: int, b: int) -> int:
        """The link from node ``a`` to node ``b``; the first one of parallel cables.

        Raises:
            TopologyError: If there is no such link.
        """
        return int(self.link_ids(np.array([a]), np.array([b]))[0])

    def link_ids(
        self, src: np.ndarray, dst: np.ndarray, which: np.ndarray | None = None
    ) -> np.ndarray:
        """The links between pairs of nodes.

        Args:
            src (np.ndarray): Node ids, integers ``[n]``.
            dst (np.ndarray): Node ids, integers ``[n]``.
            which (np.ndarray, optional): Which of parallel cables, from 0, integers ``[n]``.
                (default: the first ones)

        Shapes:
            - output: int32 ``[n]``

        Raises:
            TopologyError: If a link does not exist; names the first one.
        """
        keys, links = self._link_table
        wanted = src.astype(np.int64) * self.num_nodes + dst
        number = np.zeros(len(wanted), np.int64) if which is None else which
        index = np.minimum(np.searchsorted(keys, wanted) + number, len(keys) - 1)
        inside = (src >= 0) & (src < self.num_nodes) & (dst >= 0) & (dst < self.num_nodes)
        missing = np.flatnonzero((keys[index] != wanted) | ~inside)
        if len(missing):
            a, b = int(src[missing[0]]), int(dst[missing[0]])
            one = f"{number[missing[0]] + 1} parallel cables" if number[missing[0]] else "a cable"
            raise TopologyError(f"link {a}-{b}: expected two nodes with {one} (got none)")
        found: np.ndarray = links[index]
        return found

    @cached_property
    def parallel_number(self) -> np.ndarray:
        """int32 ``[num_links]``: which of the cables between its two nodes a link is, from 0."""
        keys, links = self._link_table
        number = np.empty(self.num_links, np.int32)
        number[links] = np.arange(self.num_links) - np.searchsorted(keys, keys)
        return read_only(number)

    @cached_property
    def _link_table(self) -> tuple[np.ndarray, np.ndarray]:
        keys = self.link_src.astype(np.int64) * self.num_nodes + self.link_dst
        order = np.argsort(keys, kind="stable")
        return keys[order], order.astype(np.int32)


def read_only(array: np.ndarray) -> np.ndarray:
    """The array, contiguous, which nobody can write to."""
    array = np.ascontiguousarray(array)
    array.setflags(write=False)
    return array
