"""Puts a checkpoint into the zoo: ``python -m m4graph.zoo.release CHECKPOINT NAME ...``."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from m4graph.checkpoint import CARD, CONFIG, WEIGHTS, load_checkpoint, read_config
from m4graph.core.errors import CheckpointError
from m4graph.core.exit_status import exit_status
from m4graph.core.files import whole_file, whole_folder
from m4graph.zoo import manifest
from m4graph.zoo.manifest import Manifest, ZooEntry

MAX_BYTES = 10_000_000
"""What a model may take in the package."""


def add_to_zoo(
    checkpoint: str | Path,
    name: str,
    description: str,
    *,
    default: bool = False,
    replace: bool = False,
    zoo: Path | None = None,
) -> ZooEntry:
    """Copies a checkpoint into a zoo and enters it in the manifest; gives the entry.

    Args:
        checkpoint (str or Path): The checkpoint's folder, which is loaded once.
        name (str): The model's name.
        description (str): One line.
        default (bool, optional): Makes it the default model; the first one always is.
            (default: ``False``)
        replace (bool, optional): Allows to replace another model of that name.
            (default: ``False``)
        zoo (Path, optional): The zoo's folder. (default: the package's own)

    Raises:
        CheckpointError: If the checkpoint cannot be loaded, has no card, is too large, or the
            name is taken.
        ConfigError: If the name or the description is malformed.
    """
    source, zoo = Path(checkpoint), zoo or manifest.ZOO_FOLDER
    old = manifest.read_manifest(zoo)
    others = [entry for entry in old.models if entry.name != name]
    load_checkpoint(source)
    entry = ZooEntry.parse(
        {
            "name": name,
            "description": description.strip(),
            "files": _sizes(source),
            "sha256": read_config(source).model.weights_sha256,
            "default": default or not any(other.default for other in others),
        }
    )
    if not replace and any(each.name == name and each != entry for each in old.models):
        raise CheckpointError(f"model {name!r}: expected a new name (got one of the zoo's)")
    if entry.default:
        others = [other.model_copy(update={"default": False}) for other in others]
    with whole_folder(manifest.model_folder(zoo, name), mark=CONFIG) as scratch:
        for file in entry.files:
            shutil.copyfile(source / file, scratch / file)
    _write(Manifest(models=sorted([*others, entry], key=lambda model: model.name)), zoo)
    return entry


def main(arguments: Sequence[str] | None = None) -> int:
    """The maintainer's command; gives its exit status."""
    parser = argparse.ArgumentParser(prog="python -m m4graph.zoo.release", description=__doc__)
    parser.add_argument("checkpoint", type=Path, help="folder of a checkpoint")
    parser.add_argument("name")
    parser.add_argument("--description", required=True, help="one line")
    parser.add_argument("--default", action="store_true", help="take it where none is named")
    parser.add_argument("--replace", action="store_true", help="replace a model of that name")
    given = vars(parser.parse_args(arguments))
    return exit_status(lambda: _add(given))


def _add(given: dict[str, Any]) -> None:
    entry = add_to_zoo(**given)
    print(f"{entry.name}: {entry.size_bytes} bytes, SHA-256 {entry.sha256}")


def _sizes(source: Path) -> dict[str, int]:
    sizes = {}
    for file in (WEIGHTS, CONFIG, CARD):
        path = source / file
        if not path.is_file():
            raise CheckpointError(f"{path}: expected a file (got none)")
        sizes[file] = path.stat().st_size
    if sum(sizes.values()) > MAX_BYTES:
        raise CheckpointError(
            f"{source}: expected at most {MAX_BYTES} bytes (got {sum(sizes.values())})"
        )
    return sizes


def _write(new: Manifest, zoo: Path) -> None:
    with whole_file(manifest.manifest_path(zoo)) as half:
        half.write_text(json.dumps(new.model_dump(), indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
