"""How many flow events a second a model is trained on: forward, backward and optimiser step.

Some small runs are labelled by the packet simulator first. Then each case trains a new model on
them with `m4graph train`'s own windows, tape and losses, without Lightning's loop: one window to
warm up, then six that count. A run that stands side by side with others has one event in each step
of a window, so that a window has `runs` times `steps_per_window` events.

    python examples/benchmarks/training_speed.py            # under a minute of CPU
    python examples/benchmarks/training_speed.py --json out.json

Reached on one core of a busy 2-core AMD EPYC (Zen 5), CPU time, `sage`, 2 rounds: 48 runs side by
side, 18 000 events/s at 16 channels, 15 400 at 32, 10 500 at 64, 4900 at 128; at 64 channels, one
run alone 520, 4 runs 1900, 16 runs 5600, 96 runs 12 500.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from itertools import islice
from pathlib import Path

import torch

from m4graph.core.provenance import provenance
from m4graph.datasets import FlowEventDataset, GenerateConfig, generate
from m4graph.nn import FlowLinkModel
from m4graph.runs import LabelledRun
from m4graph.training.config import TrainConfig
from m4graph.training.data import EpisodeDataset
from m4graph.training.losses import StepLosses
from m4graph.training.tape import States, backward_through

NUM_RUNS = 48
MEASURED, STEPS_PER_WINDOW = 6, 32
CASES = [  # channels, runs side by side
    *((channels, NUM_RUNS) for channels in (16, 32, 64, 128)),
    *((64, num_runs) for num_runs in (1, 4, 16, 96)),
]
RECIPE = {
    "name": "training-speed",
    "num_scenarios": 2 * NUM_RUNS,
    "scenario": {
        "topology": {
            "kind": "clos", "pods": 2, "racks": 4, "hosts": 4, "planes": 1,
            "spines": {"choice": [4, 2, 1]}, "host_gbps": 10, "fabric_gbps": 10, "delay_ns": 1000,
        },
        "workload": {
            "kind": "generated", "num_flows": 400, "load": {"uniform": [0.2, 0.8]},
            "sizes": {"choice": ["web_server", "hadoop"]},
        },
        "congestion_control": {"kind": "dctcp", "init_window_bytes": 15_000},
    },
}  # fmt: skip


def labelled_runs() -> list[LabelledRun]:
    with tempfile.TemporaryDirectory() as folder:
        generate(GenerateConfig.parse(RECIPE), folder, jobs=1)
        dataset = FlowEventDataset(folder)
        return [dataset.run(index) for index in range(len(dataset))]


def measure(runs: list[LabelledRun], channels: int, num_runs: int) -> dict[str, float]:
    """Flow events a CPU second, on one thread, over the windows that count."""
    config = TrainConfig(
        name="speed",
        data="none",
        max_steps=1000,
        runs_per_episode=num_runs,
        steps_per_window=STEPS_PER_WINDOW,
        model={"hidden_channels": channels},
    )
    model = FlowLinkModel(hidden_channels=channels)
    losses = StepLosses(config.remaining_weight, config.queue_weight)
    optimizer = torch.optim.Adam(model.parameters(), lr=config.lr)
    windows = iter(EpisodeDataset(runs, config))
    first = next(windows)
    episode, device = first.episode, torch.device("cpu")
    states = States(episode.num_flows, episode.num_links, channels, device)
    backward_through(model, first, states, losses)  # warms up
    started = time.process_time()
    for window in islice(windows, MEASURED):
        backward_through(model, window, states, losses)
        torch.nn.utils.clip_grad_norm_(model.parameters(), config.max_grad_norm)
        optimizer.step()
        optimizer.zero_grad()
    seconds = time.process_time() - started
    return {
        "events_per_s": MEASURED * STEPS_PER_WINDOW * num_runs / seconds,
        "ms_per_step": seconds / (MEASURED * STEPS_PER_WINDOW) * 1e3,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="write the rows to this file")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    runs = labelled_runs()
    rows = []
    print(f"{'channels':>8}{'runs':>6}{'events/s':>10}{'ms/step':>9}")
    for channels, num_runs in CASES:
        row = measure(runs, channels, num_runs)
        rows.append({"channels": channels, "runs": num_runs, **row})
        print(f"{channels:>8}{num_runs:>6}{row['events_per_s']:>10.0f}{row['ms_per_step']:>9.1f}")
    if arguments.json:
        arguments.json.write_text(json.dumps({**provenance(), "rows": rows}, indent=2))


if __name__ == "__main__":
    main()
