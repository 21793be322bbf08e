"""One scenario from its description to two files. It runs in workers, so it imports no torch."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from m4graph.core.errors import InputError, M4GraphError
from m4graph.core.yaml_file import read_yaml
from m4graph.datasets.making.config import GenerateConfig
from m4graph.datasets.making.forecast import check_flows
from m4graph.datasets.making.leakage import refuse_reserved, reserved_scenarios, scenario_hash
from m4graph.datasets.making.manifest import RunFailure, RunRecord
from m4graph.datasets.making.run_folder import remove_run, run_files, run_name, save_run
from m4graph.runs.labelled_run import LabelledRun
from m4graph.scenario import Scenario
from m4graph.scenario.build import build_scenario
from m4graph.scenario.cautions import without_cautions
from m4graph.simulators import simulate
from m4graph.simulators.forecast import MAX_HOURS
from m4graph.workload import ClosedLoopWorkload, Workload


def run_hash(run: LabelledRun) -> str:
    """The hash of all arrays of a run, labels included."""
    digest = hashlib.sha256(b"m4graph run 1")
    for owner in (run.network, run):
        for name in sorted(field.name for field in fields(owner)):
            value = getattr(owner, name)
            if isinstance(value, np.ndarray):
                array = np.ascontiguousarray(value, dtype=value.dtype.newbyteorder("<"))
                digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
                digest.update(array.tobytes())
    return digest.hexdigest()


def produce(
    config: GenerateConfig,
    raw: Path,
    index: int,
    hashes: Collection[str] = (),
    options: Mapping[str, Any] | None = None,
) -> RunRecord | RunFailure:
    """Simulates scenario ``index`` into ``raw``, unless its files are there and good.

    Each file appears whole or not at all, the run after its description. Whatever is wrong with a
    scenario is an answer, so that the others go on; not so a disk that is full.

    Args:
        config (GenerateConfig): The distribution.
        raw (Path): The folder of the runs.
        index (int): Which scenario.
        hashes (Collection[str], optional): A run that is there is kept if it has one of these; if
            there are none, any. (default: ``()``)
        options (Mapping, optional): Of the packet simulator. (default: none)

    Raises:
        OSError: If a file cannot be written.
    """
    description = None
    try:
        description = config.describe(index)
        run = _existing(raw, index, description, hashes)
        if run is None:
            run = _simulated(raw, index, description, options or {})
    except OSError:
        raise
    except Exception as error:
        return RunFailure(index, _in_one_line(error), description)
    return run_record(index, description["seed"], run)


def run_record(index: int, seed: int, run: LabelledRun) -> RunRecord:
    """What the manifest says of run ``index``, of a scenario with this seed."""
    return RunRecord(
        name=run_name(index),
        seed=seed,
        num_flows=run.network.num_flows,
        num_finished=int((run.fct_ns >= 0).sum()),
        num_events=run.num_events,
        scenario_sha256=scenario_hash(run),
        arrays_sha256=run_hash(run),
    )


def scenario_of(description: dict[str, Any], file: Path, max_hours: float = MAX_HOURS) -> Scenario:
    """Builds a drawn scenario, for training.

    Args:
        description (dict): What :meth:`GenerateConfig.describe` gave.
        file (Path): Where it is to stand; paths in it are relative to its folder.
        max_hours (float, optional): Refuse one of more work than this. (default: ``24``)

    Raises:
        InputError: If the description makes no valid scenario, one that is reserved, or one of so
            many flows that it takes longer.
    """
    check_flows(description, max_hours)
    scenario = build_scenario(description, file.parent)
    if isinstance(scenario.workload, Workload):
        refuse_reserved(scenario_hash(scenario), scenario.name)
    return scenario


def _existing(
    raw: Path, index: int, description: dict[str, Any], hashes: Collection[str]
) -> LabelledRun | None:
    yaml, npz = run_files(raw, run_name(index))
    try:
        if read_yaml(yaml) != description:
            return None
        run = LabelledRun.load(npz)
    except InputError:
        return None
    if scenario_hash(run) in reserved_scenarios():
        return None
    return run if not hashes or run_hash(run) in hashes else None


def _simulated(
    raw: Path, index: int, description: dict[str, Any], options: Mapping[str, Any]
) -> LabelledRun:
    name = run_name(index)
    remove_run(raw, name)
    max_hours = options.get("max_hours", MAX_HOURS)
    scenario = scenario_of(description, run_files(raw, name)[0], max_hours)
    with without_cautions():
        if isinstance(scenario.workload, ClosedLoopWorkload):
            scenario = simulate(scenario, "packet", **options).as_open_loop()
            refuse_reserved(scenario_hash(scenario), scenario.name)
        run = LabelledRun.from_result(simulate(scenario, "packet", labels=True, **options))
    save_run(raw, name, run, description)
    return run


def _in_one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, M4GraphError) else f"{type(error).__name__}: {text}"
