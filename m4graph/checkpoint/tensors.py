"""Weights to and from safetensors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from m4graph.core.errors import CheckpointError


def tensors_to_bytes(model: nn.Module, half: bool = False) -> bytes:
    """The state of a model as safetensors; tensors that share memory are each written in full.

    Args:
        model (nn.Module): The model.
        half (bool, optional): Writes float32 as float16. (default: ``False``)

    Raises:
        CheckpointError: If a part of the state is no tensor.
    """
    tensors = {}
    for name, value in model.state_dict().items():
        if not isinstance(value, Tensor):
            raise CheckpointError(
                f"state {name!r}: expected a tensor (got a {type(value).__name__})"
            )
        is_halved = half and value.dtype == torch.float32
        dtype = torch.float16 if is_halved else value.dtype
        tensors[name] = value.detach().cpu().to(dtype).contiguous().clone()
    return bytes(safetensors.torch.save(tensors, metadata={"format": "pt"}))


def tensors_from_bytes(data: bytes, path: Path) -> dict[str, Tensor]:
    """Weights on the CPU, from the content of their file.

    Raises:
        CheckpointError: If it is damaged.
    """
    try:
        return dict(safetensors.torch.load(data))
    except (SafetensorError, KeyError) as error:
        raise CheckpointError(f"{path}: expected safetensors (got {error})") from None


def with_younger(found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights, and shifts of quantile heads that are younger than their file, at zero."""
    shifts = {
        name: value
        for name, value in expected.items()
        if name.startswith("extra_heads.") and name.endswith(".shift") and not value.dim()
    }
    return {name: torch.zeros_like(value) for name, value in shifts.items()} | dict(found)


def check_tensors(found: Mapping[str, Tensor], expected: Mapping[str, Tensor], path: Path) -> None:
    """Checks that weights fit a model's state; float16 stands for float32, too.

    Raises:
        CheckpointError: For the first tensor that is missing, unknown, of another type or shape,
            or not finite.
    """
    for name in [*expected, *found]:
        if name not in found:
            problem = f"expected {_kind(expected[name])} (got none)"
        elif name not in expected:
            problem = f"expected no tensor of that name (got {_kind(found[name])})"
        elif _kind(_widened(found[name])) != _kind(_widened(expected[name])):
            problem = f"expected {_kind(expected[name])} (got {_kind(found[name])})"
        elif not found[name].isfinite().all():
            problem = "expected finite values (got NaN or infinity)"
        else:
            continue
        raise CheckpointError(f"{path}: tensor {name!r}: {problem}")


def _widened(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.dtype == torch.float16 else tensor


def _kind(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {list(tensor.shape)}"
