"""What the ranks of a job do: programs, built or read, and the groups in which ranks work."""

from __future__ import annotations

from m4graph.workload.programs.chakra import chakra_programs
from m4graph.workload.programs.parallel import Parallel
from m4graph.workload.programs.program import (
    Communicator,
    JobPrograms,
    Program,
    ProgramBuilder,
)
from m4graph.workload.programs.simai import read_simai, simai_programs
from m4graph.workload.programs.training import (
    Layer,
    LayerCollective,
    Schedule,
    training_job,
)

__all__ = [
    "Communicator",
    "JobPrograms",
    "Layer",
    "LayerCollective",
    "Parallel",
    "Program",
    "ProgramBuilder",
    "Schedule",
    "chakra_programs",
    "read_simai",
    "simai_programs",
    "training_job",
]
