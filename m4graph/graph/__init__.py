"""The dynamic heterograph of flows and links: events, steps, snapshots, labelled runs.

The names below are imported on first use: labelled runs need no torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from m4graph.core.lazy import lazy_names

if TYPE_CHECKING:
    from m4graph.graph.hetero import event_snapshots, to_event_step, to_hetero_data
    from m4graph.graph.step import EventStep, FlowTracker
    from m4graph.runs.events import event_stream, true_stream
    from m4graph.runs.flow_network import FlowNetwork
    from m4graph.runs.labelled_run import LabelledRun

_NAMES = {
    "EventStep": "m4graph.graph.step",
    "FlowNetwork": "m4graph.runs.labelled_run",
    "FlowTracker": "m4graph.graph.step",
    "LabelledRun": "m4graph.runs.labelled_run",
    "event_snapshots": "m4graph.graph.hetero",
    "event_stream": "m4graph.runs.events",
    "to_event_step": "m4graph.graph.hetero",
    "to_hetero_data": "m4graph.graph.hetero",
    "true_stream": "m4graph.runs.events",
}

__all__ = [
    "EventStep",
    "FlowNetwork",
    "FlowTracker",
    "LabelledRun",
    "event_snapshots",
    "event_stream",
    "to_event_step",
    "to_hetero_data",
    "true_stream",
]

__getattr__, __dir__ = lazy_names(__name__, _NAMES)
