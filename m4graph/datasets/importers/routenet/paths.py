"""The paths of one simulation: what each flow sends, and what was measured of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from m4graph.core.errors import InputError
from m4graph.datasets.importers.routenet import archive as files
from m4graph.datasets.importers.routenet.archive import Simulation
from m4graph.datasets.importers.routenet.measured import PATH
from m4graph.datasets.importers.routenet.numbers import measured, pair_name, pairs
from m4graph.datasets.importers.routenet.traffic import Traffic, read_traffic


class Path(NamedTuple):
    """A flow with traffic: its pair of nodes, its number there, and what it sends and gets."""

    pair: int
    flow: int
    traffic: Traffic
    results: dict[str, float]


def read_paths(
    simulation: Simulation, traffic: str, results: list[str], num_nodes: int
) -> Iterator[Path]:
    """Reads the flows between different nodes that sent packets.

    Args:
        simulation (Simulation): Of which they are.
        traffic (str): The line of traffic, behind its ``|``.
        results (list of str): Results of each pair of nodes, for pairs of one flow.
        num_nodes (int): Nodes.

    Raises:
        InputError: If a flow is malformed, or has no results; names the line and the pair.
    """
    source = files.RESULTS
    if files.FLOW_RESULTS in simulation.lines:
        source = files.FLOW_RESULTS
        results = pairs(simulation.lines[source], num_nodes, simulation.where(source))
    texts = pairs(traffic, num_nodes, simulation.where(files.TRAFFIC))
    for pair, text in enumerate(texts):
        if pair // num_nodes != pair % num_nodes:
            yield from _of_pair(simulation, source, pair, (text, results[pair]), num_nodes)


def _of_pair(
    simulation: Simulation, source: str, pair: int, texts: tuple[str, str], num_nodes: int
) -> Iterator[Path]:
    name = pair_name(pair, num_nodes)
    where, location = (
        f"{simulation.where(files.TRAFFIC)}, {name}",
        f"{simulation.where(source)}, {name}",
    )
    flows = [read_traffic(text, where) for text in texts[0].split(":")]
    if not any(flows):
        return
    found = texts[1].split(":")
    if len(found) != len(flows):
        raise InputError(
            f"{location}: expected results of {len(flows)} flows, as in {files.TRAFFIC} "
            f"(got {len(found)})"
        )
    for number, (flow, text) in enumerate(zip(flows, found, strict=True)):
        if flow is not None:
            results = dict(zip(PATH, measured(text, PATH, location), strict=True))
            if results["packets_per_s"] > 0 and results["kbps"] > 0:
                yield Path(pair, number, flow, results)
