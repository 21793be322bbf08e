"""What does a rail layout gain? An iteration of Mixtral 8x7B on 64 GPUs, on several networks.

Tensor parallel groups of 8 stay within a server; experts (EP 4) and data (DP 8) go over the NICs.
On rails, GPUs of one place in their servers share a top-of-rack switch, so that these groups never
need a spine; in racks they do, and meet others there by chance of ECMP. Each network once with the
usual spines and once with slow ones.

A few seconds with fluid. Prints a table; with --out, writes time lines and Chrome traces.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from rich.console import Console
from rich.table import Table

import m4graph as m4
from m4graph.core.files import check_output_folder, whole_folder
from m4graph.evaluation import plot_job
from m4graph.jobs.trace import write_trace

JOB = Path(__file__).parents[1] / "configs" / "jobs" / "mixtral-64.yaml"
RAILS = {"kind": "rail", "servers": 8, "spines": 8}
RACKS = {"kind": "rail", "servers": 8, "rail": False, "gpus_per_tor": 16, "spines": 8}
NETWORKS = {
    "rails": RAILS,
    "rails, slow spines": RAILS | {"fabric_gbps": 100},
    "racks": RACKS,
    "racks, slow spines": RACKS | {"fabric_gbps": 100},
}


def main() -> None:
    parser = argparse.ArgumentParser(description="An iteration of Mixtral on several networks.")
    parser.add_argument("--simulator", default="fluid", help="fluid, packet or learned")
    parser.add_argument("--out", type=Path, help="folder for time lines and traces")
    arguments = parser.parse_args()
    if arguments.out is not None:
        check_output_folder(arguments.out)

    results = {}
    for name, topology in NETWORKS.items():
        job = m4.load_job(JOB, [("topology", json.dumps(topology)), ("name", name)])
        results[name] = m4.simulate_job(job, arguments.simulator)
    Console().print(table(results))
    if arguments.out is not None:
        with whole_folder(arguments.out) as scratch:
            for name, result in results.items():
                stem = name.replace(", ", "_").replace(" ", "_")
                plot_job(result, scratch / f"{stem}.png", ranks=range(0, 64, 8))
                write_trace(result, scratch / f"{stem}.json")


def table(results: dict[str, m4.JobResult]) -> Table:
    """Times in ms."""
    shown = Table(title="Mixtral 8x7B on 64 GPUs: one iteration, in ms")
    for column in ("network", "iteration", "compute", "TP", "EP", "DP", "busiest spine cable"):
        shown.add_column(column, justify="left" if column == "network" else "right")
    for name, result in results.items():
        exposed = result.exposed_communication_ns
        data_ns = exposed["dp"] + exposed["dp_ep"]
        times = (result.iteration_ns, result.compute_ns, exposed["tp"], exposed["ep"], data_ns)
        links, num_gpus = result.links, result.job.num_ranks
        load = links[(links["a"] >= num_gpus) & (links["b"] >= num_gpus)]["load"].max()
        shown.add_row(name, *(f"{time / 1e6:.1f}" for time in times), f"{load:.1%}")
    return shown


if __name__ == "__main__":
    main()
