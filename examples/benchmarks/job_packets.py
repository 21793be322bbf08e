"""Whole iterations of training jobs packet by packet, every flow of them, and what cables cost.

The first table is of the jobs in configs/jobs with ``memo: false`` and ``nvlink: simulate``: all
flows go through one session. ns-3's time was not measured: it is computed from the packet-hops, at
0.7 million of them a second, as it does on an idle core.

The second one sets packet-hops a second of hosts with several cables against those with one, run
in turns. A job is shortened to one layer of each kind, with a sixteenth of the bytes of gradients;
with one cable its servers are the racks of a leaf-spine network, whose ToRs are as fast as NVLink.
The flows are WebServer's at load 0.5, to hosts with one cable of 400 Gb/s or two of 200.

    python examples/benchmarks/job_packets.py                  # a quarter of an hour
    python examples/benchmarks/job_packets.py --jobs --pairs 15  # only the second table

Seconds are of the processor, without compiling.
"""

from __future__ import annotations

import argparse
import resource
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import yaml
from rich.console import Console
from rich.table import Table

import m4graph as m4

JOBS = ("gpt7b-64", "gpt13b-128", "mixtral-64")
CONFIGS = Path(__file__).parents[2] / "configs" / "jobs"
ALL_FLOWS = {"memo": False, "nvlink": "simulate"}
NS3_HOPS_A_SECOND = 0.7e6
GRADIENTS = ("dp", "dp_ep")


def main() -> None:
    parser = argparse.ArgumentParser(description="Training jobs packet by packet.")
    parser.add_argument("--jobs", nargs="*", default=list(JOBS), help="of configs/jobs")
    parser.add_argument("--pairs", type=int, default=5, help="runs with one and several cables")
    arguments = parser.parse_args()
    if arguments.jobs:
        print_table(
            "All flows of an iteration",
            "job flows hops/M fluid/ms packet/ms packet_s hops/s MB difference ns-3_h",
            in_own_processes(arguments.jobs),
        )
    if arguments.pairs:
        rows = [paired(job, *job_networks(job), arguments.pairs) for job in JOBS]
        rows.append(paired_flows(arguments.pairs))
        print_table("Packet-hops a second, one cable a host and several", COLUMNS, rows)


def in_own_processes(jobs: list[str]) -> list[list[str]]:
    """A process for each, as memory is counted by process."""
    with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as pool:
        return list(pool.map(whole_iteration, jobs))


def whole_iteration(name: str) -> list[str]:
    """All flows of a job's iteration, in both simulators."""
    config = yaml.safe_load((CONFIGS / f"{name}.yaml").read_text()) | ALL_FLOWS
    network = m4.topology.from_config(config["topology"])
    fluid, _ = timed(config | {"memo": True}, network, "fluid")
    packet, packet_s = timed(config, network, "packet")
    assert packet.packet_hops is not None
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return [
        name,
        f"{packet.num_flows}",
        f"{packet.packet_hops / 1e6:.0f}",
        f"{fluid.iteration_ns / 1e6:.1f}",
        f"{packet.iteration_ns / 1e6:.1f}",
        f"{packet_s:.0f}",
        f"{packet.packet_hops / packet_s / 1e6:.1f} M",
        f"{peak_mb:.0f}",
        f"{fluid.iteration_ns / packet.iteration_ns - 1:+.2%}",
        f"{packet.packet_hops / NS3_HOPS_A_SECOND / 3600:.2f}",
    ]


def timed(config: dict[str, Any], network: nx.Graph, simulator: str) -> tuple[m4.JobResult, float]:
    """A job's result, and the processor's seconds that it took."""
    job = made(config, network)
    m4.simulate_job(made(short(config), network), simulator)  # compiles
    began = time.process_time()
    result = m4.simulate_job(job, simulator)
    return result, time.process_time() - began


def made(config: dict[str, Any], network: nx.Graph) -> m4.Job:
    """A job of a file's keys, on some network."""
    return m4.Job(
        network,
        config["workload"],
        config["congestion_control"],
        config["network"],
        config["routing"],
        step_after=config["step_after"],
        memo=config["memo"],
        nvlink=config["nvlink"],
    )


