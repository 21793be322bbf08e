"""What was recorded of links, as tables of samples by directions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from m4graph.report.directions import Directions

_SUMS = ("sent_bytes", "drops")
_LARGEST = ("queue_bytes", "paused_fraction")


@dataclass(frozen=True, eq=False)
class LinkSamples:
    """Samples of all directions; parallel cables are one.

    Args:
        time_ns (np.ndarray): When each sample was taken.
        recorded (np.ndarray): The directions that were recorded.
        tables (dict): ``sent_bytes`` and ``drops`` since the sample before, the ``queue_bytes``
            and, since the sample before, the ``paused_fraction``; 0 for all other directions.

    Shapes:
        - ``time_ns``: int64 ``[num_samples]``; ``recorded``: int64 ``[num_recorded]``
        - ``tables``: float64 ``[num_samples, num_directions]``
    """

    time_ns: NDArray[np.int64]
    recorded: NDArray[np.int64]
    tables: dict[str, NDArray[np.float64]]

    @classmethod
    def of(cls, links: pd.DataFrame, directions: Directions) -> Self:
        """Takes the samples of a table, as :attr:`.Recorded.links` is."""
        time_ns, sample = np.unique(links["time_ns"], return_inverse=True)
        direction = directions.of_ends(links["a"].to_numpy(), links["b"].to_numpy())
        tables = {}
        for name in (*_SUMS, *_LARGEST):
            tables[name] = np.zeros((len(time_ns), directions.num))
            join = np.add if name in _SUMS else np.maximum
            join.at(tables[name], (sample, direction), links[name].to_numpy())
        return cls(time_ns, np.unique(direction), tables)

    def joined(self, most: int) -> LinkSamples:
        """At most that many samples, each of several that follow each other."""
        step = -(-len(self.time_ns) // most)
        first = np.arange(0, len(self.time_ns), step)
        last = np.minimum(first + step, len(self.time_ns)) - 1
        tables: dict[str, Any] = {name: np.add.reduceat(self.tables[name], first) for name in _SUMS}
        tables["queue_bytes"] = np.maximum.reduceat(self.tables["queue_bytes"], first)
        paused = np.add.reduceat(self.tables["paused_fraction"], first)
        tables["paused_fraction"] = paused / (last - first + 1)[:, None]
        return LinkSamples(self.time_ns[last], self.recorded, tables)
