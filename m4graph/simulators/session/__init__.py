"""Sessions: simulations to which flows are added while they run, and the closed loops on them."""

from __future__ import annotations

from m4graph.simulators.session.closed_loop import simulate_closed_loop
from m4graph.simulators.session.opening import open_session
from m4graph.simulators.session.release import FlowRelease
from m4graph.simulators.session.session import Session
from m4graph.simulators.session.types import (
    ENDED,
    FOREVER_NS,
    PAUSED,
    Completion,
    FlowBatch,
    Outcome,
    Waits,
)

__all__ = [
    "ENDED",
    "FOREVER_NS",
    "PAUSED",
    "Completion",
    "FlowBatch",
    "FlowRelease",
    "Outcome",
    "Session",
    "Waits",
    "open_session",
    "simulate_closed_loop",
]
