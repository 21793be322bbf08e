"""What both trainings leave behind: a checkpoint as m4graph's own are, with a card."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import m4graph as m4
from m4graph.checkpoint import save_checkpoint
from m4graph.core.progress import count_progress
from m4graph.core.yaml_file import read_yaml
from m4graph.datasets import FlowTableDataset
from m4graph.metrics import SuiteErrors, error_summary, suite_errors
from m4graph.workload import ClosedLoopWorkload
from m4graph_baselines.static import StaticSimulator

SEED = 0


def publish(
    folder: Path,
    simulator: StaticSimulator,
    data: str | Path,
    steps: int,
    wall_s: float,
    settings: Mapping[str, Any],
) -> SuiteErrors:
    """Measures a trained model on the runs that are kept aside, and writes its checkpoint.

    Args:
        folder (Path): New, or with an older checkpoint, which is replaced.
        simulator (StaticSimulator): With the model.
        data (str or Path): Folder of the data set, whose split ``"train"`` it was trained on.
        steps (int): Optimiser steps, or trees.
        wall_s (float): Seconds of training.
        settings (Mapping): What shaped the training.

    Returns:
        SuiteErrors: Means over the runs of the split ``"val"``.
    """
    train, val = (FlowTableDataset(data, split=split) for split in ("train", "val"))
    errors = validation_errors(simulator, val)
    recipe = read_yaml(Path(data) / "config.yaml")
    training = {
        "config_hash": _hash(dict(settings)),
        "data_hash": _hash(sorted(train.hashes)),
        "seed": SEED,
        "steps": steps,
        "wall_s": wall_s,
    }
    metadata = {
        "training": training,
        "training_domain": {
            "data": recipe["name"],
            "num_runs": len(train),
            "num_flows": sum(table.num_nodes for table in train),
        },
        "licence": "MIT, as m4graph",
        "metrics": {f"val_{name}": getattr(errors, name) for name in _METRICS},
    }
    shown = ", ".join(f"{key} {value}" for key, value in settings.items())
    card = (
        f"# {simulator.name}\n\n"
        f"- **Data**: `{recipe['name']}`, {len(train)} runs for training and {len(val)} for "
        f"validation; `examples/baselines/README.md` says how it is trained.\n"
        f"- **Training**: {shown}; {wall_s / 60:.0f} minutes.\n"
        f"- **Errors** on the validation runs that are no closed loops: "
        f"mean {100 * errors.mean_error:.1f} %, "
        f"p90 {100 * errors.p90_error:.1f} %, p99 tail {100 * errors.p99_tail_error:.1f} %.\n"
    )
    save_checkpoint(folder, simulator.model, metadata, card)
    return errors


def validation_errors(simulator: m4.Simulator, tables: FlowTableDataset) -> SuiteErrors:
    """A simulator's errors, means over the runs of a split but closed loops, which it refuses."""
    summaries = []
    with count_progress("validation runs") as report:
        for index, (table, run) in enumerate(zip(tables, tables.run_index(), strict=True)):
            scenario = m4.load_scenario(Path(tables.raw_dir) / f"{tables.names[run]}.yaml")
            if not isinstance(scenario.workload, ClosedLoopWorkload):
                summaries.append(error_summary(simulator.run(scenario).slowdown, table.y))
            report(index + 1, len(tables))
    return suite_errors(summaries)


_METRICS = ("mean_error", "p90_error", "p99_tail_error")


def _hash(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
