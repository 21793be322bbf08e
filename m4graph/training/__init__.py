"""Training: episodes of event streams, losses, Lightning, published checkpoints.

The names below are imported on first use: they need Lightning (``pip install "m4graph[train]"``).
"""

from __future__ import annotations

from m4graph.core.lazy import lazy_names

_NAMES = {
    "FlowLinkTraining": "m4graph.training.module",
    "PaperTrainConfig": "m4graph.training.paper.config",
    "PaperTraining": "m4graph.training.paper.module",
    "RunDataModule": "m4graph.training.data_module",
    "TrainConfig": "m4graph.training.config",
    "load_train_config": "m4graph.training.config",
    "train": "m4graph.training.fit",
}

__all__ = sorted(_NAMES)

__getattr__, __dir__ = lazy_names(__name__, _NAMES)
