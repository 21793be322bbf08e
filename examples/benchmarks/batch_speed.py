"""How many events a second `m4.simulate_batch` does, by the number of scenarios in a batch.

Torch takes an event of each scenario in one step of the model; the compiled engine takes the
scenarios in turn. The scenarios are a sweep over loads and seeds, 32 hosts each. A GPU is used
where there is one.

    python examples/benchmarks/batch_speed.py            # a minute
    python examples/benchmarks/batch_speed.py --json out.json

Reached on a busy 2-core AMD EPYC (Zen 5), wall time, model m4graph, batches of 1, 4, 16, 64 and
256: torch 1.1, 3.7, 9.6, 18 and 18 thousand events a second; compiled, in turn, 41, 34, 36, 33
and 22. Small batches are the best of five runs, the largest is a single run among other work.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import torch

import m4graph as m4
from m4graph.core.provenance import provenance

SEED = 1
LEAF_SPINE = {"pods": 1, "racks": 8, "hosts": 4, "planes": 4, "spines": 1}
LOADS = (0.3, 0.5, 0.7)
NUM_FLOWS = 200
BATCHES = (1, 4, 16, 64, 256)
MOST_RUNS, ENOUGH_S = 5, 2.0


def scenarios(count: int) -> list[m4.Scenario]:
    """So many scenarios, no two with the same load and seed."""
    network = m4.topology.clos(**LEAF_SPINE, host_gbps=10, fabric_gbps=40)
    return [
        m4.Scenario(
            network,
            m4.workload.generate(
                network,
                "web_server",
                load=LOADS[i % len(LOADS)],
                num_flows=NUM_FLOWS,
                seed=SEED + i,
            ),
            "dctcp",
        )
        for i in range(count)
    ]


def events_per_s(simulator: m4.Simulator, batch: list[m4.Scenario]) -> float:
    """The most of some runs, by the wall time of the simulation alone."""
    best, started = 0.0, time.perf_counter()
    for _ in range(MOST_RUNS):
        results = m4.simulate_batch(batch, simulator)
        wall_s = sum(result.wall_s for result in results)
        best = max(best, sum(result.num_events for result in results) / wall_s)
        if time.perf_counter() - started > ENOUGH_S:
            break
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", help="name or path of a model; the zoo's default if not given")
    parser.add_argument("--json", type=Path, help="write the rows to this file")
    arguments = parser.parse_args()
    runs = [("compiled", "cpu"), ("torch", "cpu")]
    runs += [("torch", "cuda")] if torch.cuda.is_available() else []
    everything = scenarios(max(BATCHES))
    rows = []
    print(f"{'events/s':<16}" + "".join(f"{count:>9}" for count in BATCHES) + "  in a batch")
    for engine, device in runs:
        simulator = m4.simulators.build_simulator(
            "learned", model=arguments.model, engine=engine, device=device
        )
        simulator.run(everything[0])  # compiles
        speeds = [events_per_s(simulator, everything[:count]) for count in BATCHES]
        rows += [
            {"engine": engine, "device": device, "batch": count, "events_per_s": speed}
            for count, speed in zip(BATCHES, speeds, strict=True)
        ]
        print(f"{engine + ', ' + device:<16}" + "".join(f"{speed:>9,.0f}" for speed in speeds))
    if arguments.json:
        arguments.json.write_text(
            json.dumps(
                {**provenance(), "seed": SEED, "num_flows": NUM_FLOWS, "rows": rows}, indent=2
            )
        )


if __name__ == "__main__":
    main()
