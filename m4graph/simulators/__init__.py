"""Simulators: packet by packet, fluid, learned; all take a scenario and give a result."""

from __future__ import annotations

from m4graph.simulators.base import (
    BASELINE,
    SIMULATORS,
    TRUTH,
    Progress,
    Simulator,
    build_simulator,
    simulate,
    simulate_batch,
)
from m4graph.simulators.session import Completion, Session, open_session

__all__ = [
    "BASELINE",
    "SIMULATORS",
    "TRUTH",
    "Completion",
    "Progress",
    "Session",
    "Simulator",
    "build_simulator",
    "open_session",
    "simulate",
    "simulate_batch",
]
