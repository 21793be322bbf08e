"""How many labelled runs and flows a second `m4graph generate` makes, by backend and workers.

Each case generates the same scenarios into a new folder: fat-trees of 16 hosts under DCTCP, 2000
flows each, as in the recipe dctcp-fattree. The rates are those from the first run to the last;
`start` is the time before: workers start and import, clusters come up.

    python examples/benchmarks/generation_speed.py                    # 1, 2, ... cores; minutes
    python examples/benchmarks/generation_speed.py --backends loky,dask --jobs 1,8 --json out.json

Reached with 24 runs, on a 2-core AMD EPYC (Zen 5) with some other work: with loky 1060 flows/s on
one core and 2050 on two, dask 1060 and 2000, ray 1030 and 2020; started in 2 to 3 s with loky, 3.5
with dask, 6 with ray.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

from joblib.externals.loky import get_reusable_executor
from rich.console import Console
from rich.table import Table

from m4graph.core.parallel import BACKENDS
from m4graph.core.provenance import provenance
from m4graph.datasets import GenerateConfig, generate

NUM_RUNS = 40
RECIPE = {
    "name": "generation-speed",
    "scenario": {
        "topology": {
            "kind": "fat_tree", "k": 4, "host_gbps": 10, "fabric_gbps": {"choice": [10, 40]},
            "delay_ns": 1000,
        },
        "workload": {
            "kind": "generated", "sizes": "web_search", "load": {"uniform": [0.2, 0.8]},
            "num_flows": 2000,
        },
        "congestion_control": "dctcp",
    },
}  # fmt: skip


def measure(config: GenerateConfig, backend: str, jobs: int) -> dict[str, object]:
    """Generates everything once; the first run to come belongs to the start."""
    ends = []
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        records = generate(
            config, folder, jobs, backend, progress=lambda *_: ends.append(time.perf_counter())
        )
    get_reusable_executor().shutdown()  # the next case is to start its own
    seconds = ends[-1] - ends[0]
    flows = sum(record.num_flows for record in records) * (len(ends) - 1) / len(ends)
    return {
        "backend": backend,
        "jobs": jobs,
        "start_s": ends[0] - started,
        "runs_per_s": (len(ends) - 1) / seconds,
        "flows_per_s": flows / seconds,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    cores = ",".join(str(jobs) for jobs in _jobs(os.cpu_count() or 1))
    parser.add_argument("--backends", default=",".join(BACKENDS), help="default: all of them")
    parser.add_argument("--jobs", default=cores, help="workers, as in 1,2,4 (default: up to cores)")
    parser.add_argument("--runs", type=int, default=NUM_RUNS, help="scenarios in each case")
    parser.add_argument("--json", type=Path, help="write the rows to this file")
    arguments = parser.parse_args()
    config = GenerateConfig.parse({**RECIPE, "num_scenarios": arguments.runs})
    rows = [
        measure(config, backend, int(jobs))
        for backend in arguments.backends.split(",")
        for jobs in arguments.jobs.split(",")
    ]
    table = Table("backend", "workers", "start s", "runs/s", "flows/s")
    for row in rows:
        speeds = f"{row['start_s']:.1f}", f"{row['runs_per_s']:.2f}", f"{row['flows_per_s']:.0f}"
        table.add_row(str(row["backend"]), str(row["jobs"]), *speeds)
    Console().print(table)
    if arguments.json:
        arguments.json.write_text(json.dumps({**provenance(), "rows": rows}, indent=2))


def _jobs(cores: int) -> list[int]:
    """Powers of two up to the cores, and these."""
    return sorted({2**power for power in range(cores.bit_length())} | {cores})


if __name__ == "__main__":
    main()
