"""The folder that runs are generated into, by one process or by a shard on each of many machines.

.. code-block:: none

    config.yaml   manifest.json   raw/run_000000.yaml   raw/run_000000.npz   ...
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from m4graph.core.errors import InputError
from m4graph.core.files import check_output_folder, whole_file
from m4graph.core.yaml_file import read_yaml, write_yaml
from m4graph.datasets.making.config import GenerateConfig
from m4graph.runs import LabelledRun

CONFIG_FILE = "config.yaml"
RAW = "raw"


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


def run_name(index: int) -> str:
    """The name of a run's files, without their ending."""
    return f"run_{index:06d}"


def run_files(raw: Path, name: str) -> tuple[Path, Path]:
    """The ``.yaml`` and the ``.npz`` of a run."""
    return raw / f"{name}.yaml", raw / f"{name}.npz"


def save_run(raw: Path, name: str, run: LabelledRun, description: dict[str, Any]) -> None:
    """Writes a run, and before it what stands in its ``scenario.yaml``.

    Each file appears whole or not at all, and an old run goes first, so that a run that is there is
    that of its description.

    Args:
        raw (Path): The folder of the runs.
        name (str): As of :func:`run_name`.
        run (LabelledRun): The run.
        description (dict): Blocks of ``scenario.yaml``.
    """
    remove_run(raw, name)
    yaml, npz = run_files(raw, name)
    with whole_file(yaml) as half:
        write_yaml(half, description)
    with whole_file(npz) as half:
        run.save(half)


def remove_run(raw: Path, name: str) -> None:
    """Removes the files of a run, where there are any."""
    for file in reversed(run_files(raw, name)):
        file.unlink(missing_ok=True)


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
