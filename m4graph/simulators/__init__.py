"""Simulators: by packet, by link, fluid, learned; all take a scenario and give a result."""

from __future__ import annotations

from m4graph.core.progress import Progress
from m4graph.simulators.base import (
    BASELINE,
    COMPARED,
    NOISE,
    SIMULATORS,
    TRUTH,
    Simulator,
    build_simulator,
    simulate,
    simulate_batch,
)
from m4graph.simulators.options import read_options
from m4graph.simulators.runner import Refusal, Runner, labelled_runners, make_runners
from m4graph.simulators.session import Completion, Session, open_session

__all__ = [
    "BASELINE",
    "COMPARED",
    "NOISE",
    "SIMULATORS",
    "TRUTH",
    "Completion",
    "Progress",
    "Refusal",
    "Runner",
    "Session",
    "Simulator",
    "build_simulator",
    "labelled_runners",
    "make_runners",
    "open_session",
    "read_options",
    "simulate",
    "simulate_batch",
]
