"""One scenario from its description to two files. It runs in workers, so it imports no torch."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from m4graph.datasets.config import GenerateConfig
from m4graph.datasets.leakage import refuse_reserved, scenario_hash
from m4graph.datasets.run_file import load_raw
from m4graph.errors import ConfigError, InputError, SimulationError
from m4graph.graph.run import LabelledRun
from m4graph.scenario_io import load_scenario
from m4graph.schema import KeyProblem
from m4graph.simulators import simulate
from m4graph.yaml_file import read_yaml, write_yaml


@dataclass(frozen=True)
class RunRecord:
    """What ``manifest.json`` says of one run.

    Args:
        name (str): ``run_000123``.
        seed (int): The scenario's.
        num_flows (int): Flows.
        num_finished (int): Flows that finished.
        num_events (int): Flow arrivals and departures.
        scenario_sha256 (str): :func:`~m4graph.datasets.scenario_hash`.
        arrays_sha256 (str): :func:`run_hash`.
    """

    name: str
    seed: int
    num_flows: int
    num_finished: int
    num_events: int
    scenario_sha256: str
    arrays_sha256: str


def run_name(index: int) -> str:
    """The name of a run's files, without their ending."""
    return f"run_{index:06d}"


def place(source: str, index: int) -> str:
    """What messages call a scenario."""
    return f"{source}, scenario {index}"


@contextmanager
def located(where: str) -> Iterator[None]:
    """Puts a place in front of the message of a bad key."""
    try:
        yield
    except KeyProblem as problem:
        raise ConfigError(f"{where}: {problem}") from None


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


def produce(config: GenerateConfig, raw: Path, index: int, source: str) -> RunRecord:
    """Simulates scenario ``index`` into ``raw``, unless its files are there and good.

    Each file appears whole or not at all, the run after its description.

    Args:
        config (GenerateConfig): The distribution.
        raw (Path): The folder of the runs.
        index (int): Which scenario.
        source (str): The configuration's name, for messages.

    Raises:
        InputError: If the description makes no valid scenario, or one that is reserved.
        SimulationError: If the simulation fails.
    """
    where = place(source, index)
    with located(where):
        description = config.describe(index)
    name = run_name(index)
    run = _existing(raw, name, description)
    if run is None:
        run = _simulated(raw, name, description, where)
    digest = scenario_hash(run)
    refuse_reserved(digest, where)
    return RunRecord(
        name=name,
        seed=description["seed"],
        num_flows=run.network.num_flows,
        num_finished=int((run.fct_ns >= 0).sum()),
        num_events=run.num_events,
        scenario_sha256=digest,
        arrays_sha256=run_hash(run),
    )


def _existing(raw: Path, name: str, description: dict[str, Any]) -> LabelledRun | None:
    try:
        if read_yaml(raw / f"{name}.yaml") != description:
            return None
        return load_raw(raw / f"{name}.npz")
    except InputError:
        return None


def _simulated(raw: Path, name: str, description: dict[str, Any], where: str) -> LabelledRun:
    yaml, half_yaml = raw / f"{name}.yaml", raw / f".{name}.yaml"
    npz, half_npz = raw / f"{name}.npz", raw / f".{name}.npz"
    npz.unlink(missing_ok=True)
    write_yaml(half_yaml, description)
    try:
        scenario = load_scenario(half_yaml)
        refuse_reserved(scenario_hash(scenario), where)
        run = LabelledRun.from_result(simulate(scenario, "packet", labels=True))
        run.save(half_npz)
        os.replace(half_yaml, yaml)
        os.replace(half_npz, npz)
    except InputError as error:
        raise InputError(str(error).replace(str(half_yaml), where)) from None
    except SimulationError as error:
        raise SimulationError(f"{where}: {error}") from None
    finally:
        half_yaml.unlink(missing_ok=True)
        half_npz.unlink(missing_ok=True)
    return run
