"""The paths that an agent may choose from, for the flows of an episode."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from m4graph.routing import PathFinder, Paths, Routes
from m4graph.scenario import Scenario
from m4graph.scenario.ideal import ideal_fct_ns


@dataclass(frozen=True, eq=False)
class Candidates:
    """The first shortest paths of each flow, at most so many; made by :meth:`of`.

    Args:
        paths (list): Of each flow the links of its paths, int32 ``[num_paths, length]``.
        ecmp (np.ndarray): int64 ``[num_flows]``, which of its paths ECMP would take; -1: another.
        ideal_fct_ns (np.ndarray): int64 ``[num_flows]``, alone on the fastest of them.
    """

    paths: list[NDArray[np.int32]]
    ecmp: NDArray[np.int64]
    ideal_fct_ns: NDArray[np.int64]

    @classmethod
    def of(cls, scenario: Scenario, finder: PathFinder, most: int) -> Candidates:
        """Finds the paths of a scenario's flows.

        Args:
            scenario (Scenario): The scenario.
            finder (PathFinder): Of its network.
            most (int): So many a flow at most.
        """
        found = finder.find(scenario.routes)
        lengths = np.diff(scenario.routes.data_ptr)
        counts = np.minimum(found.count, most)
        paths = [
            found.links[start : start + count * length].reshape(count, length)
            for start, count, length in zip(
                found.start.tolist(), counts.tolist(), lengths.tolist(), strict=True
            )
        ]
        ecmp = np.where(found.first < counts, found.first, -1)
        return cls(paths, ecmp, _fastest_ns(scenario, found, counts, lengths))


def _fastest_ns(
    scenario: Scenario, found: Paths, counts: NDArray[np.int64], lengths: NDArray[np.int64]
) -> NDArray[np.int64]:
    """What each flow takes alone on the fastest of its paths."""
    flow = np.repeat(np.arange(len(counts)), counts)
    first = np.cumsum(counts) - counts
    start = found.start[flow] + (np.arange(len(flow)) - first[flow]) * lengths[flow]
    ptr = np.concatenate(([0], np.cumsum(lengths[flow])))
    links = found.links[np.repeat(start - ptr[:-1], lengths[flow]) + np.arange(ptr[-1])]
    # ACKs do not count in an ideal time, so any route will do for them.
    routes = Routes(np.zeros(len(flow), np.int32), ptr, links, ptr, links)
    sizes = _Sizes(scenario.workload.size_bytes[flow])
    config = scenario.config
    times_ns = ideal_fct_ns(
        scenario.arrays, sizes, routes, config.payload_bytes, config.ticks_per_ns
    )
    return np.asarray(np.minimum.reduceat(times_ns, first))


class _Sizes(NamedTuple):
    size_bytes: NDArray[np.int64]
