"""Parsimon: every link by itself, and a flow's time from those at its links."""

from __future__ import annotations

from m4graph.simulators.parsimon.simulator import ParsimonSimulator

__all__ = ["ParsimonSimulator"]
