"""Hops to the switches that hosts hang on, computed once for hosts of the same switches."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from m4graph.routing.fabric import Fabric
from m4graph.routing.kernels import distances_to


class Distances:
    """Hops from every switch to those of a host; kept.

    Args:
        fabric (Fabric): The network.
    """

    def __init__(self, fabric: Fabric) -> None:
        self._fabric = fabric
        self._of_group: dict[int, NDArray[np.int32]] = {}

    def to(self, host: int) -> NDArray[np.int32]:
        """Hops to the nearest switch that a host hangs on, int32 ``[num_switches]``; -1 where there
        is no way.
        """
        fabric = self._fabric
        group = int(fabric.group_of_host[host])
        distance = self._of_group.get(group)
        if distance is None:
            distance = np.empty(fabric.num_switches, np.int32)
            distances_to(group, fabric, distance, np.empty_like(distance))
            self._of_group[group] = distance
        return distance
