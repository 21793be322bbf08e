"""Neural networks on flows and links: the model, its cells and pluggable message passing."""

from __future__ import annotations

from m4graph.nn.conv import CONVS, resolve_conv
from m4graph.nn.model import FlowLinkModel, StepOutput

__all__ = ["CONVS", "FlowLinkModel", "StepOutput", "resolve_conv"]
