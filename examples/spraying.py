"""What do meetings on spine cables cost, and what helps: rails, flowlets, or spraying?

A part of an iteration of Mixtral 8x7B on 64 GPUs (configs/jobs; bytes and computing divided by 16),
packet by packet. In racks, experts and data meet others on spine cables by chance of ECMP. On rails
they need no spine. Spraying leaves the racks as they are and spreads the packets of each flow over
all spines; flowlets do so only where a flow pauses, which large flows never do (their bytes are
counted on the first path).

Under a minute on one core, after compiling. Prints a table; with --out, draws it.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table

import m4graph as m4
from m4graph.core.files import whole_file

JOB = Path(__file__).parents[1] / "configs" / "jobs" / "mixtral-64.yaml"
RAILS = {"kind": "rail", "servers": 8, "spines": 8}
RACKS = {"kind": "rail", "servers": 8, "rail": False, "gpus_per_tor": 16, "spines": 8}
# Windows larger than a route's idle round trip holds: the paths of a flow have different queues.
LARGE_WINDOWS = {
    "network": {"payload_bytes": 9000, "tick": "ps", "buffer_bytes": 32_000_000},
    "congestion_control": {"kind": "dcqcn"},
}
CASES = {
    "racks, ECMP": (RACKS, {"kind": "simai"}),
    "racks, flowlets": (RACKS, {"kind": "flowlet", "gap_us": 5}),
    "racks, random spray": (RACKS, {"kind": "spray"}),
    "racks, spray in turn": (RACKS, {"kind": "spray", "choice": "round_robin"}),
    "rails, ECMP": (RAILS, {"kind": "simai"}),
}
COLOURS = {"computing": "#999999", "TP": "#56B4E9", "EP": "#009E73", "DP": "#E69F00"}


def main() -> None:
    parser = argparse.ArgumentParser(description="ECMP, flowlets, spraying and rails on one job.")
    parser.add_argument("--part", type=int, default=16, help="what bytes and times are divided by")
    parser.add_argument("--out", type=Path, help="file for the picture")
    options = parser.parse_args()

    workload = divided(yaml.safe_load(JOB.read_text())["workload"], options.part)
    results = {}
    for name, (topology, routing) in CASES.items():
        keys: dict[str, Any] = {"topology": topology, "routing": routing, "name": name}
        keys |= {"workload": workload, **LARGE_WINDOWS}
        job = m4.load_job(JOB, [(key, json.dumps(value)) for key, value in keys.items()])
        results[name] = m4.simulate_job(job, "packet")
    Console().print(table(results, options.part))
    if options.out is not None:
        with whole_file(options.out) as scratch:
            picture(results).savefig(scratch, format="png", dpi=130)


def divided(block: Any, part: int) -> Any:
    """A block of the job with every number of bytes and of nanoseconds divided."""
    if isinstance(block, list):
        return [divided(each, part) for each in block]
    if not isinstance(block, dict):
        return block
    return {
        key: max(value // part, 1) if key.endswith(("_bytes", "_ns")) else divided(value, part)
        for key, value in block.items()
    }


def times_ms(result: m4.JobResult) -> dict[str, float]:
    """What an iteration is made of, in the mean over ranks."""
    exposed = result.exposed_communication_ns
    parts = (result.compute_ns, exposed["tp"], exposed["ep"], exposed["dp"] + exposed["dp_ep"])
    return {name: time / 1e6 for name, time in zip(COLOURS, parts, strict=True)}


def spine_bytes(result: m4.JobResult) -> np.ndarray:
    """Payload of each directed link at a spine, the most first."""
    links, spines = result.links, _spines(result)
    return np.sort(links["bytes"][links["a"].isin(spines) | links["b"].isin(spines)])[::-1]


def _spines(result: m4.JobResult) -> list[int]:
    network = result.job.scenario.network
    return [node for node, tier in network.nodes(data="tier") if tier == "core"]


def table(results: dict[str, m4.JobResult], part: int) -> Table:
    """Times in ms, bytes in MB."""
    title = f"Mixtral 8x7B on 64 GPUs, 1/{part} of an iteration: ms, and MB on a spine's link"
    shown = Table(title=title)
    for column in ("network", "iteration", *COLOURS, "mean", "most"):
        shown.add_column(column, justify="left" if column == "network" else "right")
    for name, result in results.items():
        sent = spine_bytes(result) / 1e6
        times = result.iteration_ns / 1e6, *times_ms(result).values()
        cells = (*(f"{time:.1f}" for time in times), f"{sent.mean():.0f}", f"{sent.max():.0f}")
        shown.add_row(name, *cells)
    return shown


def picture(results: dict[str, m4.JobResult]) -> Figure:
    """What iterations are made of, and how even the links of spines are used."""
    figure = Figure(figsize=(9.6, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    names = list(results)
    start = np.zeros(len(names))
    for part, colour in COLOURS.items():
        width = np.array([times_ms(result)[part] for result in results.values()])
        left.barh(names, width, left=start, color=colour, label=part)
        start += width
    left.invert_yaxis()
    left.set_xlabel("ms of an iteration, in the mean over ranks")
    left.legend(frameon=False, ncols=4, loc="lower center", bbox_to_anchor=(0.4, 1.0))
    for index, (name, result) in enumerate(results.items()):
        sent = spine_bytes(result) / 1e6
        width = 1.4 * (len(results) - index)  # What lies below another line shows at its sides.
        right.plot(np.arange(1, len(sent) + 1), sent, label=name, linewidth=width)
    right.set_xlabel("links at spines, the busiest first")
    right.set_ylabel("MB")
    right.legend(frameon=False, fontsize="small")
    return figure


if __name__ == "__main__":
    main()
