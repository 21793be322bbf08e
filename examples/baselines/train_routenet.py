"""Trains RouteNet on snapshots of a data set: some 15 minutes on one core that does nothing else.

python examples/baselines/train_routenet.py DATA --out FOLDER

Every round ends with FOLDER/last.pt; a training that was interrupted goes on there, and gives the
same weights as one that was not.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from itertools import islice
from pathlib import Path

import torch
from m4graph_baselines import RouteNet, RouteNetSimulator, register
from m4graph_baselines.publishing import SEED, publish
from m4graph_baselines.snapshots import FluidSnapshots
from torch import Tensor, nn
from torch_geometric.data import HeteroData
from torch_geometric.loader import DataLoader

import m4graph as m4
from m4graph.core.errors import ConfigError
from m4graph.core.files import check_output_folder
from m4graph.core.progress import count_progress
from m4graph.graph.schema import FLOW

ROUNDS = 60
STEPS_A_ROUND = 200
MAX_NODES = 2000
LEARNING_RATE = 2e-3


def loss_of(model: RouteNet, batch: HeteroData) -> Tensor:
    """Mean absolute error of the log slowdowns of all flows of a batch, new ones and older ones."""
    error: Tensor = model(batch) - batch[FLOW].y.log()
    return error[error.isfinite()].abs().mean()


class Training:
    """A model, how it is optimised, and how far that has come.

    Args:
        rounds (int): How many there will be.
    """

    def __init__(self, rounds: int) -> None:
        with torch.random.fork_rng():
            torch.manual_seed(SEED)
            self.model = RouteNet()
        self.optimiser = torch.optim.AdamW(self.model.parameters(), LEARNING_RATE)
        self.schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimiser, rounds)
        self.done, self.steps, self.wall_s = 0, 0, 0.0

    def round(self, loader: DataLoader) -> None:
        """Takes a number of steps on batches that the round's number decides."""
        started = time.perf_counter()
        loader.batch_sampler.set_epoch(self.done)
        for batch in islice(loader, STEPS_A_ROUND):
            self.optimiser.zero_grad()
            loss_of(self.model, batch).backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.optimiser.step()
            self.steps += 1
        self.schedule.step()
        self.done += 1
        self.wall_s += time.perf_counter() - started

    def save(self, path: Path) -> None:
        """Writes the whole state; the file appears whole or not at all."""
        half = path.with_suffix(".part")
        parts = {name: getattr(self, name).state_dict() for name in _PARTS}
        torch.save(parts | {name: getattr(self, name) for name in _NUMBERS}, half)
        os.replace(half, path)

    def load(self, path: Path) -> None:
        """Reads what :meth:`save` wrote."""
        state = torch.load(path, weights_only=True)
        for name in _PARTS:
            getattr(self, name).load_state_dict(state[name])
        for name in _NUMBERS:
            setattr(self, name, state[name])


_PARTS = ("model", "optimiser", "schedule")
_NUMBERS = ("done", "steps", "wall_s")


def train(data: Path, out: Path, rounds: int) -> None:
    check_output_folder(out)
    loader = FluidSnapshots(data, "train").loader(MAX_NODES, SEED)
    training, last = Training(rounds), out / "last.pt"
    if last.exists():
        training.load(last)
        if training.schedule.T_max != rounds:
            raise ConfigError(
                f"--rounds: expected {training.schedule.T_max}, as in {last} (got {rounds})"
            )
    out.mkdir(exist_ok=True)
    with count_progress("rounds") as report:
        while training.done < rounds:
            training.round(loader)
            training.save(last)
            report(training.done, rounds)
    simulator = RouteNetSimulator(training.model)
    settings = {
        **training.model.config,
        "steps": training.steps,
        "nodes_a_step": MAX_NODES,
        "learning_rate": LEARNING_RATE,
    }
    errors = publish(out, simulator, data, training.steps, training.wall_s, settings)
    print(f"{out}: mean error {100 * errors.mean_error:.1f} % on the validation runs")


def main() -> None:
    parser = argparse.ArgumentParser(description="RouteNet on snapshots.")
    parser.add_argument("data", type=Path, help="folder of a data set of labelled runs")
    parser.add_argument("--out", type=Path, required=True, help="folder for the checkpoint")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"{STEPS_A_ROUND} steps each")
    options = parser.parse_args()
    register()
    train(options.data, options.out, options.rounds)


if __name__ == "__main__":
    try:
        main()
    except m4.M4GraphError as error:
        sys.exit(f"error: {error}")
