"""What the physical estimate owes to each of its constants (docs/physics.md).

The estimate alone, with no network to correct it, runs free on runs of the zoo model's training
distribution; then again with one constant at a time changed. Compiled code has its constants built
in, so that each change is a process of its own. Errors are those of slowdowns against the packet
simulator: mean, 90th percentile, tail; the mean over runs.

    python examples/benchmarks/physics_constants.py            # 15 minutes of CPU, mostly compiling
    python examples/benchmarks/physics_constants.py --json out.json
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from importlib import import_module
from pathlib import Path

import numpy as np

import m4graph as m4
from m4graph.core.provenance import provenance
from m4graph.datasets.making.config import load_config
from m4graph.metrics import error_summary
from m4graph.nn import FlowLinkModel
from m4graph.scenario import Scenario
from m4graph.scenario.files import build_scenario

RECIPE = Path(m4.__file__).parent / "datasets" / "recipes" / "m4graph.yaml"
NUM_RUNS = 24
CHANGES = {
    "m4graph.runs.settings:_HELD_BY_DCTCP": (0.8, 1.0),
    "m4graph.estimate.control:_NEARLY": (0.85, 1.0),
    "m4graph.estimate.control:_DEEPEST_CUT": (0.1, 0.6),
    "m4graph.estimate.control:_MOST_ROUNDS": (5.0, 80.0),
    "m4graph.estimate.windows:_ROUNDED_UP": (0.0, 1.0),
    "m4graph.estimate.windows:_NEWTON_STEPS": (4, 16),
    "m4graph.estimate.events:_SWEEPS": (1, 4),
    "m4graph.estimate.outlook:_SPREADING_TRIPS": (0.1, 2.0),
    "m4graph.estimate.outlook:LEAST_RATE": (1e-4, 1e-2),
    "m4graph.estimate.build:_LEAST_GRANT": (1e-4, 1e-2),
}


def scenarios() -> list[Scenario]:
    """The first runs of the recipe."""
    config = load_config(RECIPE)
    return [build_scenario(config.describe(index), RECIPE) for index in range(NUM_RUNS)]


def errors_of_the_estimate(truths: Path) -> list[float]:
    """Mean, 90th percentile and tail, in percent."""
    model, true = FlowLinkModel(hidden_channels=8), np.load(truths)
    found = []
    for index, scenario in enumerate(scenarios()):
        guess = m4.simulate(scenario, "learned", model=model, engine="compiled")
        summary = error_summary(guess.slowdown, true[str(index)])
        found.append((summary.mean_error, summary.p90_error, summary.p99_tail_error))
    return [round(float(100 * each), 2) for each in np.mean(found, axis=0)]


def changed(truths: Path, name: str, value: float) -> list[float]:
    """The errors with another value of a constant, from a process of its own."""
    command = [sys.executable, __file__, "--truths", str(truths), "--set", name, repr(value)]
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "NUMBA_CACHE_DIR": cache}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return list(json.loads(done.stdout))


def main() -> None:
    """Prints one line for each change."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", type=Path, help="file for the numbers")
    parser.add_argument("--truths", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--set", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.set:
        module, _, name = arguments.set[0].partition(":")
        setattr(import_module(module), name, json.loads(arguments.set[1]))
        print(json.dumps(errors_of_the_estimate(arguments.truths)))
        return
    rows: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        truths = Path(folder) / "truths.npz"
        slowdowns = [m4.simulate(scenario, "packet").slowdown for scenario in scenarios()]
        np.savez(truths, **{str(index): each for index, each in enumerate(slowdowns)})
        rows["as it is"] = errors_of_the_estimate(truths)
        print(f"{'as it is':45s} {rows['as it is']}", flush=True)
        for name, values in CHANGES.items():
            for value in values:
                line = f"{name.removeprefix('m4graph.')} = {value}"
                rows[line] = changed(truths, name, value)
                print(f"{line:45s} {rows[line]}", flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps({"errors": rows, **provenance()}, indent=2) + "\n")


if __name__ == "__main__":
    main()
