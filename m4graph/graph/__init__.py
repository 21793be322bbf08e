"""The dynamic heterograph of flows and links: events, steps, snapshots, labelled runs."""

from __future__ import annotations

from m4graph.graph.run import FlowNetwork, LabelledRun
from m4graph.graph.step import EventStep, FlowTracker
from m4graph.graph.stream import event_stream, true_stream

__all__ = [
    "EventStep",
    "FlowNetwork",
    "FlowTracker",
    "LabelledRun",
    "event_stream",
    "true_stream",
]
