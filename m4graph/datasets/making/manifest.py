"""``manifest.json``: what came of each scenario of a data set, with hashes; and shards of one."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import numba
import numpy as np

from m4graph.core.calls import plain_call
from m4graph.core.errors import ConfigError, InputError
from m4graph.core.files import whole_file
from m4graph.core.provenance import provenance

FORMAT_VERSION = 1


class DataConfig(Protocol):
    """What a manifest takes from the configuration of its data."""

    @property
    def name(self) -> str:
        """Of the data."""

    @property
    def seed(self) -> int:
        """From which scenarios were drawn."""

    @property
    def num_scenarios(self) -> int:
        """Runs, if all of them are good."""


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
        arrays_sha256 (str): :func:`~m4graph.datasets.making.produce.run_hash`.
    """

    name: str
    seed: int
    num_flows: int
    num_finished: int
    num_events: int
    scenario_sha256: str
    arrays_sha256: str


@dataclass(frozen=True)
class RunFailure:
    """What ``manifest.json`` says of a scenario that gave no run.

    Args:
        scenario (int): Its number, from 0.
        error (str): What is wrong, in one line.
        description (dict, optional): What stands in its ``scenario.yaml``; ``None``: it could not
            be drawn.
    """

    scenario: int
    error: str
    description: dict[str, Any] | None


@plain_call
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


WHOLE = Shard()


def write_manifest(
    path: Path,
    config: DataConfig,
    records: Sequence[RunRecord],
    failures: Sequence[RunFailure],
) -> None:
    """Writes a manifest; it depends on nothing but the configuration, the code and the machine.

    Args:
        path (Path): The file, replaced in one step.
        config (DataConfig): The distribution of scenarios, or an import of runs.
        records (Sequence[RunRecord]): In any order.
        failures (Sequence[RunFailure]): In any order.
    """
    manifest = {
        "format_version": FORMAT_VERSION,
        "name": config.name,
        "seed": config.seed,
        "num_scenarios": config.num_scenarios,
        "provenance": {**provenance(), "numpy": np.__version__, "numba": numba.__version__},
        "runs": [asdict(record) for record in sorted(records, key=lambda record: record.name)],
        "failures": [asdict(each) for each in sorted(failures, key=lambda each: each.scenario)],
    }
    with whole_file(path) as half:
        half.write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


def known_hashes(out: Path) -> dict[str, frozenset[str]]:
    """The hashes of runs by name, from all manifests of a folder: of the whole, and of shards.

    Raises:
        InputError: If a manifest is damaged.
    """
    found: defaultdict[str, set[str]] = defaultdict(set)
    for path in sorted(out.glob("manifest*.json")):
        try:
            for run in json.loads(path.read_text(encoding="utf-8"))["runs"]:
                found[_text(run["name"])].add(_text(run["arrays_sha256"]))
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise InputError(f"{path}: expected a manifest of runs (got {error!r})") from None
    return {name: frozenset(hashes) for name, hashes in found.items()}


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.60} in place of text")
    return value
