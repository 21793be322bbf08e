"""One scenario from its description to two files. It runs in workers, so it imports no torch."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from m4graph.core.errors import InputError, M4GraphError
from m4graph.core.files import whole_file
from m4graph.core.yaml_file import read_yaml, write_yaml
from m4graph.datasets.making.config import GenerateConfig
from m4graph.datasets.making.leakage import refuse_reserved, reserved_scenarios, scenario_hash
from m4graph.datasets.making.manifest import RunFailure, RunRecord
from m4graph.datasets.store.run_file import load_raw
from m4graph.runs.labelled_run import LabelledRun
from m4graph.scenario import Scenario
from m4graph.scenario.build import build_scenario
from m4graph.simulators import simulate


def run_name(index: int) -> str:
    """The name of a run's files, without their ending."""
    return f"run_{index:06d}"


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
    config: GenerateConfig, raw: Path, index: int, hashes: Collection[str] = ()
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

    Raises:
        OSError: If a file cannot be written.
    """
    description = None
    try:
        description = config.describe(index)
        run = _existing(raw, index, description, hashes)
        if run is None:
            run = _simulated(raw, index, description)
    except OSError:
        raise
    except Exception as error:
        return RunFailure(index, _in_one_line(error), description)
    return RunRecord(
        name=run_name(index),
        seed=description["seed"],
        num_flows=run.network.num_flows,
        num_finished=int((run.fct_ns >= 0).sum()),
        num_events=run.num_events,
        scenario_sha256=scenario_hash(run),
        arrays_sha256=run_hash(run),
    )


def scenario_of(description: dict[str, Any], file: Path) -> Scenario:
    """Builds a drawn scenario, for training.

    Args:
        description (dict): What :meth:`GenerateConfig.describe` gave.
        file (Path): Where it is to stand; paths in it are relative to its folder.

    Raises:
        InputError: If the description makes no valid scenario, or one that is reserved.
    """
    scenario = build_scenario(description, file.parent)
    refuse_reserved(scenario_hash(scenario), scenario.name)
    return scenario


def _existing(
    raw: Path, index: int, description: dict[str, Any], hashes: Collection[str]
) -> LabelledRun | None:
    yaml, npz = _files(raw, index)
    try:
        if read_yaml(yaml) != description:
            return None
        run = load_raw(npz)
    except InputError:
        return None
    if scenario_hash(run) in reserved_scenarios():
        return None
    return run if not hashes or run_hash(run) in hashes else None


def _simulated(raw: Path, index: int, description: dict[str, Any]) -> LabelledRun:
    yaml, npz = _files(raw, index)
    for file in (npz, yaml):
        file.unlink(missing_ok=True)
    result = simulate(scenario_of(description, yaml), "packet", labels=True)
    run = LabelledRun.from_result(result)
    try:
        _save(run, description, yaml, npz)
    except FileNotFoundError:
        # Another process that was started on the same runs took a half file for a killed one's.
        _save(run, description, yaml, npz)
    return run


def _save(run: LabelledRun, description: dict[str, Any], yaml: Path, npz: Path) -> None:
    with whole_file(yaml) as half:
        write_yaml(half, description)
    with whole_file(npz) as half:
        run.save(half)


def _files(raw: Path, index: int) -> tuple[Path, Path]:
    name = run_name(index)
    return raw / f"{name}.yaml", raw / f"{name}.npz"


def _in_one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, M4GraphError) else f"{type(error).__name__}: {text}"
