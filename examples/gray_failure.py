"""A cable that half works: what one bad link of a leaf-spine does to completion times.

The same flows (DCTCP, leaf-spine of 16 hosts) run four times: all well; with one cable between a
leaf and a spine at a tenth of its rate from 10 to 40 ms (a gray failure, which no routing protocol
sees); with that cable down and ECMP that goes on using it; and down with ECMP that leaves it out
200 us later. Queues and throughput of the bad cable are recorded in the second run.

Under a minute, after compiling. Prints a table, and draws slowdown_cdf.png and links.png into
examples/out/gray_failure (or --out).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table

import m4graph as m4
from m4graph.core.files import check_output_folder, whole_folder
from m4graph.core.rng import EVALUATION_SEEDS
from m4graph.evaluation import plot_links
from m4graph.evaluation.plots.figure import (
    ALONE_INCHES,
    panels,
    slowdown_axis,
    slowdown_limits,
)

OUT = Path(__file__).parent / "out" / "gray_failure"
LEAF, SPINE = 16, 20
BAD = {"link": [LEAF, SPINE], "at_us": 10_000, "until_us": 40_000}
SLOW, DOWN = BAD | {"kind": "slow", "factor": 0.1}, BAD | {"kind": "down"}
CASES = {
    "all well": {},
    "slow": {"faults": [SLOW]},
    "down": {"faults": [DOWN]},
    "down, rerouted": {"faults": [DOWN], "routing": {"convergence_us": 200.0}},
}
COLOURS = ("#222222", "#D55E00", "#E69F00", "#0072B2")
RECORDED = {"interval_us": 200.0, "links": [[LEAF, SPINE], [SPINE, LEAF], [LEAF, SPINE + 1]]}


def scenario(num_flows: int) -> m4.Scenario:
    network = m4.topology.leaf_spine(
        num_leaves=4, hosts_per_leaf=4, num_spines=2, host_gbps=10, fabric_gbps=20, delay_ns=1000
    )
    workload = m4.workload.generate(
        network, sizes="web_server", load=0.4, num_flows=num_flows, seed=EVALUATION_SEEDS[0]
    )
    return m4.Scenario(network, workload, congestion_control="dctcp")


def main() -> None:
    parser = argparse.ArgumentParser(description="One bad link of a leaf-spine.")
    parser.add_argument("--flows", type=int, default=4000, help="number of flows")
    parser.add_argument("--out", type=Path, default=OUT, help="folder for the plots")
    options = parser.parse_args()
    check_output_folder(options.out)

    healthy = scenario(options.flows)
    results = {}
    for name, changes in CASES.items():
        recording = RECORDED if name == "slow" else None
        results[name] = m4.simulate(healthy.replace(**changes), "packet", recording=recording)
    Console().print(table(results))
    with whole_folder(options.out) as folder:
        cdf(results).savefig(folder / "slowdown_cdf.png", dpi=130)
        plot_links(results["slow"].extra["recording"], folder / "links.png")
    print(f"Plots: {options.out}")


def table(results: dict[str, m4.SimulationResult]) -> Table:
    columns = ("finished", "packets lost", "mean slowdown", "p99 slowdown")
    made = Table(f"cable {LEAF}-{SPINE}", *columns)
    for name, result in results.items():
        summary = result.summary()
        made.add_row(
            name,
            f"{result.num_finished} of {result.num_flows}",
            str(result.extra["packets_lost"]),
            f"{summary['mean_slowdown']:.2f}",
            f"{summary['p99_slowdown']:.1f}",
        )
    return made


def cdf(results: dict[str, m4.SimulationResult]) -> Figure:
    """How many of all flows are done within a slowdown; those that never finish are missing."""
    figure, grid = panels("One cable of a leaf-spine fails", 1, 1, ALONE_INCHES)
    (axes,) = grid.flat
    slowdowns = [np.sort(result.slowdown[result.finished]) for result in results.values()]
    runs = zip(results.items(), slowdowns, COLOURS, strict=True)
    for (name, result), slowdown, colour in runs:
        share = np.arange(1, len(slowdown) + 1) / result.num_flows
        axes.step(slowdown, 100 * share, where="post", color=colour, label=name, linewidth=1.7)
    slowdown_axis(axes.xaxis, slowdown_limits(slowdowns))
    axes.set_xlabel("slowdown (completion time / time alone in the healthy network)")
    axes.set_ylabel("flows done, %")
    axes.legend(frameon=False, loc="lower right")
    return figure


if __name__ == "__main__":
    try:
        main()
    except m4.M4GraphError as error:
        sys.exit(f"error: {error}")
