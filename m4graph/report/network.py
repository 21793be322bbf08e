"""The network of a page: where nodes stand, and what each direction of a cable carried."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from m4graph.core.units import BITS_PER_BYTE, GBPS, NS_PER_S
from m4graph.evaluation.plots.bottlenecks import node_rows
from m4graph.report.directions import Directions
from m4graph.report.link_samples import LinkSamples
from m4graph.report.plain import short
from m4graph.report.run import Run
from m4graph.topology import NetworkArrays

_HOST_ROWS = 8
_CROWD = 48
"""A row of more hosts is staggered, so that none lies on another."""


def network_section(
    run: Run, directions: Directions, samples: LinkSamples | None
) -> dict[str, Any]:
    """The network with all that is known of its links."""
    seen = [] if samples is None else _recorded(run, directions, samples)
    measures = [*(seen or [_payload(run, directions)]), *_of_routes(run, directions)]
    return drawn_network(directions, measures) | {
        "text": "Hosts stand in the lowest row. The half of a cable next to a node is the "
        "direction that leaves it. A click on a cable or a node leaves only its flows in the table "
        "below, and shows what the link did over time, where that was recorded."
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


def _recorded(run: Run, directions: Directions, samples: LinkSamples) -> list[dict[str, Any]]:
    tables = samples.tables
    capacity = directions.rate_bps / BITS_PER_BYTE * run.end_ns / NS_PER_S
    found = [
        measure("use", tables["sent_bytes"].sum(axis=0) / capacity, "percent"),
        measure("longest queue", tables["queue_bytes"].max(axis=0), "bytes"),
        measure("time paused", tables["paused_fraction"].mean(axis=0), "percent"),
        measure("drops", tables["drops"].sum(axis=0), ""),
    ]
    return [*found[:2], *(one for one in found[2:] if any(one["values"]))]


def _payload(run: Run, directions: Directions) -> dict[str, Any]:
    """What links carried, as far as flows and routes say it."""
    sent = np.where(run.main.finished, run.scenario.workload.size_bytes, 0)
    capacity = directions.rate_bps / BITS_PER_BYTE * run.end_ns / NS_PER_S
    return measure("use by payload", _total(run, directions, sent) / capacity, "percent")


def _of_routes(run: Run, directions: Directions) -> list[dict[str, Any]]:
    """Which flows cross a link, and which of the tail; what a simulator says of that itself."""
    is_tail = np.zeros(run.main.num_flows)
    is_tail[run.tail] = 1 / max(len(run.tail), 1)
    tail = _total(run, directions, is_tail)
    found = [measure("share of the slowest 1 % of flows", tail, "percent")]
    shares = run.main.extra.get("links")
    if shares is not None:
        table = shares.to_frame()
        values = np.zeros(directions.num)
        direction = directions.of_ends(table["a"].to_numpy(), table["b"].to_numpy())
        np.add.at(values, direction, table["share_of_tail"].to_numpy())
        found.append(measure("share of the tail held up here", values, "percent"))
    each = np.ones(run.main.num_flows)
    return [*found, measure("flows", _total(run, directions, each).astype(np.int64), "")]


def _total(run: Run, directions: Directions, of_flow: NDArray[Any]) -> NDArray[np.float64]:
    """The sum over the flows that cross each direction."""
    routes = run.scenario.routes
    weights = np.repeat(of_flow, np.diff(routes.data_ptr))
    crossed = directions.of_link[routes.data_links]
    total = np.bincount(crossed, weights=weights, minlength=directions.num)
    return total.astype(np.float64)


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
