"""The network files of ASTRA-sim's analytical backend: dimensions in YAML."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import networkx as nx
from pydantic import Field

from m4graph.core.errors import TopologyError
from m4graph.core.schema import KeyProblem, StrictModel
from m4graph.core.units import BITS_PER_BYTE
from m4graph.core.yaml_file import read_yaml
from m4graph.topology.build import MAX_PARTS

_BITS_OF_A_GB = 2**30 * BITS_PER_BYTE
"""ASTRA-sim writes GB/s, and takes 2**30 bytes for one."""


class _NetworkFile(StrictModel):
    topology: list[Literal["Ring", "Switch", "FullyConnected"]] = Field(min_length=1)
    npus_count: list[int] = Field(min_length=1)
    bandwidth: list[float] = Field(min_length=1)
    latency: list[float] = Field(min_length=1)


def read_astra_sim(path: Path) -> nx.Graph:
    """Reads ``topology``, ``npus_count``, ``bandwidth`` and ``latency``, each a list with an entry
    for a dimension.

    NPUs are hosts, numbered with the first dimension fastest. In a dimension, ``Switch`` gives a
    switch to each group of NPUs; in a ``Ring`` each has a cable to the next one, in
    ``FullyConnected`` to all others. Every cable has the bandwidth (times 2**30 bytes/s) and the
    latency of its dimension. Hosts forward nothing: in a ring only neighbours reach each other, and
    only hosts that differ in one dimension.

    Raises:
        TopologyError: If the file is no such YAML.
    """
    try:
        network = _NetworkFile.parse(read_yaml(path))
    except KeyProblem as error:
        raise TopologyError(f"{path}: {error}") from None
    shape = network.npus_count
    for name in ("npus_count", "bandwidth", "latency"):
        found = getattr(network, name)
        if len(found) != len(network.topology):
            raise TopologyError(
                f"{path}: {name}: expected an entry for each of {len(network.topology)} dimensions "
                f"(got {len(found)})"
            )
    if min(shape) < 1 or math.prod(shape) > MAX_PARTS:
        raise TopologyError(
            f"{path}: npus_count: expected 1 or more, and at most {MAX_PARTS} NPUs (got {shape})"
        )
    graph = nx.MultiGraph(name=path.stem)
    graph.add_nodes_from(range(math.prod(shape)), kind="host")
    for dimension, kind in enumerate(network.topology):
        cable = {
            "rate_bps": _rate_bps(path, network.bandwidth[dimension]),
            "delay_ns": round(network.latency[dimension]),
        }
        for group in _groups(shape, dimension):
            _connect(graph, kind, group, cable)
    return graph


def _rate_bps(path: Path, bandwidth: float) -> int:
    rate_bps = round(bandwidth * _BITS_OF_A_GB)
    if rate_bps < 1:
        raise TopologyError(f"{path}: bandwidth: expected GB/s above 0 (got {bandwidth:g})")
    return rate_bps


def _groups(shape: list[int], dimension: int) -> list[list[int]]:
    """NPUs that differ in one dimension only."""
    stride, count = math.prod(shape[:dimension]), shape[dimension]
    firsts = (npu for npu in range(math.prod(shape)) if npu // stride % count == 0)
    return [[first + stride * place for place in range(count)] for first in firsts]


def _connect(graph: nx.Graph, kind: str, group: list[int], cable: dict[str, Any]) -> None:
    if kind == "Switch":
        switch = len(graph)
        graph.add_node(switch, kind="switch")
        pairs = [(npu, switch) for npu in group]
    elif kind == "Ring":
        pairs = [*pairwise(group), (group[-1], group[0])]
        pairs = pairs[:1] if len(group) == 2 else pairs * (len(group) > 1)
    else:
        pairs = [(a, b) for i, a in enumerate(group) for b in group[i + 1 :]]
    graph.add_edges_from(pairs, **cable)
