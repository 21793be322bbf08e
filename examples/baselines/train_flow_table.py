"""Trains the boosted trees on the tables of a data set: 15 minutes on one core for 4 million flows.

python examples/baselines/train_flow_table.py DATA --out FOLDER
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
from m4graph_baselines import FlowTableSimulator, FlowTrees, register
from m4graph_baselines.publishing import SEED, publish
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor

import m4graph as m4
from m4graph.datasets import FlowTableDataset

SETTINGS = {
    "loss": "absolute_error",
    "learning_rate": 0.1,
    "max_iter": 300,
    "max_leaf_nodes": 31,
    "early_stopping": False,
}


def rows(tables: FlowTableDataset) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Columns of all flows that finished, and by how much fluid's log slowdown is wrong."""
    done = [~table.y.isnan() for table in tables]
    pairs = list(zip(tables, done, strict=True))
    x = np.concatenate([table.x[rows].numpy() for table, rows in pairs])
    y = np.concatenate([(table.y / table.fluid_y)[rows].log().numpy() for table, rows in pairs])
    return x, y


def train(data: Path, out: Path, num_trees: int) -> None:
    settings = SETTINGS | {"max_iter": num_trees}
    x, y = rows(FlowTableDataset(data, split="train", log=True))
    print(f"{num_trees} trees on {len(x):,} flows ...", file=sys.stderr, flush=True)
    started = time.perf_counter()
    regressor = HistGradientBoostingRegressor(**settings, random_state=SEED).fit(x, y)
    wall_s = time.perf_counter() - started
    simulator = FlowTableSimulator(FlowTrees.from_sklearn(regressor))
    errors = publish(out, simulator, data, num_trees, wall_s, settings)
    print(f"{out}: mean error {100 * errors.mean_error:.1f} % on the validation runs")


def main() -> None:
    parser = argparse.ArgumentParser(description="Boosted trees on tables of flows.")
    parser.add_argument("data", type=Path, help="folder of a data set of labelled runs")
    parser.add_argument("--out", type=Path, required=True, help="folder for the checkpoint")
    parser.add_argument("--trees", type=int, default=SETTINGS["max_iter"])
    options = parser.parse_args()
    register()
    train(options.data, options.out, options.trees)


if __name__ == "__main__":
    try:
        main()
    except m4.M4GraphError as error:
        sys.exit(f"error: {error}")
