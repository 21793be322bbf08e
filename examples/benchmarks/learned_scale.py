"""200 000 flows on 6144 hosts in one run of the learned simulator: memory, and time as it goes on.

The fabric is non-blocking, hosts at 10 Gb/s and the rest at 40; load is that of the most loaded
link. Each tenth of the run's events is timed: an event should cost the same in all of them, but
for what it concerns, which the flows under way tell. Each case runs in a process of its own; its
peak memory is that of the whole process, network, routes and flows included.

    python examples/benchmarks/learned_scale.py            # two minutes
    python examples/benchmarks/learned_scale.py --json out.json

Reached on a busy 2-core AMD EPYC (Zen 5), CPU time, model m4graph. web_server: 42 s, 0.71 GiB,
32 us an event in the first tenth (1700 flows under way), 54 in the sixth (2700), 57 in the last.
cache_follower: 114 s, 0.74 GiB, 49 us in the first tenth (4800 under way), 140 in the sixth
(9200), 152 in the last. It rises with the flows under way.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import m4graph as m4
from m4graph.core.provenance import peak_rss_bytes, provenance
from m4graph.learned.compiled import CompiledEngine, export_weights
from m4graph.runs import FlowNetwork
from m4graph.runs.sample import two_flows

SEED = 1
FABRIC = {"pods": 8, "racks": 48, "hosts": 16, "planes": 4, "spines": 48}
NUM_FLOWS = 200_000
SIZES = ("web_server", "cache_follower")
LOAD = 0.5
PARTS = 10


def measure(sizes: str, num_flows: int, model: str) -> dict[str, object]:
    """Builds and runs one case in this process; times are wall and CPU seconds."""
    weights = export_weights(m4.load_model(model))
    CompiledEngine(weights, two_flows()).run(4)  # compiles
    compiled_bytes, started = peak_rss_bytes(), time.perf_counter()
    topology = m4.topology.clos(**FABRIC, host_gbps=10, fabric_gbps=40)
    workload = m4.workload.generate(topology, sizes, load=LOAD, num_flows=num_flows, seed=SEED)
    config = {"headroom_cap": 0.8}  # or PFC leaves switches of 100 ports no buffer to share
    network = FlowNetwork.from_scenario(m4.Scenario(topology, workload, "dctcp", config=config))
    engine = CompiledEngine(weights, network)
    build_s = time.perf_counter() - started
    built_bytes, parts = peak_rss_bytes(), []
    for _ in range(PARTS):
        started, cpu_started = time.perf_counter(), time.thread_time()
        first = engine.num_events
        engine.run(2 * num_flows // PARTS)
        num_events = engine.num_events - first
        parts.append(
            {
                "num_events": num_events,
                "wall_s": time.perf_counter() - started,
                "cpu_us_per_event": (time.thread_time() - cpu_started) / num_events * 1e6,
                "active": engine.num_events - 2 * engine.num_departed,
            }
        )
    assert not engine.run(1)
    assert engine.num_departed == num_flows
    return {
        "sizes": sizes,
        "flows": num_flows,
        "build_s": build_s,
        "wall_s": sum(part["wall_s"] for part in parts),
        "compiled_bytes": compiled_bytes,
        "built_bytes": built_bytes,
        "peak_rss_bytes": peak_rss_bytes(),
        "parts": parts,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--flows", type=int, default=NUM_FLOWS)
    parser.add_argument("--model", help="name or path of a model; the zoo's default if not given")
    parser.add_argument("--json", type=Path, help="write the rows to this file")
    parser.add_argument("--alone", choices=SIZES, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    model = arguments.model or m4.zoo.default_model_name()
    if arguments.alone:
        print(json.dumps(measure(arguments.alone, arguments.flows, model)))
        return
    rows = []
    for sizes in SIZES:
        command = [sys.executable, __file__, "--alone", sizes, "--flows", str(arguments.flows),
                   "--model", model]  # fmt: skip
        row = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        rows.append(row)
        print(
            f"{sizes}: {row['wall_s']:.1f} s after {row['build_s']:.1f} s of building; "
            f"{row['peak_rss_bytes'] / 2**30:.2f} GiB, of which {row['compiled_bytes'] / 2**30:.2f}"
            " Python and libraries"
        )
        for name, text in (("cpu_us_per_event", "CPU us/event"), ("active", "under way")):
            values = "".join(f"{part[name]:>7.0f}" for part in row["parts"])
            print(f"  {text + ', by tenth':<24}{values}", flush=True)
    if arguments.json:
        arguments.json.write_text(
            json.dumps({**provenance(), "seed": SEED, "model": model, "rows": rows}, indent=2)
        )


if __name__ == "__main__":
    main()
