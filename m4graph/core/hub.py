"""Repositories of the Hugging Face hub, as folders."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from m4graph.core.errors import M4GraphError

HUB_PREFIX = "hf://"

_ADDRESS = re.compile(r"hf://(?P<repository>[\w.-]+/[\w.-]+)(@(?P<revision>[\w./-]+))?$")


def download(
    address: str, files: Sequence[str], what: str, error: type[M4GraphError], **more: Any
) -> Path:
    """Fetches files of a repository, or finds them in the hub's cache; gives their folder.

    Args:
        address (str): As in ``"hf://user/repository"`` or ``"hf://user/repository@revision"``.
        files (list): Patterns of the files' names.
        what (str): What is fetched, for messages, as in ``"model"``.
        error (type): The error to raise.
        **more: Further arguments of ``huggingface_hub.snapshot_download``.

    Raises:
        M4GraphError: Of the given type, if the address is malformed, ``huggingface_hub`` is not
            installed, or the files cannot be fetched.
    """
    match = _ADDRESS.match(address)
    if match is None:
        raise error(
            f"{what}: expected hf://user/repository or hf://user/repository@revision "
            f"(got {address!r})"
        )
    try:
        from huggingface_hub import snapshot_download
    except ImportError:
        raise error(
            f"{what} {address!r}: expected huggingface_hub to be installed, as by "
            "pip install huggingface_hub (got none)"
        ) from None
    try:
        folder = snapshot_download(
            repo_id=match["repository"],
            revision=match["revision"],
            allow_patterns=list(files),
            **more,
        )
    except Exception as problem:  # the hub's own, its HTTP library's, the file system's
        reason = (str(problem) or type(problem).__name__).splitlines()[0]
        raise error(
            f"{what} {address!r}: expected a repository to download (got {reason})"
        ) from problem
    return Path(folder)