def short(config: dict[str, Any]) -> dict[str, Any]:
    """The same with one layer of each kind, and a sixteenth of the gradients."""

    def smaller(layer: dict[str, Any]) -> dict[str, Any]:
        if "repeat" in layer:
            return {"repeat": 1, "layers": layer["layers"]}
        part = layer.get("weight_grad", {})
        if part.get("group") not in GRADIENTS:
            return layer
        return layer | {"weight_grad": part | {"size_bytes": part["size_bytes"] // 16}}

    workload = config["workload"]
    layers = [smaller(layer) for layer in workload["layers"]]
    return config | {"workload": workload | {"layers": layers}}


def job_networks(name: str) -> tuple[dict[str, Any], nx.Graph, nx.Graph]:
    """A short job, hosts with one cable for it, and those that it has."""
    config = short(yaml.safe_load((CONFIGS / f"{name}.yaml").read_text()) | ALL_FLOWS)
    servers = config["topology"]["servers"]
    several = m4.topology.from_config(config["topology"])
    one = m4.topology.leaf_spine(
        num_leaves=servers,
        hosts_per_leaf=8,
        num_spines=8,
        host_gbps=2880,
        fabric_gbps=400,
        delay_ns=500,
    )
    for key, values in (
        ("server", np.arange(8 * servers) // 8),
        ("rail", np.arange(8 * servers) % 8),
    ):
        nx.set_node_attributes(one, dict(enumerate(values.tolist())), key)
    return config, one, several


COLUMNS = "what pairs hops/M_one hops/M_several hops/s_one hops/s_several ratio"


def paired(
    name: str, config: dict[str, Any], one: nx.Graph, several: nx.Graph, num_pairs: int
) -> list[str]:
    """Runs of a job in turns."""

    def run(network: nx.Graph) -> tuple[int, float]:
        job = made(config, network)
        began = time.process_time()
        hops = m4.simulate_job(job, "packet").packet_hops
        assert hops is not None
        return hops, time.process_time() - began

    return in_turns(name, lambda: run(one), lambda: run(several), num_pairs)


def paired_flows(num_pairs: int) -> list[str]:
    """Runs of the same flows in turns."""
    networks = [
        m4.topology.rail(
            64, gpus_per_server=1, tors=tors, rail=False, gpus_per_tor=16, fabric_gbps=400 / tors
        )
        for tors in (1, 2)
    ]
    flows = m4.workload.generate(networks[0], "web_server", load=0.5, num_flows=40_000, seed=100)
    scenarios = [m4.Scenario(network, flows, "dcqcn") for network in networks]

    def run(scenario: m4.Scenario) -> tuple[int, float]:
        began = time.process_time()
        hops = m4.simulate(scenario, "packet").packet_hops
        assert hops is not None
        return hops, time.process_time() - began

    one, several = scenarios
    return in_turns("WebServer", lambda: run(one), lambda: run(several), num_pairs)


def in_turns(what: str, one: Any, several: Any, num_pairs: int) -> list[str]:
    """Packet-hops a second of both, and the median of the pairs' ratios."""
    one(), several()  # compile
    runs = np.array([(one(), several()) for _ in range(num_pairs)])
    hops, seconds = runs[..., 0], runs[..., 1]
    speeds = hops / seconds
    return [
        what,
        f"{num_pairs}",
        *(f"{count / 1e6:.1f}" for count in hops[0]),
        *(f"{speed / 1e6:.2f} M" for speed in np.median(speeds, axis=0)),
        f"{np.median(speeds[:, 1] / speeds[:, 0]):.2f}",
    ]


def print_table(title: str, columns: str, rows: list[list[str]]) -> None:
    """Columns are words; an underline stands for a blank."""
    table = Table(title=title)
    for column in columns.split():
        table.add_column(column.replace("_", " "), justify="right")
    for row in rows:
        table.add_row(*row)
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
