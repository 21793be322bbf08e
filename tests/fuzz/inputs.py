"""A valid file of each kind, for others to damage."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import networkx as nx

import m4graph as m4
from m4graph.cli.app import main
from m4graph.evaluation.suites.store import save_result
from m4graph.mimic.fitting import trace_small
from m4graph.scenario.files import load_scenario, save_scenario
from m4graph.zoo.manifest import ZOO_FOLDER
from tests.crash.commands import CASES, small_scenario, two_pods
from tests.datasets.importers import bnn


def save(folder: Path, tables: str = "csv") -> None:
    save_scenario(small_scenario(), folder / "scenario", tables)  # type: ignore[arg-type]


def generated(folder: Path) -> None:
    (folder / "scenario.yaml").write_text(
        "name: fuzz\n"
        "topology: {kind: leaf_spine, num_leaves: 2, hosts_per_leaf: 3, num_spines: 2,"
        " host_gbps: 10, fabric_gbps: 40, delay_ns: 1000}\n"
        "workload: {kind: generated, num_flows: 12, load: 0.5, sizes: {kind: pareto,"
        " mean_bytes: 5000, shape: 1.4}, arrivals: {kind: log_normal, sigma: 1.5}}\n"
        "network: {payload_bytes: 1000, buffer_bytes: 3072000, buffer_alpha: 1.0, pfc: true,"
        " ecn: {kmin_bytes: 30000, kmax_bytes: 40000, pmax: 0.5}, tick: ns}\n"
        "congestion_control: {kind: dctcp, init_window_bytes: 18000, gain: 0.0625}\n"
        "faults: [{kind: down, link: [0, 6], at_us: 5, until_us: 20}]\n"
        "seed: 3\n"
    )


def packet(folder: Path) -> None:
    """The same, with the variant without faults compiled, which a damage may ask for."""
    generated(folder)
    m4.simulate(small_scenario(), "packet")


def closed_loop(folder: Path) -> None:
    (folder / "scenario.yaml").write_text(
        "topology: {kind: star, num_hosts: 4, gbps: 10, delay_ns: 1000}\n"
        "workload: {kind: ring_all_reduce, size_bytes: 40000, hosts: [0, 1, 2, 3]}\n"
        "congestion_control: {kind: dctcp}\n"
    )


def graph(suffix: str, write: Callable[..., None]) -> Callable[[Path], None]:
    def prepare(folder: Path) -> None:
        network = m4.topology.star(num_hosts=3, gbps=10, delay_ns=1000)
        write(network, folder / f"network{suffix}")
        (folder / "scenario.yaml").write_text(
            f"topology: {{file: network{suffix}}}\n"
            "workload: {kind: generated, num_flows: 5, load: 0.3, sizes: web_server}\n"
            "congestion_control: {kind: dctcp}\n"
        )

    return prepare


def write_json(network: nx.Graph, path: Path) -> None:
    path.write_text(json.dumps(nx.node_link_data(network, edges="edges")))


def cdf(folder: Path) -> None:
    generated(folder)
    (folder / "sizes.csv").write_text("bytes,cdf_percent\n100,0\n1000,50\n20000,100\n")
    text = (folder / "scenario.yaml").read_text()
    start, stop = text.index("sizes:"), text.index(", arrivals")
    text = text.replace(text[text.index("faults:") : text.index("seed:")], "")
    changed = f"{text[:start]}sizes: {{kind: file, file: sizes.csv}}{text[stop:]}"
    (folder / "scenario.yaml").write_text(changed)


def data(folder: Path) -> None:
    CASES["generate"].prepare(folder)
    recipe = str(folder / "recipe.yaml")
    assert main(["generate", recipe, "--out", str(folder / "data"), "--jobs", "1"]) == 0


def processed(folder: Path) -> None:
    from m4graph.datasets import SnapshotDataset

    data(folder)
    SnapshotDataset(str(folder / "data"))


def checkpoint(folder: Path) -> None:
    from m4graph.checkpoint import save_checkpoint
    from m4graph.nn import FlowLinkModel

    made = {"config_hash": "a", "data_hash": "b", "seed": 0, "steps": 1, "wall_s": 1.0}
    known = {"training": made, "training_domain": {"load": [0.2, 0.8]}, "licence": "MIT"}
    model = FlowLinkModel(hidden_channels=8, num_layers=1)
    save_checkpoint(folder / "checkpoint", model, known, "# Small\n")
    save(folder)


def mimic(folder: Path) -> None:
    """A mimic, and the scenario that it was fitted for."""
    two_pods(folder)
    arguments = ["mimic", "fit", str(folder / "scenario"), "--out", str(folder / "mimic")]
    assert main([*arguments, "--kind", "oracle"]) == 0


def border_trace(folder: Path) -> None:
    """What crossed a pod."""
    two_pods(folder)
    trace_small(load_scenario(folder / "scenario")).save(folder / "trace.npz")


def with_file(text: str, replaced: str, block: str, name: str) -> Callable[[Path], None]:
    """The generated scenario with a block that reads a file."""

    def prepare(folder: Path) -> None:
        generated(folder)
        (folder / name).write_text(text)
        path = folder / "scenario.yaml"
        whole = re.sub(r"faults: .*\n", "", path.read_text())
        changed, count = re.subn(replaced, lambda match: block, whole)
        assert count == 1
        path.write_text(changed)

    return prepare


ZOO_GML = """graph [
  node [ id 0 label "a" Longitude -73.9 Latitude 40.7 ]
  node [ id 1 label "b" Longitude -87.6 Latitude 41.8 ]
  node [ id 2 label "c" Longitude -122.3 Latitude 47.6 ]
  edge [ source 0 target 1 LinkSpeedRaw 10000000000.0 ]
  edge [ source 1 target 2 ]
]
"""


def wan(folder: Path) -> None:
    (folder / "network.gml").write_text(ZOO_GML)
    (folder / "scenario.yaml").write_text(
        "topology: {file: network.gml, hosts: one per node, gbps: 10}\n"
        "workload: {kind: generated, num_flows: 5, load: 0.3, sizes: web_server}\n"
        "congestion_control: {kind: dctcp}\n"
    )


def dependencies(folder: Path) -> None:
    network = m4.topology.star(num_hosts=4, gbps=10, delay_ns=1000)
    block = {"kind": "ring_all_reduce", "size_bytes": 40_000, "hosts": [0, 1, 2, 3]}
    workload = m4.workload.from_config(block, network, 0)
    save_scenario(m4.Scenario(network, workload, "dctcp", name="loop"), folder / "scenario")


def recorded(folder: Path) -> None:
    CASES["convert"].prepare(folder)


def archive(folder: Path) -> None:
    lines = {
        "simulationResults.txt": [bnn.result_line(3, {})] * 2,
        "traffic.txt": [bnn.traffic_line(3, {})] * 2,
        "input_files.txt": ["0;chain.txt;routing.txt", "1;chain.txt;routing.txt"],
    }
    graphs, routings = {"chain.txt": bnn.chain(3)}, {"routing.txt": bnn.chain_routing(3)}
    bnn.write(folder / "raw" / "train", lines, graphs, routings)


def result(folder: Path) -> None:
    save(folder)
    save_result(folder / "result.npz", "key", m4.simulate(small_scenario(), "fluid"))


def zoo(folder: Path) -> None:
    save(folder)
    shutil.copytree(ZOO_FOLDER, folder / "zoo", ignore=shutil.ignore_patterns("*.py", "__*"))


def faults(folder: Path) -> None:
    """A scenario of many faults, of which each kind is compiled."""
    (folder / "scenario.yaml").write_text(
        "topology: {kind: leaf_spine, num_leaves: 2, hosts_per_leaf: 2, num_spines: 2}\n"
        "workload: {kind: generated, num_flows: 12, load: 0.5}\n"
        "congestion_control: {kind: dctcp, retransmit_timeout_us: 100}\n"
        "stop_us: 3000\n"
        "faults:\n"
        "- {kind: down, link: [0, 4], at_us: 5, until_us: 20}\n"
        "- {kind: down, link: [4, 6], at_us: 0}\n"
        "- {kind: slow, link: [5, 7], factor: 0.5, at_us: 2.5, until_us: 900}\n"
        "- {kind: slow, link: [1, 4], rate_gbps: 4, at_us: 30}\n"
        "- {kind: loss, link: [2, 5], probability: 0.01, at_us: 1, until_us: 400}\n"
    )
    m4.simulate(small_scenario(), "packet")


def routes(folder: Path) -> None:
    """A scenario whose routes stand in a table."""
    network = m4.topology.leaf_spine(num_leaves=2, hosts_per_leaf=2, num_spines=2)
    workload = m4.workload.generate(network, num_flows=12, sizes="web_server")
    scenario = m4.Scenario(network, workload, "dctcp", name="routes")
    save_scenario(scenario, folder / "scenario")
    m4.routing.write_routes(folder / "routes.csv", scenario.arrays, workload.id, scenario.routes)
    shutil.copy(folder / "routes.csv", folder / "scenario" / "routes.csv")
    path = folder / "scenario" / "scenario.yaml"
    text = re.sub(r"routing:\n(  .*\n)+", "routing: {file: routes.csv}\n", path.read_text())
    path.write_text(text)


def trained(folder: Path) -> None:
    """A training that is done, to be gone on with."""
    CASES["train"].prepare(folder)
    assert main(["train", str(folder / "train.yaml"), "--out", str(folder / "run")]) == 0
