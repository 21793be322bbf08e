"""The simulations of an archive, one graph after the other."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache

from torch_geometric.data import HeteroData

from m4graph.core.errors import InputError
from m4graph.datasets.importers.routenet import archive as files
from m4graph.datasets.importers.routenet.archive import Archive, Simulation
from m4graph.datasets.importers.routenet.graph import to_graph
from m4graph.datasets.importers.routenet.measured import read_stability
from m4graph.datasets.importers.routenet.routing import RouteTable, read_routes
from m4graph.datasets.importers.routenet.topology import Topology, read_topology, with_link_rates

_KEPT = 64
"""Topologies and routings of an archive that are not read again at once."""


def read_samples(archive: Archive) -> Iterator[HeteroData | None]:
    """Gives a graph for each simulation; ``None`` for one whose measurements were not stable.

    Args:
        archive (Archive): The archive.

    Raises:
        InputError: If something in it is malformed; names the archive, the file and the line.
    """

    @lru_cache(_KEPT)
    def topology(graph: str, where: str) -> Topology:
        return read_topology(archive.text(files.GRAPHS, graph, where), f"{where}, {graph}")

    @lru_cache(_KEPT)
    def routes(graph: str, routing: str, where: str) -> RouteTable:
        text = archive.text(files.ROUTINGS, routing, where)
        return read_routes(text, topology(graph, where), f"{where}, {routing}")

    where = str(archive.path)
    for simulation in archive.simulations():
        simulated_s, is_stable = _stability(simulation)
        if not is_stable:
            yield None
            continue
        inputs = simulation.lines[files.INPUTS].rstrip(";").split(";")
        if len(inputs) not in (3, 4):
            raise InputError(
                f"{simulation.where(files.INPUTS)}: expected number;graph;routing "
                f"(got {';'.join(inputs)!r})"
            )
        _, graph, routing, *rates = (name.strip() for name in inputs)
        network = topology(graph, where)
        if rates:
            text = archive.text(files.LINK_RATES, rates[0], where)
            network = with_link_rates(network, text, f"{where}, {rates[0]}")
        data = to_graph(simulation, network, routes(graph, routing, where))
        data.simulated_s = simulated_s
        yield data


def _stability(simulation: Simulation) -> tuple[float, bool]:
    if files.STABILITY not in simulation.lines:
        return math.nan, True
    where = simulation.where(files.STABILITY)
    return read_stability(simulation.lines[files.STABILITY], where)
