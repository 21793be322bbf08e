"""From a configuration to a mimic: small runs, tables, training."""

from __future__ import annotations

import json
import time
from pathlib import Path

from m4graph.core.calls import plain_call
from m4graph.core.errors import InputError
from m4graph.core.files import check_output_folder, whole_file
from m4graph.core.progress import Progress
from m4graph.mimic.folder import Mimic
from m4graph.mimic.many.config import ManyConfig
from m4graph.mimic.many.tables import FittedTable
from m4graph.mimic.many.training import train

TABLES, RUNS_FILE = "tables", "runs.json"
"""Folder of the tables, one file for each small run, and what they are runs of."""

_OF_RUNS = ("name", "seed", "cuts", "warm_up_us", "scenario")


@plain_call
def make(config: ManyConfig, out: str | Path, progress: Progress | None = None) -> Mimic:
    """Simulates what is not there yet, trains, and writes the mimic to a folder.

    Tables that are in ``out`` already are kept, so that a call that was interrupted goes on with
    the next run when it is made again.

    Args:
        config (ManyConfig): What to simulate and how to train.
        out (str or Path): The folder.
        progress (Progress, optional): Called with tables that are done. (default: ``None``)

    Raises:
        InputError: If nothing can be written there, or a table in it is damaged or of another
            configuration.
        SimulationError: If a run fails.
    """
    out = Path(out)
    check_output_folder(out)
    _check_runs(config, out / TABLES)
    started = time.process_time()
    tables = []
    for index in range(config.num_scenarios):
        tables.append(_table(config, index, out / TABLES / f"{index:06d}.npz"))
        if progress is not None:
            progress(index + 1, config.num_scenarios)
    simulated = time.process_time()
    model = train(config, tables)
    training = {
        "name": config.name,
        "seed": config.seed,
        "num_scenarios": config.num_scenarios,
        "num_packets": int(sum(table.counts.sum() for table in tables)),
        "tables_cpu_s": simulated - started,
        "train_cpu_s": time.process_time() - simulated,
    }
    mimic = Mimic(model, tables[0].conditions, training)
    mimic.save(out)
    return mimic


def _check_runs(config: ManyConfig, folder: Path) -> None:
    """Makes the folder of the tables, or checks that it is that of the same runs."""
    runs = json.dumps(config.model_dump(mode="json", include=set(_OF_RUNS)), indent=2)
    file = folder / RUNS_FILE
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with whole_file(file) as half:
            half.write_text(runs + "\n", encoding="utf-8")
    elif file.read_bytes().rstrip() != runs.encode():
        raise InputError(
            f"{folder}: expected tables of the runs of {config.name} (got those of others, as "
            f"{RUNS_FILE} tells)"
        )


def _table(config: ManyConfig, index: int, path: Path) -> FittedTable:
    """The table of a small run: the one that is there, or a new one."""
    if path.exists():
        return FittedTable.load(path)
    table = FittedTable.of(*config.small(index), config.warm_up_us)
    table.save(path)
    return table
