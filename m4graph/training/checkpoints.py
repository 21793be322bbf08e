"""The checkpoints that a training goes on from; each appears whole or not at all."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.plugins.io import TorchCheckpointIO

from m4graph.core.errors import InputError
from m4graph.core.files import whole_file
from m4graph.core.text import first_line

_KEYS = (
    "callbacks",
    "elapsed_s",
    "global_step",
    "loops",
    "lr_schedulers",
    "optimizer_states",
    "state_dict",
)


def load_training(path: Path) -> dict[str, Any]:
    """What a training has written to go on from, checked by the checksums in the file.

    Raises:
        InputError: If it is damaged, or something else.
    """
    try:
        with zipfile.ZipFile(path) as archive:  # torch's own reader does not look at checksums.
            bad = archive.testzip()
        saved = torch.load(path, weights_only=True) if bad is None else None
    except Exception as error:  # Readers of archives and pickles have many words for damage.
        bad, saved = first_line(error), None
    if bad is not None or not isinstance(saved, dict) or any(key not in saved for key in _KEYS):
        raise InputError(
            f"{path}: expected the state of a training (got {bad or 'something else'}); "
            "start anew in another folder"
        )
    return saved


class WholeCheckpointIO(TorchCheckpointIO):
    """Writes checkpoints beside their place; Lightning's own leaves half ones in ``/tmp``."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        """Writes a checkpoint, replaced in one step."""
        # Of a full disk torch's own writer of files makes a RuntimeError about positions.
        content = io.BytesIO()
        torch.save(checkpoint, content)
        with whole_file(Path(path)) as half:
            half.write_bytes(content.getbuffer())


class EpisodeCheckpoint(Checkpoint):
    """Saves after each episode, where a training can go on as if it had not been interrupted.

    Args:
        path (Path): The file, replaced in one step.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def on_train_epoch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Saves the training; Lightning calls this after all other hooks of the epoch's end."""
        trainer.save_checkpoint(self._path)
