"""Models that load and save themselves, as those of the Hugging Face hub do."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

from m4graph.checkpoint import CheckpointMetadata, save_checkpoint
from m4graph.core.errors import CheckpointError
from m4graph.zoo.load import load_model

if TYPE_CHECKING:
    import torch
    from torch import nn

_UNTOLD = {"licence": "not stated"}


def _hub_mixin() -> Any:
    try:
        from huggingface_hub import ModelHubMixin
    except ImportError:  # an extra
        return object
    return ModelHubMixin


class Pretrained(_hub_mixin()):  # type: ignore[misc]
    """Gives a class of :data:`m4graph.checkpoint.MODELS` the verbs of the Hugging Face hub.

    Where ``huggingface_hub`` is installed, it is its ``ModelHubMixin``, so that
    ``push_to_hub("user/repository")`` uploads what :meth:`save_pretrained` writes.
    """

    @classmethod
    def from_pretrained(
        cls,
        name_or_path: str | os.PathLike[str] | None = None,
        device: str | torch.device = "cpu",
    ) -> Self:
        """Loads a trained model of this class, in eval mode, as :func:`m4graph.load_model` does.

        Args:
            name_or_path (str or Path, optional): A name of the zoo, the folder of a checkpoint, or
                ``hf://user/repository[@revision]``. (default: the zoo's default model)
            device (str or torch.device, optional): Where the model is to live.
                (default: ``"cpu"``)

        Raises:
            CheckpointError: If there is no such model, its files are damaged, or it is of another
                class.
            ConfigError: If there is no such device.
        """
        model = load_model(name_or_path, device)
        if not isinstance(model, cls):
            raise CheckpointError(
                f"{name_or_path}: expected a {cls.__name__} (got a {type(model).__name__})"
            )
        return model

    def save_pretrained(
        self,
        folder: str | os.PathLike[str],
        metadata: CheckpointMetadata | dict[str, Any] | None = None,
        card: str | None = None,
        **of_hub: Any,
    ) -> None:
        """Writes the folder of a checkpoint, which :meth:`from_pretrained` and ``--model`` take.

        Args:
            folder (str or Path): New, or with an older checkpoint, which is replaced.
            metadata (CheckpointMetadata or dict, optional): What is known of the model; with an
                empty ``training_domain``, nothing warns of scenarios unlike those it was trained
                on. (default: nothing)
            card (str, optional): Markdown for readers. (default: says that nothing is known)
            **of_hub: What ``push_to_hub`` of the hub's mixin passes on, which has no use here.

        Raises:
            CheckpointError: If the model could not be loaded again.
            ConfigError: If the metadata are incomplete.
            InputError: If the folder cannot be written.
        """
        folder, kind = Path(folder), type(self).__name__
        known = _UNTOLD if metadata is None else metadata
        untold = f"# {folder.name}\n\nA `{kind}`. Nothing is recorded of its training.\n"
        folder.parent.mkdir(parents=True, exist_ok=True)
        save_checkpoint(folder, cast("nn.Module", self), known, card or untold)
