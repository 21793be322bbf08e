"""Neural networks on flows and links: the model, its cells and pluggable message passing."""

from __future__ import annotations

from m4graph.nn.conv import CONVS, resolve_conv
from m4graph.nn.heads import HEADS, Head
from m4graph.nn.model import FlowLinkModel, StepOutput
from m4graph.nn.paper import PaperModel, PaperOutput

EventModel = FlowLinkModel | PaperModel
"""Models that run on the events of a network."""

__all__ = [
    "CONVS",
    "HEADS",
    "EventModel",
    "FlowLinkModel",
    "Head",
    "PaperModel",
    "PaperOutput",
    "StepOutput",
    "resolve_conv",
]
