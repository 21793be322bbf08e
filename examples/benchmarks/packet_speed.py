"""How fast the packet simulator is, beside ns-3 on the same flows.

Runs the recorded scenarios and prints packet-hops (a data or ACK packet over one link) per second
of CPU, and how many times fewer CPU seconds that takes than ns-3 did. ns-3's seconds (`ns3.yaml`)
were mostly taken on a busy machine; on an idle core it does 0.6 to 0.85 million packet-hops a
second, so `hops/s` is the fairer figure for a comparison across machines.

    python examples/benchmarks/packet_speed.py                 # half a minute, once compiled
    python examples/benchmarks/packet_speed.py --cases 'b4_*' --reference DIR --json out.json

Reached on one busy core (best of 3, building the arrays included): 12 to 13 million packet-hops a
second with DCTCP and TIMELY, 10 to 11 with DCQCN and HPCC; 15 to 29 times as fast as ns-3 by its
recorded seconds on the `b1`, `b4` and `f1` cases.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import yaml

import m4graph as m4
from m4graph.core.provenance import provenance

REPOSITORY = Path(__file__).parents[2]
REFERENCES = (REPOSITORY.parent / "shared" / "reference", REPOSITORY / "tests/data/reference")
RUNS = 3


def measure(case: Path) -> dict[str, object]:
    """Runs a recorded scenario a few times; the best CPU seconds, of building the arrays too."""
    scenario = m4.load_scenario(case)
    result = m4.simulate(scenario, "packet")  # compiles, and finds ideal times and routes
    cpu_s = []
    for _ in range(RUNS):
        started = time.process_time()
        m4.simulate(scenario, "packet")
        cpu_s.append(time.process_time() - started)
    ns3_s = yaml.safe_load((case / "ns3.yaml").read_text())["cpu_s"]
    assert scenario.expected is not None
    return {
        "case": case.name,
        "num_flows": scenario.num_flows,
        "packet_hops": result.packet_hops,
        "cpu_s": min(cpu_s),
        "hops_per_s": result.packet_hops / min(cpu_s),
        "ns3_cpu_s": ns3_s,
        "times_faster": ns3_s / min(cpu_s),
        "equal_flows": float(np.mean(result.fct_ns == scenario.expected.fct_ns)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--reference",
        type=Path,
        default=next(path for path in REFERENCES if path.is_dir()),
        help="folder of recorded scenarios (default: %(default)s)",
    )
    parser.add_argument("--cases", default="[bdef]*", help="which of them (default: %(default)s)")
    parser.add_argument("--json", type=Path, help="write the rows to this file")
    arguments = parser.parse_args()
    cases = sorted(path for path in arguments.reference.glob(arguments.cases) if path.is_dir())
    if not cases:
        parser.error(f"no case matches {arguments.cases} in {arguments.reference}")
    print(
        f"{'case':<52}{'flows':>6}{'hops':>11}{'CPU s':>8}{'Mhops/s':>9}{'ns-3 s':>8}"
        f"{'faster':>8}{'equal':>8}"
    )
    rows = []
    for case in cases:
        row = measure(case)
        rows.append(row)
        print(
            f"{row['case']:<52}{row['num_flows']:>6}{row['packet_hops']:>11}{row['cpu_s']:>8.3f}"
            f"{row['hops_per_s'] / 1e6:>9.2f}{row['ns3_cpu_s']:>8.2f}{row['times_faster']:>7.1f}x"
            f"{row['equal_flows']:>8.1%}",
            flush=True,
        )
    if arguments.json:
        arguments.json.write_text(json.dumps({**provenance(), "rows": rows}, indent=2))


if __name__ == "__main__":
    main()
