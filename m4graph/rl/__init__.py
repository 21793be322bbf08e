"""Reinforcement learning on sessions: an agent picks the paths and windows of flows as they arrive.

Needs gymnasium: the extra ``rl``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from m4graph.core.lazy import lazy_names

if TYPE_CHECKING:
    from m4graph.rl.env import FlowEnv

_NAMES = {"FlowEnv": "m4graph.rl.env"}

__all__ = ["FlowEnv"]

__getattr__, __dir__ = lazy_names(__name__, _NAMES)
