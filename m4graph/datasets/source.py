"""Runs that somebody has generated: copied from a folder, or from the Hugging Face hub."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from m4graph.errors import InputError
from m4graph.hub import HUB_PREFIX, download

_DESCRIPTIONS = ("config.yaml", "manifest*.json")
_FILES = (*_DESCRIPTIONS, "raw/run_*.yaml", "raw/run_*.npz")


def copy_runs(source: str | os.PathLike[str], root: Path, names: Sequence[str]) -> None:
    """Copies runs that are missing, as far as the source has them.

    Each file appears whole or not at all, the manifest first: it names the runs that an
    interruption leaves to be copied.

    Args:
        source (str or Path): A folder as ``m4graph generate`` writes it, or
            ``hf://owner/repository[@revision]`` of a data set.
        root (Path): The folder to copy to.
        names (list of str): Names of the runs; none: all that the source has.

    Raises:
        InputError: If there is no such source.
    """
    folder = _folder(os.fspath(source))
    (root / "raw").mkdir(parents=True, exist_ok=True)
    for pattern in _DESCRIPTIONS:
        for file in folder.glob(pattern):
            _copy(file, root / file.name)
    for name in names or sorted(file.stem for file in folder.glob("raw/run_*.npz")):
        for ending in (".yaml", ".npz"):
            _copy(folder / "raw" / (name + ending), root / "raw" / (name + ending))


def manifest_hashes(root: Path) -> dict[str, str]:
    """The hash of the arrays of each run that the manifests in a folder name.

    Raises:
        InputError: If a manifest is damaged.
    """
    found: dict[str, str] = {}
    for file in sorted(root.glob("manifest*.json")):
        try:
            runs = json.loads(file.read_text(encoding="utf-8"))["runs"]
            found |= {str(run["name"]): str(run["arrays_sha256"]) for run in runs}
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{file}: expected a manifest of runs (got {error!r})") from None
    return found


def _folder(source: str) -> Path:
    if source.startswith(HUB_PREFIX):
        return download(source, _FILES, "dataset", InputError, repo_type="dataset")
    folder = Path(source)
    if not (folder / "raw").is_dir():
        raise InputError(f"{folder}: expected a folder with runs in its folder raw (got none)")
    return folder


def _copy(file: Path, to: Path) -> None:
    if to.exists() or not file.exists():
        return
    half = to.with_name(f".{to.name}.{os.getpid()}")
    shutil.copyfile(file, half)
    os.replace(half, to)
