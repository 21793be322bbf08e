"""The weights of a checkpoint, read without torch, whose import takes longer than most runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError

from m4graph.checkpoint.config import GraphRecord, ModelRecord, parse_config, read_weights
from m4graph.graph.schema import FLOW_FEATURES, LINK_FEATURES
from m4graph.learned.compiled.weights import CONVS, Weights, arrange_weights

_HEADS = "extra_heads"
_FREE = (_HEADS, "memory", "conv")
_STANDARD = {
    "time_cells": True,
    "prior": True,
    "scope": "hop",
}


def weights_of_checkpoint(folder: Path) -> Weights | None:
    """Reads the weights of a standard model.

    Gives None for any other model, and where the weights are not those of a standard model: it is
    for :func:`~m4graph.checkpoint.load_checkpoint` to load it, or to say what is wrong with it.

    Raises:
        CheckpointError: If a file is missing or damaged.
    """
    config = parse_config(folder)
    current = GraphRecord.current(object)
    widths = len(config.graph.flow_features), len(config.graph.link_features)
    sizes, levels = _sizes_if_standard(config.model, widths), _levels(config.model)
    is_known = config.graph == current or config.graph.begins(current)
    if sizes is None or levels is None or not is_known:
        return None
    try:
        found = safetensors.numpy.load(read_weights(folder, config.model.weights_sha256))
    except (SafetensorError, KeyError):
        return None
    if sizes[1] > len(found):
        return None
    for name in levels:
        found.setdefault(f"extra_heads.{name}.shift", np.zeros((), np.float32))  # as torch has it
    _split_factor(found)
    shapes = {name: values.shape for name, values in found.items() if _is_usable(values)}
    heads = tuple(levels)
    conv = str(config.model.config["conv"])
    if shapes != standard_shapes(*sizes, heads, widths, conv) or len(shapes) < len(found):
        return None
    state = {
        name: _widened(found[name].astype(np.float32), shape)
        for name, shape in standard_shapes(*sizes, heads, conv=conv).items()
    }
    memory = config.model.config.get("memory") is not False
    return arrange_weights(state, sizes[1], levels, memory)


def _split_factor(found: dict[str, np.ndarray]) -> None:
    """Older weights have one factor for the whole estimate."""
    for name in ("slowdown_head.2.weight", "slowdown_head.2.bias"):
        if name in found and len(found[name]) == 1:
            found[name] = np.concatenate((found[name], found[name]))


def _widened(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Weights with zeros for the features that came later, which are the last columns."""
    more = [(0, wanted - size) for wanted, size in zip(shape, values.shape, strict=True)]
    return np.pad(values, more) if more else values


def standard_shapes(
    hidden: int,
    num_layers: int,
    heads: Sequence[str] = (),
    widths: tuple[int, int] = (len(FLOW_FEATURES), len(LINK_FEATURES)),
    conv: str = "sage",
) -> dict[str, tuple[int, ...]]:
    """Shapes of all parameters of the standard :class:`~m4graph.nn.FlowLinkModel`, by name.

    Args:
        hidden (int): Width of its states.
        num_layers (int): Rounds of messages.
        heads (Sequence[str], optional): Names of its quantile heads. (default: none)
        widths (tuple of int, optional): Numbers of flow and link features. (default: of today)
        conv (str, optional): One of :data:`.weights.CONVS`. (default: ``"sage"``)
    """
    num_flow_x, num_link_x = widths
    shapes = _side_shapes("flow", num_flow_x, hidden, num_layers, conv)
    shapes |= _side_shapes("link", num_link_x, hidden, num_layers, conv)
    for head, num_in, width, num_out in (
        ("slowdown", hidden + num_flow_x, hidden, 2),
        ("remaining", hidden, hidden // 2, 1),
        ("queue", hidden, hidden // 2, 1),
    ):
        shapes |= _linear_shapes(f"{head}_head.0", num_in, width)
        shapes |= _linear_shapes(f"{head}_head.2", width, num_out)
    for name in heads:
        shapes |= _linear_shapes(f"extra_heads.{name}.mlp.0", hidden + num_flow_x, hidden)
        shapes |= _linear_shapes(f"extra_heads.{name}.mlp.2", hidden, 1)
        shapes[f"extra_heads.{name}.shift"] = ()
    return shapes


def _side_shapes(
    kind: str, num_x: int, hidden: int, num_layers: int, conv: str
) -> dict[str, tuple[int, ...]]:
    shapes = _linear_shapes(f"{kind}_encoder", hidden + num_x, hidden)
    for cell, num_in in (("time", 1), ("rate", hidden + num_x)):
        for source, width in (("ih", num_in), ("hh", hidden)):
            shapes[f"{kind}_{cell}_cell.weight_{source}"] = (3 * hidden, width)
            shapes[f"{kind}_{cell}_cell.bias_{source}"] = (3 * hidden,)
    for layer in range(num_layers):
        shapes |= _linear_shapes(f"{kind}_convs.{layer}.lin_l", hidden, hidden)
        shapes[f"{kind}_convs.{layer}.lin_r.weight"] = (hidden, hidden)
        if conv == "pair":
            shapes |= _linear_shapes(f"{kind}_convs.{layer}.lin_gate", hidden, hidden)
        for name in ("weight", "bias"):
            shapes[f"{kind}_norms.{layer}.{name}"] = (hidden,)
    return shapes


def _linear_shapes(name: str, num_in: int, num_out: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (num_out, num_in), f"{name}.bias": (num_out,)}


def _sizes_if_standard(model: ModelRecord, widths: tuple[int, int]) -> tuple[int, int] | None:
    """``hidden_channels`` and ``num_layers`` of a standard model."""
    hidden, num_layers = (model.config.get(name) for name in ("hidden_channels", "num_layers"))
    if not (
        isinstance(hidden, int) and isinstance(num_layers, int) and min(hidden, num_layers) > 0
    ):
        return None
    channels = {"flow_channels": widths[0], "link_channels": widths[1]}
    standard = _STANDARD | channels | {"hidden_channels": hidden, "num_layers": num_layers}
    config = {name: value for name, value in model.config.items() if name not in _FREE}
    has_memory = isinstance(model.config.get("memory", True), bool)
    has_conv = model.config.get("conv") in CONVS
    is_standard = model.name == "flow_link" and config == standard and has_memory and has_conv
    return (hidden, num_layers) if is_standard else None


def _levels(model: ModelRecord) -> dict[str, float] | None:
    """The levels of a model's quantile heads, by name; None if it has other extra heads."""
    heads = model.config.get(_HEADS, {})
    if not isinstance(heads, dict):
        return None
    levels = {}
    for name, block in heads.items():
        level = block.get("level") if isinstance(block, dict) else None
        if not isinstance(level, float) or block != {"kind": "slowdown_quantile", "level": level}:
            return None
        if not 0 < level < 1:
            return None
        levels[name] = level
    return levels


def _is_usable(values: np.ndarray) -> bool:
    return values.dtype in (np.float16, np.float32) and bool(np.isfinite(values).all())
