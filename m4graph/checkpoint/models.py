"""The classes that a checkpoint may hold, and how they are built from plain values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from m4graph.core.errors import CheckpointError, ConfigError
from m4graph.core.registry import Registry
from m4graph.core.schema import spell

if TYPE_CHECKING:
    from torch import nn

MODELS: Registry[type[nn.Module]] = Registry(
    "model",
    {
        "flow_link": "m4graph.nn.model:FlowLinkModel",
        "m4_paper": "m4graph.nn.paper:PaperModel",
    },
)
"""Classes by name; ``cls(**model.config)`` builds a model of the same shape."""


def model_name(model: nn.Module) -> str:
    """The name of a model's class.

    Raises:
        CheckpointError: If it has none.
    """
    name = MODELS.name_of(type(model))
    if name is None:
        raise CheckpointError(
            f"model: expected one of {', '.join(MODELS.names())} (got a {type(model).__name__}); "
            "m4graph.checkpoint.MODELS.register(name, class) adds one"
        )
    return name


def plain_config(model: nn.Module) -> dict[str, Any]:
    """The model's ``config``, which must survive JSON.

    Raises:
        CheckpointError: If it does not; the message names the key.
    """
    config = getattr(model, "config", None)
    if not isinstance(config, Mapping):
        raise CheckpointError(
            f"model.config: expected the arguments of {type(model).__name__} (got {spell(config)})"
        )
    for key, value in config.items():
        try:
            plain = json.loads(json.dumps(value, allow_nan=False)) == value
        except (TypeError, ValueError):
            plain = False
        if not plain:
            raise CheckpointError(
                f"model.config.{key}: expected a plain JSON value (got {spell(value)})"
            )
    return dict(config)


def build_model(name: str, config: dict[str, Any]) -> nn.Module:
    """Builds a model with some initial weights; leaves the global random state alone.

    Raises:
        CheckpointError: If the class is unknown, or does not take the configuration.
    """
    try:
        factory = MODELS.resolve(name)
    except ConfigError as error:
        raise CheckpointError(f"model.class: {error}") from None
    import torch

    try:
        with torch.random.fork_rng(devices=[]):
            return factory(**config)
    except (TypeError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"model.config: {error}") from error
