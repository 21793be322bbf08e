"""Which link costs the tail: the bottlenecks of the slowest flows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from m4graph.core.table import to_frame, write_table
from m4graph.scenario import Scenario
from m4graph.simulators.parsimon.decomposition import Decomposition
from m4graph.simulators.parsimon.link_runs import IDLE, STATES

if TYPE_CHECKING:
    import pandas as pd

FILE = "links.csv"
TAIL_PERCENTILE = 99


@dataclass(frozen=True, eq=False)
class LinkTable:
    """The links that carry flows, those first that cost most of the tail, then by load.

    Args:
        scenario (Scenario): The network.
        columns (dict): ``a`` and ``b``, from where to where; ``load``, :attr:`.Decomposition.load`;
            ``num_flows``; ``num_packets``, of data; ``state``, ``"simulated"``, ``"cached"`` or
            ``"pruned"``; ``share_of_tail``, of the flows from the 99th percentile of slowdown on,
            those that this link holds up longest.
    """

    scenario: Scenario
    columns: dict[str, NDArray[Any]]

    def to_frame(self) -> pd.DataFrame:
        """A row for each link."""
        return to_frame(self.columns)

    def write_files(self, folder: Path) -> None:
        """Writes ``links.csv``."""
        write_table(folder / FILE, self.columns)


def attribute(
    network: Decomposition,
    state: NDArray[np.int64],
    bottleneck_row: NDArray[np.int64],
    slowdown: NDArray[np.float64],
) -> LinkTable:
    """Makes the table of a network's links.

    Args:
        network (Decomposition): The network.
        state (np.ndarray): Of each link, an index of :data:`.STATES`.
        bottleneck_row (np.ndarray): int64 ``[num_flows]``: where each flow is held up longest; -1:
            nowhere.
        slowdown (np.ndarray): float64 ``[num_flows]``.
    """
    arrays = network.scenario.arrays
    share = _share_of_tail(network, bottleneck_row, slowdown)
    links = np.flatnonzero(state != IDLE)
    links = links[np.lexsort((-network.load[links], -share[links]))]
    columns = {
        "a": arrays.link_src[links],
        "b": arrays.link_dst[links],
        "load": network.load[links],
        "num_flows": np.diff(network.link_ptr)[links],
        "num_packets": network.link_packets[links],
        "state": np.array(STATES)[state[links]],
        "share_of_tail": share[links],
    }
    return LinkTable(network.scenario, columns)


def _share_of_tail(
    network: Decomposition, bottleneck_row: NDArray[np.int64], slowdown: NDArray[np.float64]
) -> NDArray[np.float64]:
    if not len(slowdown):
        return np.zeros(network.scenario.arrays.num_links)
    is_tail = slowdown >= np.percentile(slowdown, TAIL_PERCENTILE)
    rows = bottleneck_row[is_tail & (bottleneck_row >= 0)]
    counts = np.bincount(network.row_link[rows], minlength=network.scenario.arrays.num_links)
    return np.asarray(counts / np.count_nonzero(is_tail))
