"""Blocks of YAML on pages, read by what reads them in use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import networkx as nx
import yaml

from m4graph.datasets import GenerateConfig
from m4graph.evaluation.suites.files import SuiteFile
from m4graph.jobs import load_job
from m4graph.scenario import Scenario
from m4graph.scenario.build import ScenarioFile
from m4graph.scenario.files import load_scenario
from m4graph.simulators.packet import Recording
from m4graph.topology import to_csv
from m4graph.workload.programs.config import JOB_WORKLOADS

_FIRST_SWITCH = 16
_BASE = {
    "topology": {"kind": "star", "num_hosts": 8},
    "workload": {"kind": "generated", "num_flows": 10},
    "congestion_control": {"kind": "dctcp"},
}


def read_block(block: Any, folder: Path) -> None:
    """Reads a block: of a scenario, a recording, a recipe, a suite or a training.

    A part of a scenario becomes a whole one. Cables that a block names become a network.

    Raises:
        AssertionError: If it is none of these.
        InputError: If it is bad.
    """
    keys = set(block)
    if block.get("workload", {}).get("kind") in JOB_WORKLOADS.names():
        load_job(_write(folder / "job.yaml", block))
    elif keys <= set(ScenarioFile.model_fields):
        _scenario(block, folder)
    elif keys <= set(Recording.model_fields):
        recording = Recording.parse(block)
        named = [block[name] for name in ("links", "taps") if isinstance(block.get(name), list)]
        cables = [tuple(pair) for pairs in named for pair in pairs]
        scenario = _scenario({"topology": _network(cables, folder)}, folder)
        recording.link_ids("links", scenario)
        recording.link_ids("taps", scenario)
    elif "num_scenarios" in keys:
        GenerateConfig.parse(block)
    elif "scenarios" in keys:
        SuiteFile.parse(block)
    elif "max_steps" in keys:
        _training(block, folder)
    else:
        raise AssertionError(f"no file of m4graph has the keys {sorted(keys)}")


def _scenario(block: Mapping[str, Any], folder: Path) -> Scenario:
    blocks = {**_BASE, **block}
    cables = [tuple(fault["link"]) for fault in block.get("faults", [])]
    if cables and "topology" not in block:
        blocks["topology"] = _network(cables, folder)
    return load_scenario(_write(folder / "block.yaml", blocks))


def _training(block: Mapping[str, Any], folder: Path) -> None:
    from m4graph.training.config import load_train_config

    load_train_config(_write(folder / "block.yaml", block))


def _network(cables: list[tuple[int, int]], folder: Path) -> dict[str, Any]:
    """A topology of 16 hosts, one cable each, that has these cables; all switches are connected."""
    graph = nx.Graph(name="page")
    graph.add_edges_from(_all_cables(cables), rate_bps=10**10, delay_ns=1000)
    for node in graph:
        graph.nodes[node]["kind"] = "host" if node < _FIRST_SWITCH else "switch"
    file = folder / "block.csv"
    to_csv(graph, file)
    return {"file": file.name, "num_hosts": _FIRST_SWITCH}


def _all_cables(named: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    nodes = {node for pair in named for node in pair}
    hosts = set(range(_FIRST_SWITCH)) - nodes
    switches = range(_FIRST_SWITCH + 1, max(nodes, default=0) + 1)
    yield from named
    yield from ((_FIRST_SWITCH, node) for node in (*sorted(hosts), *switches))


def _write(path: Path, blocks: Mapping[str, Any]) -> Path:
    path.write_text(yaml.safe_dump(dict(blocks)))
    return path
