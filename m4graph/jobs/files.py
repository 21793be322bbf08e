"""Jobs in YAML."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from m4graph.core.calls import plain_call
from m4graph.core.errors import ConfigError, InputError
from m4graph.core.schema import KeyProblem, StrictModel
from m4graph.core.yaml_file import Override, apply_overrides, locate, read_yaml
from m4graph.jobs.job import Job
from m4graph.scenario.build import with_paths
from m4graph.scenario.scenario import MAX_SEED
from m4graph.topology import from_config as topology_from_config

JOB_FILE = "job.yaml"
_PATHS = ("file", "prefix", "groups")


class TenantFile(StrictModel):
    """A block of ``tenants``.

    Args:
        name (str, optional): For tables. (default: its number)
        ranks (list): Hosts, rank by rank.
        workload (dict): As that of a job with one tenant.
    """

    name: str | None = None
    ranks: list[int]
    workload: dict[str, Any]


class JobFile(StrictModel):
    """The keys of a job's YAML; see :class:`.Job`.

    Args:
        name (str, optional): For tables and files. (default: from the file)
        topology (dict): As in a scenario.
        workload (dict, optional): What the ranks do: a ``kind`` with its keys.
        tenants (list, optional): Instead, jobs side by side.
        background (dict, optional): The ``workload`` block of a scenario: flows beside the jobs.
        routing (dict): As in a scenario, but no ``file``. (default: ECMP, exactly as ns-3)
        network (dict): As in a scenario.
        congestion_control (dict or str): As in a scenario. (default: ``"dcqcn"``)
        seed (int): Of everything random. (default: ``0``)
        nvlink (str): Collectives within a server, by ``closed_form`` where that holds, or
            ``simulate``. (default: ``"closed_form"``)
        memo (bool): Equal collectives on cables that nothing else uses are simulated once.
            (default: ``True``)
        step_after (str, optional): What a step of a collective waits for: ``receiver`` or
            ``sender_ack``. (default: ``receiver``, of SimAI's text ``sender_ack``)
        latency_ns (int): Between the moment when a flow could start and its start.
            (default: ``0``)
    """

    name: str | None = None
    topology: dict[str, Any]
    workload: dict[str, Any] | None = None
    tenants: list[TenantFile] | None = None
    background: dict[str, Any] | None = None
    routing: dict[str, Any] = Field(default_factory=dict)
    network: dict[str, Any] = Field(default_factory=dict)
    congestion_control: Any = "dcqcn"
    seed: int = Field(default=0, ge=0, le=MAX_SEED)
    nvlink: Literal["closed_form", "simulate"] = "closed_form"
    memo: bool = True
    step_after: Literal["receiver", "sender_ack"] | None = None
    latency_ns: int = Field(default=0, ge=0, le=2**61)


@plain_call
def load_job(path: str | Path, overrides: Iterable[Override | tuple[str, str]] = ()) -> Job:
    """Reads a job from a YAML file, or from a folder that holds ``job.yaml``.

    Paths inside it are relative to it.

    Args:
        path (str or Path): The file or the folder.
        overrides (Iterable[Override or tuple]): Dotted keys and their values in YAML.
            (default: ``()``)

    Raises:
        InputError: For bad input; the message names the file, and the key, row, rank or node.
    """
    file = Path(path)
    if file.is_dir():
        file = file / JOB_FILE
    changes = [each if isinstance(each, Override) else Override(*each) for each in overrides]
    data = apply_overrides(read_yaml(file), changes)
    try:
        return _build(JobFile.parse(data), file)
    except KeyProblem as problem:
        raise locate(problem, str(file), changes) from None
    except InputError as error:
        raise ConfigError(f"{file}: {error}") from None


def _build(parsed: JobFile, file: Path) -> Job:
    folder = file.parent

    def placed(block: Mapping[str, Any], key: str) -> dict[str, Any]:
        return with_paths(folder, block, key, _PATHS)

    tenants = None
    if parsed.tenants is not None:
        tenants = [
            tenant.model_dump(exclude_none=True)
            | {"workload": placed(tenant.workload, f"tenants.{index}.workload")}
            for index, tenant in enumerate(parsed.tenants)
        ]
    background = parsed.background
    return Job(
        topology_from_config(with_paths(folder, parsed.topology, "topology")),
        None if parsed.workload is None else placed(parsed.workload, "workload"),
        parsed.congestion_control,
        config=parsed.network,
        routing=parsed.routing,
        seed=parsed.seed,
        name=file.stem if parsed.name is None else parsed.name,
        tenants=tenants,
        background=None if background is None else with_paths(folder, background, "background"),
        nvlink=parsed.nvlink,
        memo=parsed.memo,
        step_after=parsed.step_after,
        latency_ns=parsed.latency_ns,
    )
