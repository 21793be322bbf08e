"""A scenario from its blocks: for files, suites, and descriptions that were drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from m4graph.core.schema import KeyProblem, StrictModel, join_key, spell
from m4graph.core.units import NS_PER_US
from m4graph.scenario.expected import EXPECTED_FILES, ExpectedTimes, read_expected
from m4graph.scenario.network import NetworkConfig
from m4graph.scenario.scenario import MAX_SEED, MAX_STOP_NS, Scenario
from m4graph.topology import from_config as topology_from_config
from m4graph.workload import AnyWorkload
from m4graph.workload import from_config as workload_from_config


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


def build_scenario(
    blocks: Mapping[str, Any],
    folder: Path = Path(),
    default_name: str = "scenario",
    with_expected: bool = False,
) -> Scenario:
    """Builds a scenario from what a ``scenario.yaml`` may hold.

    Args:
        blocks (Mapping): The keys of :class:`ScenarioFile`.
        folder (Path): What paths in the blocks are relative to. (default: the current one)
        default_name (str): The name, if the blocks have none. (default: ``"scenario"``)
        with_expected (bool): Recorded times in the folder come along. (default: ``False``)

    Raises:
        KeyProblem: For a bad key.
        InputError: For other bad input; the message names the row, link or flow, and the file, if
            that is one that the blocks name.
    """
    parsed = ScenarioFile.parse(blocks)
    network = topology_from_config(with_paths(folder, parsed.topology, "topology"))
    config = NetworkConfig.parse(parsed.network, "network")
    flows = with_paths(folder, parsed.workload, "workload")
    workload = workload_from_config(flows, network, seed=parsed.seed)
    return Scenario(
        network=network,
        workload=workload,
        congestion_control=parsed.congestion_control,
        config=config,
        routing=with_paths(folder, parsed.routing, "routing"),
        seed=parsed.seed,
        name=default_name if parsed.name is None else parsed.name,
        expected=_expected(folder, workload) if with_expected else None,
        faults=parsed.faults,
        stop_ns=None if parsed.stop_us is None else round(parsed.stop_us * NS_PER_US),
    )


def _expected(folder: Path, workload: AnyWorkload) -> ExpectedTimes | None:
    for name in EXPECTED_FILES:
        if (folder / name).exists():
            return read_expected(folder / name, workload)
    return None


def with_paths(
    folder: Path, block: Mapping[str, Any], key: str, names: Sequence[str] = ("file",)
) -> dict[str, Any]:
    """Makes the paths of a block, and of the blocks in it, relative to the folder of its file.

    Args:
        folder (Path): The folder.
        block (Mapping): The block.
        key (str): Its dotted path, for messages.
        names (list): Keys that hold paths. (default: ``("file",)``)

    Raises:
        KeyProblem: If the value of such a key is no text.
    """
    result: dict[str, Any] = {}
    for name, value in block.items():
        if name in names:
            if not isinstance(value, str) or not value:
                raise KeyProblem(
                    join_key(key, name), f"expected the path of a file (got {spell(value)})"
                )
            value = str(folder / value)
        elif isinstance(value, Mapping):
            value = with_paths(folder, value, join_key(key, name), names)
        result[name] = value
    return result
