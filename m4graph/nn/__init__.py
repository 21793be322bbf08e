"""Neural networks on flows and links: the model, its cells and pluggable message passing."""

from __future__ import annotations

from m4graph.nn.attribution import IntegratedGradients
from m4graph.nn.conv import CONVS, resolve_conv
from m4graph.nn.export import export_arguments, export_model
from m4graph.nn.heads import HEADS, Head
from m4graph.nn.model import FlowLinkModel, StepOutput
from m4graph.nn.paper import PaperModel, PaperOutput
from m4graph.nn.snapshot import SnapshotModel, snapshot_at, stateful_snapshots
from m4graph.nn.states import States

EventModel = FlowLinkModel | PaperModel
"""Models that run on the events of a network."""

__all__ = [
    "CONVS",
    "HEADS",
    "EventModel",
    "FlowLinkModel",
    "Head",
    "IntegratedGradients",
    "PaperModel",
    "PaperOutput",
    "SnapshotModel",
    "States",
    "StepOutput",
    "export_arguments",
    "export_model",
    "resolve_conv",
    "snapshot_at",
    "stateful_snapshots",
]
