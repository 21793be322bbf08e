"""Simulators: packet by packet, fluid, learned; all take a scenario and give a result."""

from __future__ import annotations

from m4graph.simulators.base import (
    SIMULATORS,
    Progress,
    Simulator,
    build_simulator,
    simulate,
    simulate_batch,
)

__all__ = [
    "SIMULATORS",
    "Progress",
    "Simulator",
    "build_simulator",
    "simulate",
    "simulate_batch",
]
