"""Scenario folders: ``scenario.yaml`` with its tables, read and written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import networkx as nx
from pydantic import Field

from m4graph.core.errors import ConfigError, InputError
from m4graph.core.files import check_output_folder, whole_folder
from m4graph.core.schema import KeyProblem, StrictModel, join_key, spell
from m4graph.core.units import NS_PER_US
from m4graph.core.yaml_file import Override, apply_overrides, locate, read_yaml, write_yaml
from m4graph.routing import Routes, write_routes
from m4graph.scenario import MAX_SEED, MAX_STOP_NS, NetworkConfig, Scenario
from m4graph.scenario.expected import ExpectedTimes, read_expected, write_expected
from m4graph.topology import from_config as topology_from_config
from m4graph.topology import to_csv
from m4graph.workload import AnyWorkload
from m4graph.workload import from_config as workload_from_config

SCENARIO_FILE = "scenario.yaml"
EXPECTED_FILES = ("expected.csv", "expected.parquet")


class ScenarioFile(StrictModel):
    """The keys of ``scenario.yaml``; each block is checked by the layer that it belongs to.

    Args:
        name (str, optional): For tables and files. (default: from the file or the folder)
        topology (dict): A ``kind`` of generator with its keys, or a ``file``.
        workload (dict): A ``kind`` of workload with its keys, or a ``file``.
        routing (dict): A ``file``, or how to find routes. (default: ECMP, exactly as ns-3)
        network (dict): What holds for every switch and every packet.
        congestion_control (dict or str): A ``kind`` with its parameters, or only the name.
        seed (int): Of everything random. (default: ``0``)
        faults (list): Cables that go down, slow down or lose packets. (default: none)
        stop_us (float): Nothing happens from then on; what has not finished by then is
            unfinished. (default: the run ends with its last flow)
    """

    name: str | None = None
    topology: dict[str, Any]
    workload: dict[str, Any]
    routing: dict[str, Any] = Field(default_factory=dict)
    network: dict[str, Any] = Field(default_factory=dict)
    congestion_control: Any
    seed: int = Field(default=0, ge=0, le=MAX_SEED)
    faults: list[Any] = Field(default_factory=list)
    stop_us: float | None = Field(default=None, ge=1 / NS_PER_US, le=MAX_STOP_NS / NS_PER_US)


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
        return _build(file, data, with_expected=not changes)
    except KeyProblem as problem:
        raise locate(problem, str(file), changes) from None


def build_scenario(blocks: Mapping[str, Any], file: Path) -> Scenario:
    """Builds a scenario from what a YAML file may hold.

    Args:
        blocks (Mapping): The blocks of ``scenario.yaml``.
        file (Path): Where they would stand; it need not exist. Paths in the blocks are relative to
            its folder, and messages name it.

    Raises:
        InputError: For bad input; the message names the file, and the key, row, link or flow.
    """
    try:
        return _build(file, blocks, with_expected=False)
    except KeyProblem as problem:
        raise locate(problem, str(file), ()) from None


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
    with whole_folder(folder) as scratch:
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


def _build(file: Path, data: Mapping[str, Any], with_expected: bool) -> Scenario:
    blocks = ScenarioFile.parse(data)
    folder = file.parent
    network = _network(file, _with_paths(folder, blocks.topology, "topology"))
    config = NetworkConfig.parse(blocks.network, "network")
    workload = _workload(file, blocks, network)
    try:
        return Scenario(
            network=network,
            workload=workload,
            congestion_control=blocks.congestion_control,
            config=config,
            routing=_with_paths(folder, blocks.routing, "routing"),
            seed=blocks.seed,
            name=blocks.name if blocks.name is not None else _default_name(file),
            expected=_expected(folder, workload) if with_expected else None,
            faults=blocks.faults,
            stop_ns=None if blocks.stop_us is None else round(blocks.stop_us * NS_PER_US),
        )
    except KeyProblem:
        raise
    except InputError as error:
        raise _named(file, error) from None


def _network(file: Path, block: dict[str, Any]) -> nx.Graph:
    try:
        return topology_from_config(block)
    except KeyProblem:
        raise
    except InputError as error:
        raise _named(file, error) from None


def _workload(file: Path, blocks: ScenarioFile, network: nx.Graph) -> AnyWorkload:
    block = _with_paths(file.parent, blocks.workload, "workload")
    try:
        return workload_from_config(block, network, seed=blocks.seed)
    except KeyProblem:
        raise
    except InputError as error:
        raise _named(file, error) from None


def _expected(folder: Path, workload: AnyWorkload) -> ExpectedTimes | None:
    for name in EXPECTED_FILES:
        if (folder / name).exists():
            return read_expected(folder / name, workload)
    return None


def _with_paths(folder: Path, block: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Makes the paths of a block, and of the blocks in it, relative to the scenario's folder."""
    result: dict[str, Any] = {}
    for name, value in block.items():
        if name == "file":
            if not isinstance(value, str) or not value:
                raise KeyProblem(
                    join_key(key, name), f"expected the path of a file (got {spell(value)})"
                )
            value = str(folder / value)
        elif isinstance(value, Mapping):
            value = _with_paths(folder, value, join_key(key, name))
        result[name] = value
    return result


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
