"""A network whose links are coloured by how much of the tail they cost."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from m4graph.evaluation.plots.figure import legend, literal, panels
from m4graph.scenario import Scenario
from m4graph.topology import NetworkArrays

_COLOURS = LinearSegmentedColormap.from_list("tail", ["#F0C419", "#E0621B", "#8C1D40"])
_QUIET, _NODE = "#d9d9d9", "#555555"
_WORST, _MOST_NAMED = 6, 40
_INCHES = (10.5, 4.6)
_POINTS = 17
"""Of a cable's curve: one in the middle, at which its two directions meet."""


class LinkShares(Protocol):
    """Bottlenecks of a run, as a simulator leaves them in ``extra["links"]``."""

    @property
    def scenario(self) -> Scenario:
        """What was simulated."""

    def to_frame(self) -> pd.DataFrame:
        """A row for each link, with ``a``, ``b`` and ``share_of_tail``."""


def draw(links: LinkShares) -> Figure:
    """Hosts in the lowest row, then switches by how far they are from hosts.

    The half of a cable next to a node is the link that leaves it.
    """
    table = links.to_frame().sort_values("share_of_tail", kind="stable")
    arrays = links.scenario.arrays
    percent = 100 * table["share_of_tail"].to_numpy()
    norm = Normalize(0, max(float(percent.max(initial=0)), 1))
    title = f"{links.scenario.name}: where the slowest 1 % of flows are held up"
    figure, axes = panels(literal(title), 1, 1, _INCHES)
    (panel,) = axes.flat
    panel.axis("off")
    rows = node_rows(arrays)
    place = _places(rows)
    every = np.stack((arrays.link_src, arrays.link_dst), axis=1)
    _draw_links(panel, place, every, _QUIET, 0.6)
    guilty = table[["a", "b"]].to_numpy()[percent > 0]
    shown = _COLOURS(norm(percent[percent > 0]))
    _draw_links(panel, place, guilty, shown, 2.4)
    size = np.clip(3000 / len(place), 3, 28)
    panel.scatter(*place.T, s=size, color=_NODE, zorder=3, linewidths=0)
    for node in np.flatnonzero(np.bincount(rows)[rows] <= _MOST_NAMED).tolist():
        panel.annotate(
            str(node), place[node], (4, 4), textcoords="offset points", fontsize=7, color=_NODE
        )
    figure.colorbar(
        ScalarMappable(norm, _COLOURS), ax=panel, shrink=0.8, label="% of these flows", pad=0.01
    )
    worst = table[table["share_of_tail"] > 0][: -_WORST - 1 : -1]
    legend(figure, [_handle(row, norm) for row in worst.itertuples()])
    return figure


def _handle(row: object, norm: Normalize) -> Line2D:
    a, b, share = (getattr(row, name) for name in ("a", "b", "share_of_tail"))
    label = f"{a} to {b}: {100 * share:.3g} %"
    return Line2D([], [], color=_COLOURS(norm(100 * share)), lw=2.5, label=label)


def node_rows(arrays: NetworkArrays) -> NDArray[np.int64]:
    """The row of each node, int64 ``[num_nodes]``: its distance from the nearest host."""
    row = np.full(arrays.num_nodes, arrays.num_nodes)
    row[: arrays.num_hosts] = 0
    for _ in range(arrays.num_nodes):
        before = row.copy()
        np.minimum.at(row, arrays.link_dst, row[arrays.link_src] + 1)
        if np.array_equal(row, before):
            break
    return row


def _places(rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Where each node stands, float64 ``[num_nodes, 2]``: evenly in its row, by number."""
    place = np.zeros((len(rows), 2))
    for row in np.unique(rows):
        nodes = np.flatnonzero(rows == row)
        place[nodes, 0] = (np.arange(len(nodes)) + 0.5) / len(nodes)
        place[nodes, 1] = row
    return place


def _draw_links(
    panel: Axes, place: NDArray[np.float64], ends: NDArray[np.int64], colours: object, width: float
) -> None:
    """Draws the half of each link that is next to the node that it leaves."""
    near, far = place[ends[:, 0]], place[ends[:, 1]]
    along = np.linspace(0, 1, _POINTS)[: _POINTS // 2 + 1, None, None]
    curves = near + along * (far - near)
    # In a row of its own a cable is an arc, so that it does not lie on others.
    same_row = near[:, 1] == far[:, 1]
    height = np.where(same_row, 0.15 + 0.7 * np.abs(near[:, 0] - far[:, 0]), 0)
    curves[..., 1] += 4 * along[..., 0] * (1 - along[..., 0]) * height
    panel.add_collection(
        LineCollection(list(curves.transpose(1, 0, 2)), colors=colours, linewidths=width)
    )
