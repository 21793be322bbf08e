"""A model of the zoo, tuned on runs of ns-3 of one's own, and what that gains on others of them.

Four sites in a ring are joined by cables of 4 km, twenty times as long as in the data centres that
models are trained on: TIMELY, Web search traffic, hosts at 25 Gb/s. Training from new weights would
take a thousand runs; here are 32, in folders of text as ns-3's RDMA model (HPCC) reads and writes
it. They stand in for yours: they are made by the packet simulator, which gives what ns-3 gives. The
first 24 are imported as a data set, and the zoo's default model is tuned on it; the other 8 it
never sees.

    m4graph import --from hpcc runs/tune --out data
    m4graph train train.yaml --from m4graph --out tuned     # the settings are TRAINING below

Put folders of your own into `tune` and `aside`, and call this with `--runs DIR`. 90 seconds of CPU,
after compiling. Prints errors of slowdowns on the runs aside (mean / p90 / p99 tail: fluid 24.9 /
66.9 / 47.4 %, untuned 22.0 / 56.4 / 16.1 %, tuned 14.1 / 37.2 / 5.3 %), and leaves the tuned model
in examples/out/fine_tune (or --out), for `--model`.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

import networkx as nx
from rich.console import Console
from rich.table import Table

import m4graph as m4
from m4graph.convert import to_text
from m4graph.core.files import check_output_folder
from m4graph.datasets import import_runs
from m4graph.metrics import errors, suite_errors
from m4graph.results import expected_result
from m4graph.training import TrainConfig, train
from m4graph.zoo import default_model_name

OUT = Path(__file__).parent / "out" / "fine_tune"
CONTROL = {"kind": "timely", "init_window_bytes": 300_000}
TRAINING = {
    "max_steps": 400, "lr": 5e-4, "warmup_steps": 20, "runs_per_episode": 12,
    "val_fraction": 0.17, "val_every_episodes": 5,
}  # fmt: skip


def sites() -> nx.Graph:
    """Four switches in a ring, 20 us from each other, each with four hosts."""
    graph = nx.Graph(name="sites")
    for site in range(4):
        graph.add_node(f"site {site}", kind="switch")
        for host in range(4):
            graph.add_node(f"host {site}.{host}", kind="host")
            graph.add_edge(f"host {site}.{host}", f"site {site}", rate_bps="25Gbps", delay_ns="1us")
    for site in range(4):
        other = f"site {(site + 1) % 4}"
        graph.add_edge(f"site {site}", other, rate_bps="40Gbps", delay_ns="20us")
    return m4.topology.from_networkx(graph)


def write_runs(folder: Path, seeds: range, num_flows: int) -> None:
    """Folders of text with the times of the packet simulator, one for each seed."""
    network = sites()
    for seed in seeds:
        load = 0.3 + 0.1 * (seed % 4)
        workload = m4.workload.generate(
            network, sizes="web_search", load=load, num_flows=num_flows, seed=seed
        )
        scenario = m4.Scenario(network, workload, CONTROL)
        times = m4.ExpectedTimes(m4.simulate(scenario, "packet").fct_ns, scenario.ideal_fct_ns)
        recorded = m4.Scenario(network, workload, CONTROL, expected=times)
        run = folder / f"run_{seed:02}"
        run.mkdir(parents=True)
        to_text(recorded, run, "hpcc")


def measure(runs: Path, models: dict[str, Path | str]) -> Table:
    """Errors on imported runs, whose recorded times are the truth."""
    scenarios = [m4.load_scenario(path.parent) for path in sorted(runs.glob("raw/*/scenario.yaml"))]
    table = Table("Simulator", "Mean error", "p90 error", "p99 tail error", title="Runs kept aside")
    simulated = {"fluid": ("fluid", {})}
    simulated |= {name: ("learned", {"model": model}) for name, model in models.items()}
    for name, (simulator, options) in simulated.items():
        found = suite_errors(
            [
                errors(m4.simulate(scenario, simulator, **options), expected_result(scenario))
                for scenario in scenarios
            ]
        )
        row = (found.mean_error, found.p90_error, found.p99_tail_error)
        table.add_row(name, *(f"{100 * error:.1f} %" for error in row))
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description="A model of the zoo, tuned on runs of ns-3.")
    parser.add_argument("--runs", type=Path, help="folder with tune/ and aside/ (default: made)")
    parser.add_argument("--flows", type=int, default=300, help="flows of a run that is made")
    parser.add_argument("--steps", type=int, default=TRAINING["max_steps"], help="of the tuning")
    parser.add_argument("--out", type=Path, default=OUT, help="folder for the tuned model")
    options = parser.parse_args()
    check_output_folder(options.out)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        if options.runs is None:
            write_runs(work / "runs" / "tune", range(24), options.flows)
            write_runs(work / "runs" / "aside", range(24, 32), options.flows)
        for part in ("tune", "aside"):
            import_runs([(options.runs or work / "runs") / part], work / part, "hpcc")
        keys = TRAINING | {"name": "tuned", "data": "tune", "max_steps": options.steps}
        start = default_model_name()
        tuned = train(TrainConfig(**keys), work / "tune", work / "tuned", start_from=start)
        Console().print(measure(work / "aside", {start: start, "tuned": tuned}))
        shutil.copytree(tuned, options.out, dirs_exist_ok=True)
    print(f"tuned model in {options.out}")


if __name__ == "__main__":
    try:
        main()
    except m4.M4GraphError as error:
        sys.exit(f"error: {error}")
