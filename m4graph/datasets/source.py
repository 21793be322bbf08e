"""Runs that somebody has generated: copied from a folder, or from the Hugging Face hub."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from m4graph.core.errors import InputError
from m4graph.core.files import whole_file
from m4graph.core.hub import HUB_PREFIX, download

_DESCRIPTIONS = ("config.yaml", "manifest*.json")
_FILES = (*_DESCRIPTIONS, "raw/run_*")


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
        tables = sorted((folder / "raw" / name).glob("*"))  # of an imported run
        last = [folder / "raw" / f"{name}{ending}" for ending in (".yaml", ".npz")]
        for file in (*tables, *last):
            _copy(file, root / file.relative_to(folder))


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
    to.parent.mkdir(exist_ok=True)
    with whole_file(to) as half:
        shutil.copyfile(file, half)
