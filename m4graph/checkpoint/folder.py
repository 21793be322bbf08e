"""A checkpoint's folder, written and read."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import torch
from torch import nn

from m4graph.checkpoint.config import (
    CARD,
    CONFIG,
    FORMAT_VERSION,
    WEIGHTS,
    CheckpointConfig,
    CheckpointMetadata,
    GraphRecord,
    ModelRecord,
    read_config,
    read_weights,
)
from m4graph.checkpoint.models import build_model, model_name, plain_config
from m4graph.checkpoint.tensors import (
    check_tensors,
    tensors_from_bytes,
    tensors_to_bytes,
    with_younger,
)
from m4graph.core.calls import plain_call
from m4graph.core.device import resolve_device
from m4graph.core.errors import CheckpointError
from m4graph.core.files import check_output_folder, whole_folder
from m4graph.core.provenance import provenance


@plain_call
def save_checkpoint(
    folder: str | Path,
    model: nn.Module,
    metadata: CheckpointMetadata | dict[str, Any],
    card_text: str,
    half: bool = False,
) -> None:
    """Writes a checkpoint, and loads it once before it appears under its name.

    Args:
        folder (str or Path): New, or with an older checkpoint, which is replaced.
        model (nn.Module): Of a class in :data:`~m4graph.checkpoint.MODELS`.
        metadata (CheckpointMetadata or dict): What is known of it.
        card_text (str): Markdown for readers: data, seed, metrics, training time, licence.
        half (bool, optional): Stores float32 as float16. (default: ``False``)

    Raises:
        CheckpointError: If the model could not be loaded again, or the card is empty.
        ConfigError: If the metadata are incomplete.
        InputError: If the folder cannot be written.
    """
    folder = Path(folder)
    known = CheckpointMetadata.parse(metadata, "metadata")
    if not card_text.strip():
        raise CheckpointError(f"{folder / CARD}: expected a text (got an empty one)")
    weights = tensors_to_bytes(model, half)
    record = {
        "class": model_name(model),
        "config": plain_config(model),
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
    }
    config = CheckpointConfig(
        **dict(known),
        format_version=FORMAT_VERSION,
        model=ModelRecord.parse(record, "model"),
        graph=GraphRecord.current(type(model)),
        provenance=provenance(),
    )
    check_output_folder(folder)
    with whole_folder(folder, mark=CONFIG) as scratch:
        (scratch / WEIGHTS).write_bytes(weights)
        (scratch / CONFIG).write_text(config.to_json(), encoding="utf-8")
        (scratch / CARD).write_text(card_text.strip() + "\n", encoding="utf-8")
        load_checkpoint(scratch)


@plain_call
def load_checkpoint(path: str | Path, device: str | torch.device = "cpu") -> nn.Module:
    """Builds the model of a checkpoint, in eval mode.

    Args:
        path (str or Path): The folder.
        device (str or torch.device, optional): Where the model is to live. (default: ``"cpu"``)

    Raises:
        CheckpointError: If a file is missing or damaged, or was made for another version; or if
            a tensor does not fit the model, which the message names.
        ConfigError: If there is no such device.
    """
    folder, where = Path(path), resolve_device(device)
    record = read_config(folder).model
    data = read_weights(folder, record.weights_sha256)
    tensors = tensors_from_bytes(data, folder / WEIGHTS)
    try:
        num_values = sum(tensor.numel() for tensor in tensors.values())
        model = build_model(record.name, record.config, num_values)
    except CheckpointError as error:
        raise CheckpointError(f"{folder / CONFIG}: {error}") from error
    tensors = with_younger(tensors, model.state_dict())
    check_tensors(tensors, model.state_dict(), folder / WEIGHTS)
    model.load_state_dict(tensors)
    return model.to(where).eval()
