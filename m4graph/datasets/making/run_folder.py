"""The folder that runs are generated into, by one process or by a shard on each of many machines.

.. code-block:: none

    config.yaml   manifest.json   raw/run_000000.yaml   raw/run_000000.npz   ...

Files are written as half files, ``.<name>.<random>``, and then put in place.
"""

from __future__ import annotations

import re
from collections.abc import Container
from pathlib import Path

from m4graph.core.errors import InputError
from m4graph.core.files import check_output_folder, whole_file
from m4graph.core.yaml_file import read_yaml, write_yaml
from m4graph.datasets.making.config import GenerateConfig
from m4graph.datasets.making.manifest import WHOLE, Shard

CONFIG_FILE = "config.yaml"
RAW = "raw"

_HALF_RUN = re.compile(r"\.run_(\d+)\.")


def check_run_folder(config: GenerateConfig, out: Path) -> None:
    """Checks that runs of a configuration can be written to a folder, new or old.

    Raises:
        InputError: If nothing can be written there, or it holds runs of another configuration.
    """
    check_output_folder(out)
    if not any((out / RAW).glob("run_*")):
        return  # A configuration that gave no runs binds nobody.
    file = out / CONFIG_FILE
    if not file.exists():
        raise InputError(f"{out}: expected runs with a {CONFIG_FILE} beside {RAW} (got none)")
    _check_same(config, GenerateConfig.parse(read_yaml(file)), out)


def open_run_folder(config: GenerateConfig, out: Path) -> Path:
    """Makes the folder, where it is not there yet; gives the one of the runs."""
    raw = out / RAW
    raw.mkdir(parents=True, exist_ok=True)
    with whole_file(out / CONFIG_FILE) as half:
        write_yaml(half, config.model_dump())
    return raw


def sweep(out: Path, shard: Shard, indices: Container[int]) -> None:
    """Removes the half files that a process killed at work on a shard has left.

    Those of other shards stay: they may be at work.

    Args:
        out (Path): The folder.
        shard (Shard): The shard.
        indices (Container[int]): Its scenarios.
    """
    halves = list(out.glob(f".{shard.manifest_file}.*"))
    if shard == WHOLE:
        halves += out.glob(f".{CONFIG_FILE}.*")
    for half in (out / RAW).glob(".run_*"):
        matched = _HALF_RUN.match(half.name)
        if matched and int(matched[1]) in indices:
            halves.append(half)
    for half in halves:
        half.unlink(missing_ok=True)


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
