"""Suites by name, or from files: a folder of scenario folders, or one YAML file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pydantic import Field

from m4graph.core.calls import plain_call
from m4graph.core.errors import ConfigError
from m4graph.core.schema import KeyProblem, StrictModel, join_key
from m4graph.core.yaml_file import locate, read_yaml
from m4graph.scenario.build import ScenarioFile
from m4graph.scenario.files import SCENARIO_FILE
from m4graph.scenario.suite import SUITES, Case, Suite


class SuiteFile(StrictModel):
    """The keys of a suite's YAML file.

    Args:
        name (str): The suite's name.
        base (dict): Blocks of ``scenario.yaml`` that scenarios share.
        scenarios (list): Each a ``name`` and blocks; a block replaces that of ``base``.
    """

    name: str = Field(min_length=1)
    base: dict[str, Any] = Field(default_factory=dict)
    scenarios: list[dict[str, Any]] = Field(min_length=1)


@plain_call
def load_suite(name_or_path: str | os.PathLike[str]) -> Suite:
    """Finds a suite.

    Args:
        name_or_path (str or Path): A name of :data:`SUITES`, a folder of scenario folders, or a
            YAML file as :class:`SuiteFile`.

    Raises:
        ConfigError: If there is no such suite (the message lists the names), or a file is bad.
    """
    given = os.fspath(name_or_path)
    if given in SUITES:
        suite: Suite = SUITES.resolve(given)()
        return suite
    path = Path(given)
    if path.is_dir():
        return _from_folder(path)
    if path.suffix in (".yaml", ".yml"):
        return _from_yaml(path)
    raise ConfigError(
        f"suite: expected one of {', '.join(SUITES.names())}, a folder of scenario folders, or a "
        f"YAML file (got {given!r})"
    )


def _from_folder(path: Path) -> Suite:
    folders = sorted(file.parent for file in path.glob(f"*/{SCENARIO_FILE}"))
    if not folders:
        raise ConfigError(
            f"{path}: expected folders with a {SCENARIO_FILE} each in this folder (got none)"
        )
    return Suite(path.resolve().name, tuple(_folder_case(folder) for folder in folders))


def _folder_case(folder: Path) -> Case:
    file = folder / SCENARIO_FILE
    data = read_yaml(file)
    try:
        ScenarioFile.parse(data)
    except KeyProblem as problem:
        raise locate(problem, str(file), ()) from None
    return Case(folder.name, data, folder)


def _from_yaml(path: Path) -> Suite:
    data = read_yaml(path)
    try:
        blocks = SuiteFile.parse(data)
        cases = tuple(
            _yaml_case(blocks.base | scenario, join_key("scenarios", str(index)))
            for index, scenario in enumerate(blocks.scenarios)
        )
    except KeyProblem as problem:
        raise locate(problem, str(path), ()) from None
    return Suite(blocks.name, cases)


def _yaml_case(description: dict[str, Any], key: str) -> Case:
    blocks = ScenarioFile.parse(description, key)
    if not blocks.name:
        raise KeyProblem(join_key(key, "name"), "expected a name (got none)")
    for part in ("topology", "workload", "routing"):
        if "file" in description.get(part, {}):
            raise KeyProblem(
                join_key(key, part, "file"),
                "expected a generator; for tables, use a folder of scenario folders (got a file)",
            )
    return Case(blocks.name, description)
