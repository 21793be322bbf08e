"""How many flow events a second a model is trained on: forward, backward and optimiser step.

Some small runs are labelled by the packet simulator first. Then each case trains a new model on
them with `m4graph train`'s own windows, tape and losses, without Lightning's loop: one window to
warm up, then six that count. A run that stands side by side with others has one event in each step
of a window, so that a window has `runs` times `steps_per_window` events. The last rows are whole
episodes of 12 and of 48 runs, with states and on blank ones (`blank_episodes`), of which the
model's own departures are a part.

    python examples/benchmarks/training_speed.py            # under a minute of CPU
    python examples/benchmarks/training_speed.py --json out.json

Reached on one core of a busy 2-core AMD EPYC (Zen 5), CPU time, `sage`, 2 rounds: 48 runs side by
side, 18 000 events/s at 16 channels, 15 400 at 32, 10 500 at 64, 4900 at 128; at 64 channels, one
run alone 520, 4 runs 1900, 16 runs 5600, 96 runs 12 500. An episode on blank states: 3.3 times as
fast with 12 runs, 1.4 times with 48.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path

import torch

from m4graph.core.provenance import provenance
from m4graph.datasets import FlowEventDataset, GenerateConfig, generate
from m4graph.nn import FlowLinkModel
from m4graph.runs import LabelledRun
from m4graph.training.at_once import backward_at_once
from m4graph.training.config import TrainConfig
from m4graph.training.data import EpisodeDataset
from m4graph.training.distributed import Process
from m4graph.training.episode import Window
from m4graph.training.losses import StepLosses
from m4graph.training.rollout import blank_fct_ns
from m4graph.training.tape import Tape, backward_through

NUM_RUNS = 48
MEASURED, STEPS_PER_WINDOW = 6, 32
CASES = [  # channels, runs side by side
    *((channels, NUM_RUNS) for channels in (16, 32, 64, 128)),
    *((64, num_runs) for num_runs in (1, 4, 16, 96)),
]
WIDTH = 64
EPISODES = (12, 48)  # runs side by side
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


class Loop:
    """A new model, and what it learns from.

    Args:
        runs (list of LabelledRun): The runs.
        channels (int): Width of the model's states.
        num_runs (int): Runs side by side.
        is_blank (bool): Whether every event finds blank states.
    """

    def __init__(
        self, runs: list[LabelledRun], channels: int, num_runs: int, is_blank: bool = False
    ) -> None:
        self._config = TrainConfig(
            name="speed",
            data="none",
            max_steps=1000,
            runs_per_episode=num_runs,
            steps_per_window=STEPS_PER_WINDOW,
            blank_episodes=int(is_blank),
            model={"hidden_channels": channels},
        )
        self._model = FlowLinkModel(hidden_channels=channels)
        self._losses = StepLosses(self._config.remaining_weight, self._config.queue_weight)
        self._optimizer = torch.optim.Adam(self._model.parameters(), lr=self._config.lr)
        self._data = EpisodeDataset(runs, self._config)
        self._data.roll_out = partial(blank_fct_ns, self._model)

    def windows(self) -> Iterator[Window]:
        """Those of one episode."""
        return self._data.windows(Process(rank=0, num_processes=1))

    def tape(self, window: Window) -> Tape:
        """States for the episode of a window."""
        return Tape(self._model, window.episode)

    def step(self, window: Window, tape: Tape) -> None:
        """Goes through a window, and takes a step of the optimiser."""
        if window.is_blank:
            backward_at_once(self._model, window, self._losses)
        else:
            backward_through(self._model, window, tape, self._losses)
        torch.nn.utils.clip_grad_norm_(self._model.parameters(), self._config.max_grad_norm)
        self._optimizer.step()
        self._optimizer.zero_grad()


def measure(runs: list[LabelledRun], channels: int, num_runs: int) -> dict[str, float]:
    """Flow events a CPU second, on one thread, over the windows that count."""
    loop = Loop(runs, channels, num_runs)
    windows = loop.windows()
    first = next(windows)
    tape = loop.tape(first)
    loop.step(first, tape)  # warms up
    started = time.process_time()
    for window in islice(windows, MEASURED):
        loop.step(window, tape)
    seconds = time.process_time() - started
    return {
        "events_per_s": MEASURED * STEPS_PER_WINDOW * num_runs / seconds,
        "ms_per_step": seconds / (MEASURED * STEPS_PER_WINDOW) * 1e3,
    }


def episode_s(runs: list[LabelledRun], num_runs: int, is_blank: bool) -> tuple[float, int]:
    """CPU seconds of a whole episode, and its optimiser steps."""
    loop = Loop(runs, WIDTH, num_runs, is_blank)
    started = time.process_time()
    windows = loop.windows()
    first = next(windows)
    tape = loop.tape(first)
    loop.step(first, tape)
    num_steps = 1
    for window in windows:
        loop.step(window, tape)
        num_steps += 1
    return time.process_time() - started, num_steps


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
    episode_s(runs, 1, is_blank=True)  # compiles
    episodes = []
    print(f"\n{'runs':>4}{'steps':>7}{'with states, s':>16}{'on blank ones, s':>18}{'ratio':>7}")
    for num_runs in EPISODES:
        (full_s, num_steps), (blank_s, _) = (
            episode_s(runs, num_runs, is_blank) for is_blank in (False, True)
        )
        episodes.append({"runs": num_runs, "full_s": full_s, "blank_s": blank_s})
        ratio = full_s / blank_s
        print(f"{num_runs:>4}{num_steps:>7}{full_s:>16.1f}{blank_s:>18.1f}{ratio:>7.1f}")
    if arguments.json:
        report = {**provenance(), "rows": rows, "episodes": episodes}
        arguments.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
