"""What a first use costs: compiling each algorithm, and starting the command, before and after.

    python examples/benchmarks/first_use.py --before ../older-checkout       # a quarter of an hour
    python examples/benchmarks/first_use.py --only start --runs 5

Each figure is CPU seconds of whole processes, children included. Compilation starts with an empty
NUMBA_CACHE_DIR for each algorithm, and a simulation of a few flows is what compiles; the start of
the process without compilation is taken off. `then` compiles one algorithm after another into one
cache. A warm command finds everything in the cache. The two checkouts take turns, and the fastest
of the runs counts.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ALGORITHMS = ("dctcp", "dcqcn", "timely", "hpcc", "newreno", "dctcp_window")
SIMULATORS = ("packet", "fluid", "learned")
COMMAND = "import sys; from m4graph.cli.app import main; sys.exit(main(sys.argv[1:]))"
SCENARIO = """
name: first_use
topology: {kind: leaf_spine, num_leaves: 2, hosts_per_leaf: 2, num_spines: 2, delay_ns: 1000}
workload: {kind: generated, sizes: {kind: fixed, size_bytes: 20000}, load: 0.3, num_flows: 20}
congestion_control: {kind: %s}
"""


def cpu_s(checkout: Path, cache: Path, *arguments: str) -> float:
    """CPU seconds of one command of a checkout."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(checkout),
        "NUMBA_CACHE_DIR": str(cache),
        "OMP_NUM_THREADS": "1",
    }
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-c", COMMAND, *arguments],
        check=True,
        cwd=checkout,
        env=environment,
        stdout=subprocess.DEVNULL,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def scenario_file(folder: Path, algorithm: str) -> str:
    """A small scenario."""
    path = folder / f"{algorithm}.yaml"
    path.write_text(SCENARIO % algorithm)
    return str(path)


def compilations(checkout: Path, folder: Path) -> dict[str, float]:
    """Compiling each algorithm into an empty cache, and all of them into one."""
    seconds: dict[str, float] = {}
    one = Path(tempfile.mkdtemp(dir=folder))
    for algorithm in ALGORITHMS:
        scenario = scenario_file(folder, algorithm)
        for name, cache in (
            (f"compile {algorithm}", Path(tempfile.mkdtemp(dir=folder))),
            (f"then {algorithm}", one),
        ):
            first = cpu_s(checkout, cache, "simulate", scenario)
            seconds[name] = first - cpu_s(checkout, cache, "simulate", scenario)
    return seconds


def starts(checkout: Path, folder: Path) -> dict[str, float]:
    """Commands that find everything compiled."""
    cache = folder / f"warm-{abs(hash(checkout))}"
    scenario = scenario_file(folder, "dctcp")
    commands = {"--help": ("--help",)} | {
        f"simulate, {name}": ("simulate", scenario, "--simulator", name) for name in SIMULATORS
    }
    if not cache.exists():
        for arguments in commands.values():
            cpu_s(checkout, cache, *arguments)
    return {name: cpu_s(checkout, cache, *arguments) for name, arguments in commands.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--before", type=Path, help="another checkout, to compare with")
    parser.add_argument("--only", choices=["compile", "start"], help="one part")
    parser.add_argument("--runs", type=int, default=3, help="of each start (default: %(default)s)")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    arguments = parser.parse_args()
    checkouts = {"after": Path(__file__).resolve().parents[2]}
    if arguments.before is not None:
        checkouts = {"before": arguments.before.resolve(), **checkouts}
    parts: list[tuple[Callable[[Path, Path], dict[str, float]], int]] = []
    if arguments.only != "start":
        parts.append((compilations, 1))
    if arguments.only != "compile":
        parts.append((starts, arguments.runs))
    best: dict[str, dict[str, float]] = {name: {} for name in checkouts}
    with tempfile.TemporaryDirectory() as folder:
        for measure, runs in parts:
            for _ in range(runs):
                for name, checkout in checkouts.items():
                    for what, seconds in measure(checkout, Path(folder)).items():
                        best[name][what] = min(best[name].get(what, seconds), seconds)
    print(f"{'CPU seconds':<24}" + "".join(f"{name:>9}" for name in checkouts) + f"{'ratio':>8}")
    for what in best["after"]:
        values = [best[name][what] for name in checkouts]
        ratio = f"{values[-1] / values[0]:>8.2f}" if len(values) > 1 else ""
        print(f"{what:<24}" + "".join(f"{value:>9.2f}" for value in values) + ratio)
    if arguments.json:
        arguments.json.write_text(json.dumps(best, indent=2))


if __name__ == "__main__":
    main()
