"""The directions of a network: pairs of nodes with a cable between them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from m4graph.topology import NetworkArrays


@dataclass(frozen=True, eq=False)
class Directions:
    """Directed pairs of nodes with a cable between them; parallel cables are one.

    Args:
        arrays (NetworkArrays): The network.

    Shapes:
        - ``of_link``: int64 ``[num_links]``, the direction of each link
        - ``src``, ``dst``, ``rate_bps``: ``[num_directions]``; that from the higher node to the
          lower one follows the one back
    """

    arrays: NetworkArrays

    @cached_property
    def of_link(self) -> NDArray[np.int64]:
        """The direction of each link."""
        low, high = np.sort((self.arrays.link_src, self.arrays.link_dst), axis=0).astype(np.int64)
        _, cable = np.unique(low * self.arrays.num_nodes + high, return_inverse=True)
        return 2 * cable + (self.arrays.link_src > self.arrays.link_dst)

    @property
    def num(self) -> int:
        """How many there are."""
        return int(self.of_link.max()) + 1

    @cached_property
    def first_link(self) -> NDArray[np.int64]:
        """The first link of each direction."""
        return np.unique(self.of_link, return_index=True)[1]

    @property
    def src(self) -> NDArray[np.int32]:
        """The node that each direction leaves."""
        return np.asarray(self.arrays.link_src[self.first_link])

    @property
    def dst(self) -> NDArray[np.int32]:
        """The node that each direction leads to."""
        return np.asarray(self.arrays.link_dst[self.first_link])

    @cached_property
    def rate_bps(self) -> NDArray[np.float64]:
        """The sum of the rates of its links."""
        total = np.bincount(self.of_link, weights=self.arrays.link_rate_bps)
        return total.astype(np.float64)

    def of_ends(self, a: NDArray[np.integer], b: NDArray[np.integer]) -> NDArray[np.int64]:
        """The direction from each node ``a`` to node ``b``."""
        return np.asarray(self.of_link[self.arrays.link_ids(a, b)])
