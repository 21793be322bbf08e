"""Trained models that come with the package, by name."""

from __future__ import annotations

from m4graph.zoo.load import (
    checkpoint_files,
    default_model_name,
    find_checkpoint,
    list_models,
    load_model,
    model_card,
    model_info,
)
from m4graph.zoo.manifest import Manifest, ZooEntry

__all__ = [
    "Manifest",
    "ZooEntry",
    "checkpoint_files",
    "default_model_name",
    "find_checkpoint",
    "list_models",
    "load_model",
    "model_card",
    "model_info",
]
