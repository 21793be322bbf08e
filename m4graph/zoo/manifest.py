"""The zoo's table of contents. Nothing here needs torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from m4graph.core.errors import CheckpointError, did_you_mean
from m4graph.core.schema import StrictModel

ZOO_FOLDER = Path(__file__).resolve().parent
"""The zoo of this package."""

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")]


class ZooEntry(StrictModel):
    """One model of the zoo.

    Args:
        name (str): Lower case, digits, ``.``, ``_`` and ``-``.
        description (str): One line.
        files (dict): Size in bytes of each file.
        sha256 (str): Of the file of weights, in hexadecimal.
        default (bool): Whether it is the one to take where no model is named.
    """

    name: Name
    description: str = Field(min_length=1)
    files: dict[str, int]
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    default: bool = False

    @property
    def size_bytes(self) -> int:
        """Size of all files."""
        return sum(self.files.values())


class Manifest(StrictModel):
    """All models of a zoo; if there are any, one of them is the default."""

    format_version: Literal[1] = 1
    models: list[ZooEntry]

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = [entry.name for entry in self.models]
        if len(set(names)) != len(names):
            raise ValueError(f"expected different names (got {', '.join(names)})")
        defaults = sum(entry.default for entry in self.models)
        if self.models and defaults != 1:
            raise ValueError(f"expected one model to be the default (got {defaults})")
        return self

    def names(self) -> list[str]:
        """The names of all models, in the manifest's order."""
        return [entry.name for entry in self.models]

    def default(self) -> ZooEntry:
        """The model to take where none is named.

        Raises:
            CheckpointError: If the zoo is empty.
        """
        for entry in self.models:
            if entry.default:
                return entry
        raise CheckpointError("model: expected the path of a checkpoint (the zoo is empty)")

    def entry(self, name: str) -> ZooEntry:
        """The model of a name.

        Raises:
            CheckpointError: If there is none (the message lists the valid names).
        """
        for entry in self.models:
            if entry.name == name:
                return entry
        valid = ", ".join(self.names())
        if not valid:
            raise CheckpointError(f"model {name!r}: expected a name of the zoo (the zoo is empty)")
        hint = did_you_mean(name, self.names())
        raise CheckpointError(f"unknown model: expected one of {valid} (got {name!r}){hint}")


def read_manifest(zoo: Path) -> Manifest:
    """Reads the ``manifest.json`` of a zoo's folder.

    Raises:
        CheckpointError: If it is missing or damaged.
    """
    path = manifest_path(zoo)
    try:
        return Manifest.parse(json.loads(path.read_bytes()))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path}: expected the manifest of a zoo (got {error})") from None


def manifest_path(zoo: Path) -> Path:
    """The manifest of a zoo's folder."""
    return zoo / "manifest.json"


def model_folder(zoo: Path, name: str) -> Path:
    """The checkpoint of a model in a zoo's folder."""
    return zoo / "weights" / name
