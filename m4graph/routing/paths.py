"""All shortest paths of flows, over which their packets may be spread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from m4graph.core.calls import plain_call
from m4graph.core.errors import RoutingError
from m4graph.routing.distances import Distances
from m4graph.routing.fabric import Fabric
from m4graph.routing.path_kernels import number_of_routes, ways_kernel
from m4graph.routing.routes import Routes
from m4graph.topology.arrays import NetworkArrays

MOST_PATHS = 1024
"""Between two hosts, from one NIC of the first."""


@plain_call
class Spraying(NamedTuple):
    """How the packets of a flow are spread over its paths.

    Fields:
        - gap_us (float): the next packet takes another choice if it starts so long after the one
          before, or later
        - choice (str): ``"random"`` or ``"round_robin"``
        - prefer_nvswitch (bool): where a next hop is an NVSwitch, others are none
    """

    gap_us: float
    choice: Literal["random", "round_robin"]
    prefer_nvswitch: bool


@plain_call
@dataclass(frozen=True, eq=False)
class Paths:
    """The paths of flows, as directed link ids. Flows between the same two NICs share theirs.

    Path ``p`` of flow ``i`` has as many links as the flow's route; with ``n`` of them, they are
    ``links[start[i] + p * n:start[i] + (p + 1) * n]``. From one path to the next the choice at the
    first switch changes, at the second one where those at the first have all been made, and so on.

    Args:
        start (numpy.ndarray): int64 ``[num_flows]``
        count (numpy.ndarray): int64 ``[num_flows]``, how many a flow has.
        first (numpy.ndarray): int64 ``[num_flows]``, the number of the one that is its route.
        links (numpy.ndarray): int32, of all paths.
    """

    start: NDArray[np.int64]
    count: NDArray[np.int64]
    first: NDArray[np.int64]
    links: NDArray[np.int32]

    def link_bytes(
        self, routes: Routes, size_bytes: NDArray[np.integer], num_links: int
    ) -> NDArray[np.float64]:
        """What crosses each link if flows use their paths evenly, float64 ``[num_links]``.

        Args:
            routes (Routes): Of the flows.
            size_bytes (numpy.ndarray): Their sizes ``[num_flows]``.
            num_links (int): Links of the network.
        """
        lengths = np.diff(routes.data_ptr) * self.count
        inside = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        crossed = self.links[np.repeat(self.start, lengths) + inside]
        shares = np.repeat(size_bytes / self.count, lengths)
        return np.bincount(crossed, shares, num_links).astype(np.float64)


@plain_call
class PathFinder:
    """Finds the paths of flows: those of as few links as can be, from the NIC that a flow has.

    Args:
        arrays (NetworkArrays): The network.
        prefer_nvswitch (bool): Where a next hop is an NVSwitch, others are none.
        without (numpy.ndarray, optional): bool ``[num_links]``: links to leave out, of a cable both
            or none. (default: none)
    """

    def __init__(
        self,
        arrays: NetworkArrays,
        prefer_nvswitch: bool,
        without: NDArray[np.bool_] | None = None,
    ) -> None:
        self._arrays = arrays
        self._fabric = Fabric.of(arrays, without, prefer_nvswitch)
        self._distances = Distances(self._fabric)
        self._ways: dict[int, NDArray[np.int32]] = {}

    def find(self, routes: Routes) -> Paths:
        """The paths of flows with these routes. A route that is none of them is a flow's only one.

        Raises:
            RoutingError: If there are more than :data:`MOST_PATHS` between two hosts.
        """
        arrays = self._arrays
        first_link = routes.data_links[routes.data_ptr[:-1]].astype(np.int64)
        dst = arrays.link_dst[routes.data_links[routes.data_ptr[1:] - 1]].astype(np.int64)
        pairs, pair = np.unique(first_link * arrays.num_hosts + dst, return_inverse=True)
        ways = [self._ways_of(key) for key in pairs.tolist()]
        sizes = np.array([way.size for way in ways], np.int64)
        start = (np.cumsum(sizes) - sizes)[pair]
        length = np.diff(routes.data_ptr)
        fits = np.array([way.shape[1] for way in ways], np.int64)[pair] == length
        count = np.where(fits, np.array([len(way) for way in ways], np.int64)[pair], 0)
        links = np.concatenate([np.zeros(0, np.int32), *(way.ravel() for way in ways)])
        first = np.empty(routes.num_flows, np.int64)
        number_of_routes(routes.data_ptr, routes.data_links, start, count, links, first)
        alone = np.flatnonzero(first < 0)
        own = [routes.data_route(row) for row in alone.tolist()]
        start[alone] = len(links) + np.cumsum(length[alone]) - length[alone]
        count[alone], first[alone] = 1, 0
        return Paths(start, count, first, np.concatenate([links, *own]))

    def _ways_of(self, pair: int) -> NDArray[np.int32]:
        """All paths from a link of a host to another host ``[num_paths, length]``."""
        found = self._ways.get(pair)
        if found is None:
            found = self._ways[pair] = self._search(*divmod(pair, self._arrays.num_hosts))
        return found

    def _search(self, first_link: int, dst: int) -> NDArray[np.int32]:
        arrays, fabric = self._arrays, self._fabric
        here = int(arrays.link_dst[first_link]) - arrays.num_hosts
        if here < 0:
            return np.array([[first_link]], np.int32)
        distance = self._distances.to(dst)
        length = int(distance[here]) + 2
        if length < 2:
            return np.zeros((0, 0), np.int32)
        links, choices = ways_kernel()(first_link, here, dst, fabric, distance, length, MOST_PATHS)
        if not len(links):
            src = arrays.link_src[first_link]
            raise RoutingError(
                f"routing.kind: expected at most {MOST_PATHS} shortest paths from host {src} to "
                f"host {dst} to spray over (got more)"
            )
        order = np.lexsort(choices.T)
        return np.ascontiguousarray(links[order])
