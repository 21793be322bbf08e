"""Checkpoints of before: they read fewer features than there are now, do not calibrate, and have
one factor for the whole estimate.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from m4graph.checkpoint.config import CheckpointConfig, GraphRecord
from m4graph.checkpoint.models import MODELS


def widened_config(config: CheckpointConfig) -> dict[str, object]:
    """Arguments of a checkpoint's model, for the features that there are now.

    Args:
        config (CheckpointConfig): Of the checkpoint, as ``read_config`` lets it through.
    """
    arguments: dict[str, object] = dict(config.model.config)
    if _num_later(config):
        current = _features_now(config)
        arguments |= {
            "flow_channels": len(current.flow_features),
            "link_channels": len(current.link_features),
        }
    return arguments


def widened_tensors(
    config: CheckpointConfig, found: Mapping[str, Tensor], expected: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Weights with zeros for features and shifts of quantiles that came later, and both factors
    alike, so that these change nothing.

    Features are the last columns of a matrix that reads them.

    Args:
        config (CheckpointConfig): Of the checkpoint.
        found (Mapping[str, Tensor]): Its weights.
        expected (Mapping[str, Tensor]): The state of the model that is to take them.
    """
    later = _num_later(config)
    tensors = {
        name: _padded(tensor, expected.get(name), later) if later else tensor
        for name, tensor in found.items()
    }
    for name in ("slowdown_head.2.weight", "slowdown_head.2.bias"):
        if name in tensors and name in expected and len(expected[name]) == 2 * len(tensors[name]):
            tensors[name] = torch.cat((tensors[name], tensors[name]))
    return _shifts(expected) | tensors


def _num_later(config: CheckpointConfig) -> set[int]:
    """Features of flows and of links that came after the checkpoint, where there are any."""
    current = _features_now(config)
    return {
        len(current.flow_features) - len(config.graph.flow_features),
        len(current.link_features) - len(config.graph.link_features),
    } - {0}


def _features_now(config: CheckpointConfig) -> GraphRecord:
    """Those that the model's class reads now; of an unknown class, those that it did."""
    if config.model.name not in MODELS:
        return config.graph
    return GraphRecord.current(MODELS.resolve(config.model.name))


def _padded(tensor: Tensor, like: Tensor | None, later: set[int]) -> Tensor:
    if like is None or tensor.dim() != 2 or like.dim() != 2 or len(tensor) != len(like):
        return tensor
    more = like.shape[1] - tensor.shape[1]
    return torch.nn.functional.pad(tensor, (0, more)) if more in later else tensor


def _shifts(expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Those of quantile heads, at zero."""
    return {
        name: torch.zeros_like(value)
        for name, value in expected.items()
        if name.startswith("extra_heads.") and name.endswith(".shift") and not value.dim()
    }
