"""The folder that runs are imported into: that of ``m4graph generate``, and each run's scenario.

.. code-block:: none

    config.yaml   manifest.json   raw/run_000000.yaml   raw/run_000000.npz
                                  raw/run_000000/scenario.yaml   topology.csv   flows.csv   ...
"""

from __future__ import annotations

import filecmp
import os
import shutil
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import Field

from m4graph.convert.origin import ORIGIN_FILE, write_origin
from m4graph.core.errors import ConfigError, InputError
from m4graph.core.files import check_output_folder, scratch_folder, whole_file
from m4graph.core.schema import KeyProblem, StrictModel
from m4graph.core.yaml_file import read_yaml, write_yaml
from m4graph.datasets.importers.domain import Domain
from m4graph.datasets.making.produce import run_hash
from m4graph.datasets.making.run_folder import (
    CONFIG_FILE,
    RAW,
    remove_run,
    run_files,
    run_name,
    save_run,
)
from m4graph.runs.labelled_run import LabelledRun
from m4graph.scenario import Scenario
from m4graph.scenario.expected import EXPECTED_FILES, write_expected
from m4graph.scenario.files import SCENARIO_FILE, write_scenario_files


class ImportConfig(StrictModel):
    """The ``config.yaml`` of imported runs.

    Args:
        name (str): Of the data.
        seed (int): Nothing was drawn. (default: ``0``)
        num_scenarios (int): Sources; one that is bad leaves a gap in the runs' numbers.
        format (str): Of the sources.
        sources (list of str): Source ``i`` became run ``i``.
        truth (str): What gave the completion times, for a model's card.
        scenario (dict): The kinds of congestion control, and the ranges of what the runs hold.
    """

    name: str = Field(min_length=1)
    seed: int = 0
    num_scenarios: int = Field(ge=1)
    format: str
    sources: list[str]
    truth: str
    scenario: dict[str, Any] = Field(default_factory=dict)


class Origin(NamedTuple):
    """Where a run comes from, and what was lost on the way."""

    source: Path
    notes: list[str]


class ImportFolder:
    """Writes imported runs. Nothing is written before the first one.

    Args:
        out (Path): A new folder in one that exists, or one of an import of the same sources, or of
            the first of them.
        config (ImportConfig): What its ``config.yaml`` says, but for the block ``scenario``.

    Raises:
        InputError: If nothing can be written there, or it holds other runs.
    """

    def __init__(self, out: Path, config: ImportConfig) -> None:
        self._out, self._config, self._domain = out, config, Domain()
        check_output_folder(out)
        if any((out / RAW).glob("run_*")):
            _check_same(config, out)

    def add(self, index: int, scenario: Scenario, run: LabelledRun, origin: Origin) -> None:
        """Writes the configuration, then a run; what is there and the same stays as it is."""
        name, raw = run_name(index), self._out / RAW
        raw.mkdir(parents=True, exist_ok=True)
        self._domain.add(scenario)
        config = self._config.model_copy(update={"scenario": self._domain.blocks()})
        with whole_file(self._out / CONFIG_FILE) as half:
            write_yaml(half, config.model_dump())
        with scratch_folder(raw / f".{name}.half") as scratch:
            _write_folder(scratch, scenario, origin)
            description = _beside(read_yaml(scratch / SCENARIO_FILE), name)
            if not (_is_same_folder(scratch, raw / name) and _is_same_run(run, raw, name)):
                remove_run(raw, name)
                shutil.rmtree(raw / name, ignore_errors=True)
                os.replace(scratch, raw / name)
                save_run(raw, name, run, description)


def _write_folder(folder: Path, scenario: Scenario, origin: Origin) -> None:
    write_scenario_files(scenario, folder)
    assert scenario.expected is not None  # Without times there is nothing to import.
    write_expected(folder / EXPECTED_FILES[0], scenario.expected, scenario.workload)
    write_origin(folder, *origin)


def _check_same(config: ImportConfig, out: Path) -> None:
    file = out / CONFIG_FILE
    if not file.exists():
        raise InputError(f"{out}: expected runs with a {CONFIG_FILE} beside {RAW} (got none)")
    try:
        before = ImportConfig.parse(read_yaml(file))
    except KeyProblem as problem:
        raise ConfigError(f"{file}: expected that of an import (got {problem})") from None
    if config.format != before.format or config.sources[: len(before.sources)] != before.sources:
        raise InputError(
            f"{out}: expected the sources in its {CONFIG_FILE}, and more behind them "
            f"(got {before.format}: {', '.join(before.sources)} there)"
        )


def _beside(description: dict[str, Any], folder: str) -> dict[str, Any]:
    """A scenario's description as it reads outside of its folder."""
    return {
        key: {**block, "file": f"{folder}/{block['file']}"}
        if isinstance(block, dict) and "file" in block
        else block
        for key, block in description.items()
    }


def _is_same_folder(one: Path, other: Path) -> bool:
    """Whether two folders hold the same, wherever it came from."""
    names = {path.name for path in one.iterdir()}
    if not other.is_dir() or names != {path.name for path in other.iterdir()}:
        return False
    compared = sorted(names - {ORIGIN_FILE})
    return filecmp.cmpfiles(one, other, compared, shallow=False)[0] == compared


def _is_same_run(run: LabelledRun, raw: Path, name: str) -> bool:
    yaml, npz = run_files(raw, name)
    try:
        return yaml.exists() and run_hash(LabelledRun.load(npz)) == run_hash(run)
    except InputError:
        return False
