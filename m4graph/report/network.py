"""The network of a page: where nodes stand, and what each direction of a cable carried."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from m4graph.core.units import BITS_PER_BYTE, GBPS, NS_PER_S
from m4graph.evaluation.plots.bottlenecks import node_rows
from m4graph.report.plain import short
from m4graph.report.run import Run
from m4graph.topology import NetworkArrays

_HOST_ROWS = 8
_CROWD = 48
"""A row of more hosts is staggered, so that none lies on another."""


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
        return np.bincount(self.of_link, weights=self.arrays.link_rate_bps)

    def of_ends(self, a: NDArray[np.integer], b: NDArray[np.integer]) -> NDArray[np.int64]:
        """The direction from each node ``a`` to node ``b``."""
        return self.of_link[self.arrays.link_ids(np.asarray(a), np.asarray(b))]


def network_section(run: Run, directions: Directions) -> dict[str, Any]:
    """The network with all that is known of its links."""
    measures = [*_recorded(run, directions), *_of_routes(run, directions)]
    return drawn_network(directions, measures) | {
        "text": "Hosts stand in the lowest row. The half of a cable next to a node is the direction "
        "that leaves it. A click on a cable or a node leaves only its flows in the table below, "
        "and shows what the link did over time, where that was recorded."
    }


def drawn_network(directions: Directions, measures: list[dict[str, Any]]) -> dict[str, Any]:
    """A network and measures of its directions, from :func:`measure`."""
    places = _places(directions.arrays)
    return {
        "kind": "network",
        "title": "Network",
        "num_hosts": directions.arrays.num_hosts,
        "nodes": [[*short(place)] for place in places],
        "ends": np.stack((directions.src, directions.dst), axis=1).tolist(),
        "gbps": short(directions.rate_bps / GBPS),
        "measures": measures,
    }


def measure(name: str, values: NDArray[Any], unit: str) -> dict[str, Any]:
    """What colours the links: a number of each direction."""
    return {"name": name, "unit": unit, "values": short(values)}


def _recorded(run: Run, directions: Directions) -> list[dict[str, Any]]:
    if run.records is None or not len(run.records.links):
        return []
    table = run.records.links
    each = table.assign(direction=directions.of_ends(table["a"], table["b"])).groupby("direction")
    sums = {
        name: _spread(each[name].sum(), directions.num)
        for name in ("sent_bytes", "pauses", "drops")
    }
    capacity = directions.rate_bps / BITS_PER_BYTE * run.end_ns / NS_PER_S
    found = [
        measure("use", sums["sent_bytes"] / capacity, "percent"),
        measure("longest queue", _spread(each["queue_bytes"].max(), directions.num), "bytes"),
        measure("time paused", _spread(each["paused_fraction"].mean(), directions.num), "percent"),
        measure("drops", sums["drops"], ""),
    ]
    return [one for one in found if one["name"] in ("use", "longest queue") or any(one["values"])]


def _of_routes(run: Run, directions: Directions) -> list[dict[str, Any]]:
    """What follows from the routes: flows, those of the tail, and, if not recorded, bytes."""
    routes, flows = run.scenario.routes, run.scenario.workload
    hops = np.diff(routes.data_ptr)
    row = np.repeat(np.arange(len(hops)), hops)
    crossed = directions.of_link[routes.data_links]

    def total(weights: NDArray[Any]) -> NDArray[np.float64]:
        return np.bincount(crossed, weights=weights[row], minlength=directions.num)

    is_tail = np.zeros(len(hops))
    is_tail[run.tail] = 1 / max(len(run.tail), 1)
    found = [measure("share of the slowest 1 % of flows", total(is_tail), "percent")]
    if run.records is None or not len(run.records.links):
        sent = total(np.where(run.main.finished, flows.size_bytes, 0))
        capacity = directions.rate_bps / BITS_PER_BYTE * run.end_ns / NS_PER_S
        found.insert(0, measure("use by payload", sent / capacity, "percent"))
    share = run.main.extra.get("links")
    if share is not None:
        table = share.to_frame()
        values = np.zeros(directions.num)
        np.add.at(values, directions.of_ends(table["a"], table["b"]), table["share_of_tail"])
        found.append(measure(f"share of the tail's delay in {run.main.simulator}", values, "percent"))
    return [*found, measure("flows", total(np.ones(len(hops))).astype(np.int64), "")]


def _spread(values: pd.Series, num: int) -> NDArray[Any]:
    """Values of some directions among all; 0 for the others."""
    return values.reindex(range(num), fill_value=0).to_numpy()


def _places(arrays: NetworkArrays) -> NDArray[np.float64]:
    """Where each node stands, float64 ``[num_nodes, 2]``: in rows by the distance from hosts.

    In a row above others a node stands in the order of the middles of those that it leads down to.
    """
    rows = node_rows(arrays)
    place = np.zeros((len(rows), 2))
    down = rows[arrays.link_dst] < rows[arrays.link_src]
    above, below = arrays.link_src[down], arrays.link_dst[down]
    for row in np.unique(rows):
        nodes = np.flatnonzero(rows == row)
        total = np.bincount(above, weights=place[below, 0], minlength=len(rows))[nodes]
        middle = total / np.maximum(np.bincount(above, minlength=len(rows))[nodes], 1)
        order = nodes[np.argsort(middle.round(6), kind="stable")]
        place[order, 0] = (np.arange(len(nodes)) + 0.5) / len(nodes)
        place[order, 1] = row
        if row == 0 and len(nodes) > _CROWD:
            place[order, 1] -= 0.6 * (np.arange(len(nodes)) % _HOST_ROWS) / _HOST_ROWS
    return place
