"""Chakra execution traces, of MLCommons, as the programs of a job."""

from __future__ import annotations

from m4graph.workload.programs.chakra.programs import chakra_programs

__all__ = ["chakra_programs"]
