"""Models by name, by path, or from the Hugging Face hub."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from m4graph.core.calls import plain_call
from m4graph.core.errors import CheckpointError
from m4graph.core.hub import HUB_PREFIX, download
from m4graph.zoo import manifest

if TYPE_CHECKING:
    import torch
    from torch import nn

_WEIGHTS, _CONFIG = "model.safetensors", "config.json"
_FILES = (_WEIGHTS, _CONFIG, "card.md")


@plain_call
def load_model(
    name_or_path: str | os.PathLike[str] | None = None, device: str | torch.device = "cpu"
) -> nn.Module:
    """Loads a trained model, in eval mode.

    Args:
        name_or_path (str or Path, optional): A name of the zoo, the folder of a checkpoint, or
            ``hf://user/repository[@revision]``. A bare word that is both names the zoo's model;
            write ``./word`` for the folder. (default: the zoo's default model)
        device (str or torch.device, optional): Where the model is to live. (default: ``"cpu"``)

    Raises:
        CheckpointError: If there is no such model (the message lists the zoo's), or its files are
            damaged.
        ConfigError: If there is no such device.
    """
    from m4graph.checkpoint import load_checkpoint  # needs torch, which listing a zoo does not

    return load_checkpoint(find_checkpoint(name_or_path), device)


@plain_call
def find_checkpoint(name_or_path: str | os.PathLike[str] | None = None) -> Path:
    """The checkpoint folder of a model; weights of the zoo are checked against the manifest.

    Raises:
        CheckpointError: As :func:`load_model`.
    """
    if name_or_path is None:
        return _zoo_folder(default_model_name())
    given = os.fspath(name_or_path)
    if given.startswith(HUB_PREFIX):
        return download(given, _FILES, "model", CheckpointError)
    if isinstance(name_or_path, str) and _is_bare_word(given):
        names = manifest.read_manifest(manifest.ZOO_FOLDER).names()
        if given in names or not Path(given).exists():
            return _zoo_folder(given)
    return Path(given)


@plain_call
def checkpoint_files(name_or_path: str | os.PathLike[str]) -> tuple[Path, Path]:
    """The files that a model's answers depend on: its weights, and its configuration.

    Raises:
        CheckpointError: As :func:`load_model`.
    """
    folder = find_checkpoint(name_or_path)
    return folder / _WEIGHTS, folder / _CONFIG


@plain_call
def list_models() -> list[manifest.ZooEntry]:
    """All models of the zoo.

    Raises:
        CheckpointError: If the zoo is damaged.
    """
    return manifest.read_manifest(manifest.ZOO_FOLDER).models


@plain_call
def model_info(name: str) -> manifest.ZooEntry:
    """What the manifest says of a model.

    Raises:
        CheckpointError: If there is no such model (the message lists the valid names).
    """
    return manifest.read_manifest(manifest.ZOO_FOLDER).entry(name)


@plain_call
def model_card(name: str) -> str:
    """The card of a model: data, seed, metrics, training time, licence; Markdown.

    Raises:
        CheckpointError: If there is no such model (the message lists the valid names).
    """
    path = manifest.model_folder(manifest.ZOO_FOLDER, model_info(name).name) / "card.md"
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise CheckpointError(f"{path}: expected the model's card (got {error})") from None


@plain_call
def default_model_name() -> str:
    """The model to take where none is named.

    Raises:
        CheckpointError: If the zoo is empty.
    """
    return manifest.read_manifest(manifest.ZOO_FOLDER).default().name


def _zoo_folder(name: str) -> Path:
    entry = model_info(name)
    folder = manifest.model_folder(manifest.ZOO_FOLDER, name)
    path = folder / _WEIGHTS
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise CheckpointError(f"{path}: expected the model's weights (got {error})") from None
    if found != entry.sha256:
        raise CheckpointError(f"{path}: expected SHA-256 {entry.sha256} (got {found})")
    return folder


def _is_bare_word(text: str) -> bool:
    return os.path.basename(text) == text and text not in ("", ".", "..")
