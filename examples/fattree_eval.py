"""Four simulators on a k=4 fat-tree, four kinds of traffic: who is right, and who is fast?

The truth is the packet simulator, exact to the nanosecond; against it stand max-min (`fluid`), the
trained model from the zoo (`learned`), which runs free, on its own predicted departures, and link
by link (`parsimon`).
The seeds are from a range that training never sees.

Under 5 minutes on 2 cores. Prints two tables, and writes them with plots into
examples/out/fattree_eval (or --out).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

import m4graph as m4
from m4graph.core.files import check_output_folder
from m4graph.core.rng import EVALUATION_SEEDS
from m4graph.evaluation import Report

CASES = [("web_search", 0.3), ("web_search", 0.6), ("cache_follower", 0.3), ("cache_follower", 0.6)]
SIMULATORS = ["packet", "fluid", "learned", "parsimon"]
OUT = Path(__file__).parent / "out" / "fattree_eval"


def scenarios(num_flows: int) -> Iterator[m4.Scenario]:
    network = m4.topology.fat_tree(k=4, host_gbps=10, fabric_gbps=40, delay_ns=1000)
    for seed, (sizes, load) in zip(EVALUATION_SEEDS, CASES, strict=False):
        workload = m4.workload.generate(
            network, sizes=sizes, load=load, num_flows=num_flows, seed=seed
        )
        yield m4.Scenario(
            network, workload, congestion_control="dctcp", name=f"{sizes}, load {load}"
        )


def simulate(scenario: m4.Scenario, simulator: str) -> m4.SimulationResult:
    print(f"{scenario.name}: {simulator} ...", file=sys.stderr, flush=True)
    return m4.simulate(scenario, simulator)


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Packet, fluid, learned and parsimon on a fat-tree."
    )
    parser.add_argument("--flows", type=int, default=2000, help="flows in each case")
    parser.add_argument("--out", type=Path, default=OUT, help="folder for tables and plots")
    options = parser.parse_args()
    check_output_folder(options.out)

    report = Report(
        [
            m4.compare(*(simulate(scenario, name) for name in SIMULATORS))
            for scenario in scenarios(options.flows)
        ]
    )
    console = Console()
    console.print(report.table(), "\nErrors divided by those of fluid:", report.relative_table())
    report.save(options.out)
    console.print(f"\nTables and plots: {options.out}", soft_wrap=True)


if __name__ == "__main__":
    try:
        main()
    except m4.M4GraphError as error:
        sys.exit(f"error: {error}")
