"""Checkpoints on the Hugging Face hub."""

from __future__ import annotations

import re
from pathlib import Path

from m4graph.errors import CheckpointError

HUB_PREFIX = "hf://"

_ADDRESS = re.compile(r"hf://(?P<repository>[\w.-]+/[\w.-]+)(@(?P<revision>[\w./-]+))?$")
_FILES = ["model.safetensors", "config.json", "card.md"]


def download(address: str) -> Path:
    """Fetches a checkpoint, or finds it in the hub's cache; gives its folder.

    Args:
        address (str): As in ``"hf://user/repository"`` or ``"hf://user/repository@revision"``.

    Raises:
        CheckpointError: If the address is malformed, ``huggingface_hub`` is not installed, or the
            files cannot be fetched.
    """
    match = _ADDRESS.match(address)
    if match is None:
        raise CheckpointError(
            f"model: expected hf://user/repository or hf://user/repository@revision "
            f"(got {address!r})"
        )
    try:
        from huggingface_hub import snapshot_download
    except ImportError:
        raise CheckpointError(
            f"model {address!r}: expected huggingface_hub to be installed, as by "
            "pip install huggingface_hub (got none)"
        ) from None
    try:
        folder = snapshot_download(
            repo_id=match["repository"], revision=match["revision"], allow_patterns=_FILES
        )
    except Exception as error:  # the hub's own, its HTTP library's, the file system's
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise CheckpointError(
            f"model {address!r}: expected a repository to download (got {reason})"
        ) from error
    return Path(folder)
