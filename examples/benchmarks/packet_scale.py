"""How large a network the packet simulator takes: time and memory on one core.

    python examples/benchmarks/packet_scale.py                       # 1024 hosts, some minutes
    python examples/benchmarks/packet_scale.py --hosts 6144 --json out.json

The fabrics are those of m4's tests: pods of racks of 16 hosts, four spine planes, all links at
10 Gb/s, 1 us each, so that a rack's uplinks are oversubscribed 4:1. Load is that of the most loaded
link. Each case runs in a process of its own; its peak memory is that of the whole process.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import m4graph as m4
from m4graph.core.provenance import peak_rss_bytes, provenance


@dataclass(frozen=True)
class Case:
    """A fabric and its traffic, DCTCP throughout."""

    pods: int
    racks: int
    spines: int
    sizes: str
    num_flows: int
    load: float = 0.5


CASES = {
    1024: Case(pods=4, racks=16, spines=16, sizes="cache_follower", num_flows=20_000),
    6144: Case(pods=8, racks=48, spines=24, sizes="web_server", num_flows=50_000),
}


def measure(case: Case) -> dict[str, object]:
    """Builds, simulates and weighs one case in this process."""
    started = time.perf_counter()
    network = m4.topology.clos(
        case.pods, case.racks, hosts=16, planes=4, spines=case.spines, fabric_gbps=10
    )
    workload = m4.workload.generate(
        network, sizes=case.sizes, load=case.load, num_flows=case.num_flows, seed=0
    )
    scenario = m4.Scenario(network, workload, "dctcp")
    result = m4.simulate(scenario, "packet")
    total_s = time.perf_counter() - started
    assert result.packet_hops is not None
    return {
        **asdict(case),
        "num_hosts": scenario.arrays.num_hosts,
        "num_finished": int(result.finished.sum()),
        "mean_slowdown": float(result.slowdown.mean()),
        "packet_hops": result.packet_hops,
        "wall_s": result.wall_s,
        "hops_per_s": result.packet_hops / result.wall_s,
        "build_s": total_s - result.wall_s - result.compile_s,
        "peak_rss_bytes": peak_rss_bytes(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hosts", type=int, choices=CASES, nargs="*", default=[1024])
    parser.add_argument("--json", type=Path, help="write the rows to this file")
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.alone:
        print(json.dumps(measure(CASES[arguments.hosts[0]])))
        return
    print(
        f"{'hosts':>6}{'flows':>8}{'hops':>13}{'wall s':>8}{'Mhops/s':>9}{'build s':>9}"
        f"{'GiB':>6}{'finished':>10}{'slowdown':>10}"
    )
    rows = []
    for hosts in arguments.hosts:
        command = [sys.executable, __file__, "--alone", "--hosts", str(hosts)]
        row = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        rows.append(row)
        print(
            f"{hosts:>6}{row['num_flows']:>8}{row['packet_hops']:>13}{row['wall_s']:>8.1f}"
            f"{row['hops_per_s'] / 1e6:>9.2f}{row['build_s']:>9.1f}"
            f"{row['peak_rss_bytes'] / 2**30:>6.2f}{row['num_finished']:>10}"
            f"{row['mean_slowdown']:>10.3f}",
            flush=True,
        )
    if arguments.json:
        arguments.json.write_text(json.dumps({**provenance(), "rows": rows}, indent=2))


if __name__ == "__main__":
    main()
