"""Programs from the ``workload`` block of a job."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

from pydantic import Field

from m4graph.core.blocks import build
from m4graph.core.registry import Registry
from m4graph.core.schema import StrictModel, keys_inside
from m4graph.workload.programs.chakra import chakra_programs
from m4graph.workload.programs.parallel import Parallel
from m4graph.workload.programs.program import JobPrograms
from m4graph.workload.programs.simai import read_simai, simai_programs
from m4graph.workload.programs.training import Layer, Schedule, training_job


class JobWorkloadBlock(StrictModel):
    """The keys of a job's ``workload`` block of one kind, without ``kind`` itself."""

    @property
    def step_after(self) -> str:
        """What the next step of a collective waits for where the job does not say it."""
        return "receiver"

    @abstractmethod
    def build(self) -> JobPrograms:
        """Makes the programs.

        Raises:
            InputError: If a value or a file is bad.
        """


JOB_WORKLOADS: Registry[type[JobWorkloadBlock]] = Registry(
    "job workload",
    {
        "chakra": "m4graph.workload.programs.config:ChakraBlock",
        "simai": "m4graph.workload.programs.config:SimaiBlock",
        "training_job": "m4graph.workload.programs.config:TrainingJobBlock",
    },
)
"""Kinds of workloads of jobs by name, each the model of its block."""


class SimaiBlock(JobWorkloadBlock):
    """``workload: {kind: simai, file: ...}``, SimAI's text.

    Args:
        file (str): The file.
        nvls (bool): All-reduces of tensor-parallel groups are done in the NVSwitch.
            (default: ``False``)
    """

    file: str
    nvls: bool = False

    @property
    def step_after(self) -> str:
        """As in SimAI's ns-3."""
        return "sender_ack"

    def build(self) -> JobPrograms:
        """Reads the file."""
        return simai_programs(read_simai(self.file, self.nvls))


class ChakraBlock(JobWorkloadBlock):
    """``workload: {kind: chakra, prefix: ...}``, Chakra execution traces.

    Args:
        prefix (str): What the names of the files begin with, ``<prefix>.<rank>.et`` or ``.json``.
        groups (str, optional): A JSON file with the ranks of each group by name.
            (default: as the traces say)
    """

    prefix: str
    groups: str | None = None

    def build(self) -> JobPrograms:
        """Reads the files."""
        return chakra_programs(self.prefix, self.groups)


class TrainingJobBlock(JobWorkloadBlock):
    """``workload: {kind: training_job, ...}``, the arguments of :func:`.training_job`."""

    parallel: Parallel
    layers: list[Layer] = Field(min_length=1)
    schedule: Schedule = Field(default_factory=Schedule)

    def build(self) -> JobPrograms:
        """Makes the programs."""
        return training_job(self.parallel, self.layers, self.schedule)


def programs_from_config(
    config: JobPrograms | str | Mapping[str, Any], key: str = "workload"
) -> tuple[JobPrograms, str]:
    """Makes programs of a block, or of what :func:`.training_job` and others gave.

    Args:
        config (JobPrograms or Mapping): The programs or the block; paths are used as they stand.
        key (str): Dotted path of the block, for messages. (default: ``"workload"``)

    Returns:
        tuple: The programs, and what the next step of a collective waits for by default.

    Raises:
        InputError: If the kind or a key is unknown, or a value or a file is bad.
    """
    if isinstance(config, JobPrograms):
        return config, "receiver"
    block = build(JOB_WORKLOADS, config, key, JobWorkloadBlock)
    with keys_inside(key):
        return block.build(), block.step_after
