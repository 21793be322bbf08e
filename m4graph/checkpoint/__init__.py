"""Published checkpoints: a folder with weights (safetensors), ``config.json`` and ``card.md``.

Nothing is unpickled, and a model's class comes from :data:`MODELS` only.
"""

from __future__ import annotations

from m4graph.checkpoint.config import (
    CARD,
    CONFIG,
    FORMAT_VERSION,
    WEIGHTS,
    CheckpointConfig,
    CheckpointMetadata,
    TrainingRecord,
    read_config,
)
from m4graph.checkpoint.folder import load_checkpoint, save_checkpoint
from m4graph.checkpoint.models import MODELS

__all__ = [
    "CARD",
    "CONFIG",
    "FORMAT_VERSION",
    "MODELS",
    "WEIGHTS",
    "CheckpointConfig",
    "CheckpointMetadata",
    "TrainingRecord",
    "load_checkpoint",
    "read_config",
    "save_checkpoint",
]
