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
from m4graph.simulators.session import Completion, Session, open_session

__all__ = [
    "SIMULATORS",
    "Completion",
    "Progress",
    "Session",
    "Simulator",
    "build_simulator",
    "open_session",
    "simulate",
    "simulate_batch",
]
