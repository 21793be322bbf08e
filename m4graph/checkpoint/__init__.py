"""Published checkpoints: a folder with weights (safetensors), ``config.json`` and ``card.md``.

Nothing is unpickled, and a model's class comes from :data:`MODELS` only. The names below are
imported on first use: only models need torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from m4graph.core.lazy import lazy_names

if TYPE_CHECKING:
    from m4graph.checkpoint.config import (
        CARD,
        CONFIG,
        FORMAT_VERSION,
        WEIGHTS,
        CheckpointConfig,
        CheckpointMetadata,
        StartRecord,
        TrainingRecord,
        read_config,
    )
    from m4graph.checkpoint.folder import load_checkpoint, save_checkpoint
    from m4graph.checkpoint.models import MODELS

_NAMES = {
    "CARD": "m4graph.checkpoint.config",
    "CONFIG": "m4graph.checkpoint.config",
    "FORMAT_VERSION": "m4graph.checkpoint.config",
    "MODELS": "m4graph.checkpoint.models",
    "WEIGHTS": "m4graph.checkpoint.config",
    "CheckpointConfig": "m4graph.checkpoint.config",
    "CheckpointMetadata": "m4graph.checkpoint.config",
    "StartRecord": "m4graph.checkpoint.config",
    "TrainingRecord": "m4graph.checkpoint.config",
    "load_checkpoint": "m4graph.checkpoint.folder",
    "read_config": "m4graph.checkpoint.config",
    "save_checkpoint": "m4graph.checkpoint.folder",
}

__all__ = [
    "CARD",
    "CONFIG",
    "FORMAT_VERSION",
    "MODELS",
    "WEIGHTS",
    "CheckpointConfig",
    "CheckpointMetadata",
    "StartRecord",
    "TrainingRecord",
    "load_checkpoint",
    "read_config",
    "save_checkpoint",
]

__getattr__, __dir__ = lazy_names(__name__, _NAMES)
