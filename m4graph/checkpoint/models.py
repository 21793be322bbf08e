"""The classes that a checkpoint may hold, and how they are built from plain values."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from m4graph.core.errors import CheckpointError, ConfigError
from m4graph.core.registry import Registry
from m4graph.core.schema import spell

_SPARE_VALUES, _SPARE_MODULES = 10**6, 10**3
"""What a model may have beside what stands in its file: buffers that are not saved, say."""

_VALUES_A_MODULE = 10
"""A model of more modules has this many numbers in each on average, at the least."""

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


def build_model(name: str, config: dict[str, Any], num_values: int) -> nn.Module:
    """Builds a model with some initial weights; leaves the global random state alone.

    It is built without memory first, so that a configuration that asks for more than its weights
    hold is refused before it fills the memory, or never ends.

    Args:
        name (str): Of the class.
        config (dict): Arguments of its constructor.
        num_values (int): Numbers in the file of weights.

    Raises:
        CheckpointError: If the class is unknown, does not take the configuration, or would have
            far more parameters than the file.
    """
    try:
        factory = MODELS.resolve(name)
    except ConfigError as error:
        raise CheckpointError(f"model.class: {error}") from None
    import torch

    try:
        with suppress(RuntimeError), torch.device("meta"), _no_larger_than(num_values):
            factory(**config)  # A RuntimeError: it computes with its parameters.
        with torch.random.fork_rng(devices=[]), _no_larger_than(num_values):
            return factory(**config)
    except CheckpointError:
        raise
    except Exception as error:  # Whatever a constructor says of arguments that it did not expect.
        raise CheckpointError(f"model.config: {error}") from error


@contextmanager
def _no_larger_than(num_values: int) -> Iterator[None]:
    """Ends the making of a model that outgrows its weights, by its tensors or its modules."""
    from torch.nn.modules import module as hooks

    left = {
        "values": 2 * num_values + _SPARE_VALUES,
        "modules": num_values // _VALUES_A_MODULE + _SPARE_MODULES,
    }

    def count(what: str, number: int) -> None:
        left[what] -= number
        if left[what] < 0:
            raise CheckpointError(
                f"model.config: expected a model of the {num_values} numbers in its weights "
                f"(got one of more {what})"
            )

    def count_values(owner: object, name: str, tensor: Any) -> None:
        if tensor is not None:
            count("values", tensor.numel())

    handles = (
        hooks.register_module_parameter_registration_hook(count_values),
        hooks.register_module_buffer_registration_hook(count_values),
        hooks.register_module_module_registration_hook(lambda *_: count("modules", 1)),
    )
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
