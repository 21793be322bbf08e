"""Labelled runs from a distribution of scenarios, on as many processes as wanted."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numba
import numpy as np

from m4graph.datasets.config import GenerateConfig
from m4graph.datasets.parallel import check_backend, unordered
from m4graph.datasets.produce import RunRecord, located, place, produce
from m4graph.errors import ConfigError, InputError
from m4graph.output_folder import check_output_folder
from m4graph.provenance import provenance
from m4graph.scenario import Scenario
from m4graph.simulators import simulate
from m4graph.topology import star
from m4graph.workload import generate as generate_workload
from m4graph.yaml_file import read_yaml, write_yaml

CONFIG_FILE = "config.yaml"
FORMAT_VERSION = 1

_LOOKED_THROUGH = 100
"""Scenarios looked through for the algorithms to compile."""

Progress = Callable[[int, int], None]
"""Called with the number of runs done and the number of all runs."""


@dataclass(frozen=True)
class Shard:
    """Every ``count``-th scenario, from the ``number``-th on; ``1/1`` is all of them."""

    number: int = 1
    count: int = 1

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads ``i/n``.

        Raises:
            ConfigError: If it is something else, or i is not 1 to n.
        """
        number, slash, count = text.partition("/")
        if not (slash and number.isdecimal() and count.isdecimal()):
            raise ConfigError(f"--shard {text}: expected i/n, as in 1/4 (got {text!r})")
        if not 1 <= int(number) <= int(count):
            raise ConfigError(f"--shard {text}: expected i from 1 to n (got {text!r})")
        return cls(int(number), int(count))

    def indices(self, num_scenarios: int) -> range:
        """The scenarios of the shard."""
        return range(self.number - 1, num_scenarios, self.count)

    @property
    def manifest_file(self) -> str:
        """The shard's manifest; all shards may write to one folder."""
        if self.count == 1:
            return "manifest.json"
        return f"manifest-{self.number}-of-{self.count}.json"


def generate(
    config: GenerateConfig,
    out: str | Path,
    jobs: int | None = None,
    backend: str = "loky",
    shard: Shard = Shard(),
    progress: Progress | None = None,
    source: str | None = None,
) -> list[RunRecord]:
    """Simulates scenarios, and writes ``out/raw/run_<i>.npz`` and ``.yaml`` for each.

    A run that is there already, whole and of the same scenario, is kept: call it again after an
    interruption. The bits do not depend on jobs, backend and shards. ``out/config.yaml`` holds the
    configuration, ``out/manifest.json`` the hashes of the runs.

    Args:
        config (GenerateConfig): The distribution of scenarios.
        out (str or Path): A new folder in one that exists, or one that is there already.
        jobs (int, optional): Processes. (default: one for each core)
        backend (str): ``"loky"`` (this machine), ``"dask"`` or ``"ray"``. (default: ``"loky"``)
        shard (Shard): Which of the scenarios. (default: all)
        progress (Progress, optional): Called after every run. (default: ``None``)
        source (str, optional): What messages call the configuration. (default: its name)

    Returns:
        list: A record of each run of the shard, in order.

    Raises:
        InputError: If a scenario is bad or reserved for evaluation, or the folder holds runs of
            another configuration.
        SimulationError: If a simulation fails.
    """
    check_backend(backend, jobs)
    out = Path(out)
    source = config.name if source is None else source
    indices = shard.indices(config.num_scenarios)
    _open_folder(config, out)
    _compile(config, indices, source)
    calls = ((config, out / "raw", index, source) for index in indices)
    records = []
    for record in unordered(produce, calls, jobs, backend):
        records.append(record)
        if progress is not None:
            progress(len(records), len(indices))
    records.sort(key=lambda record: record.name)
    _write_json(out / shard.manifest_file, _manifest(config, records))
    return records


def _open_folder(config: GenerateConfig, out: Path) -> None:
    check_output_folder(out)
    file = out / CONFIG_FILE
    if file.exists():
        _check_same(config, GenerateConfig.parse(read_yaml(file)), out)
    elif any((out / "raw").glob("run_*")):
        raise InputError(f"{out}: expected runs with a {CONFIG_FILE} beside raw (got none)")
    (out / "raw").mkdir(parents=True, exist_ok=True)
    half = out / f".{CONFIG_FILE}.{os.getpid()}"
    write_yaml(half, config.model_dump())
    os.replace(half, file)


def _check_same(config: GenerateConfig, before: GenerateConfig, out: Path) -> None:
    for name in ("name", "seed", "scenario"):
        if getattr(config, name) != getattr(before, name):
            raise InputError(
                f"{out}: expected a folder with runs of the same configuration "
                f"(got one with another {name} in its {CONFIG_FILE})"
            )
    if config.num_scenarios < before.num_scenarios:
        raise InputError(
            f"{out}: expected num_scenarios to be at least {before.num_scenarios}, "
            f"as in its {CONFIG_FILE} (got {config.num_scenarios})"
        )


def _compile(config: GenerateConfig, indices: Sequence[int], source: str) -> None:
    """Compiles what the workers need, once, and so that they find it in numba's cache.

    An algorithm that none of the first scenarios has is compiled by the worker that meets it.
    """
    network = star(num_hosts=3)
    workload = generate_workload(network, num_flows=3)
    seen = set()
    for index in indices[:_LOOKED_THROUGH]:
        with located(place(source, index)):
            kind = _algorithm(config.describe(index))
            if kind not in seen:
                simulate(Scenario(network, workload, kind), "packet", labels=True)
                seen.add(kind)


def _algorithm(description: Mapping[str, Any]) -> Any:
    """The name of a scenario's algorithm, if it has one."""
    block = description["congestion_control"]
    return block.get("kind", "") if isinstance(block, Mapping) else block


def _manifest(config: GenerateConfig, records: Sequence[RunRecord]) -> dict[str, Any]:
    return {
        "format_version": FORMAT_VERSION,
        "name": config.name,
        "seed": config.seed,
        "num_scenarios": config.num_scenarios,
        "provenance": {
            **provenance(),
            "numpy": np.__version__,
            "numba": numba.__version__,
        },
        "runs": [asdict(record) for record in records],
    }


def _write_json(path: Path, data: dict[str, Any]) -> None:
    half = path.with_name(f".{path.name}.{os.getpid()}")
    half.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    os.replace(half, path)
