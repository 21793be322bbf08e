"""Scenario folders: ``scenario.yaml`` with its tables, read and written."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from m4graph.core.calls import plain_call
from m4graph.core.errors import ConfigError, InputError
from m4graph.core.files import check_output_folder, whole_folder
from m4graph.core.schema import KeyProblem
from m4graph.core.units import NS_PER_US
from m4graph.core.yaml_file import Override, apply_overrides, locate, read_yaml, write_yaml
from m4graph.routing import Routes, write_routes
from m4graph.scenario.build import build_scenario
from m4graph.scenario.expected import write_expected
from m4graph.scenario.scenario import Scenario
from m4graph.topology import to_csv

SCENARIO_FILE = "scenario.yaml"


@plain_call
def load_scenario(
    path: str | Path, overrides: Iterable[Override | tuple[str, str]] = ()
) -> Scenario:
    """Reads a scenario from a YAML file, or from a folder that holds ``scenario.yaml``.

    Paths inside it are relative to it. Times in an ``expected.csv`` beside it come along, unless
    a key is overridden: they hold for the scenario as it stands in the file.

    Args:
        path (str or Path): The file or the folder.
        overrides (Iterable[Override or tuple]): Dotted keys and their values in YAML, as in
            ``[("network.pfc", "false")]``. (default: ``()``)

    Raises:
        InputError: For bad input; the message names the file, and the key, row, link or flow.
    """
    file = Path(path)
    if file.is_dir():
        file = file / SCENARIO_FILE
    changes = [each if isinstance(each, Override) else Override(*each) for each in overrides]
    data = apply_overrides(read_yaml(file), changes)
    try:
        return build_scenario(data, file.parent, _default_name(file), with_expected=not changes)
    except KeyProblem as problem:
        raise locate(problem, str(file), changes) from None
    except InputError as error:
        raise _named(file, error) from None


@plain_call
def save_scenario(
    scenario: Scenario, folder: str | Path, tables: Literal["csv", "parquet"] = "csv"
) -> None:
    """Writes a scenario, resolved, as a folder that :func:`load_scenario` reads back.

    A run of what is read back gives the same bits. Files of these names are replaced.

    Args:
        scenario (Scenario): The scenario.
        folder (str or Path): A new folder in one that exists, or one that is there already.
        tables (str): ``"csv"`` or ``"parquet"``. (default: ``"csv"``)

    Raises:
        InputError: If nothing can be written there.
    """
    folder = Path(folder)
    check_output_folder(folder)
    with whole_folder(folder, mark=SCENARIO_FILE) as scratch:
        write_scenario_files(scenario, scratch, tables)
        if scenario.expected is not None:
            write_expected(scratch / f"expected.{tables}", scenario.expected, scenario.workload)


def write_scenario_files(
    scenario: Scenario, folder: Path, tables: Literal["csv", "parquet"] = "csv"
) -> None:
    """Writes ``scenario.yaml`` and the tables it names, but no recorded times."""
    to_csv(scenario.arrays, folder / f"topology.{tables}")
    scenario.workload.to_csv(folder / f"flows.{tables}")
    routing: dict[str, Any]
    if isinstance(scenario.routing, Routes):
        workload, file = scenario.workload, f"routes.{tables}"
        write_routes(folder / file, scenario.arrays, workload.id, scenario.routing)
        routing = {"file": file}
    else:
        routing = scenario.routing.model_dump()
    blocks = {
        "name": scenario.name,
        "topology": {"file": f"topology.{tables}", "num_hosts": scenario.arrays.num_hosts},
        "workload": scenario.workload.to_block(f"flows.{tables}"),
        "routing": routing,
        "network": scenario.config.model_dump(),
        "congestion_control": scenario.congestion_control.model_dump(),
        "seed": scenario.seed,
    }
    if scenario.faults:
        blocks["faults"] = [fault.model_dump() for fault in scenario.faults]
    if scenario.stop_ns is not None:
        blocks["stop_us"] = scenario.stop_ns / NS_PER_US
    write_yaml(folder / SCENARIO_FILE, blocks)


def _default_name(file: Path) -> str:
    name = file.resolve().parent.name if file.name == SCENARIO_FILE else file.stem
    return name or "scenario"


def _named(file: Path, error: InputError) -> ConfigError:
    """Puts the scenario's file in front of a message, unless it starts with a file beside it."""
    message = str(error)
    beside = str(file.parent / "_")[:-1]
    if beside and message.startswith(beside):
        return ConfigError(message)
    return ConfigError(f"{file}: {message}")
