"""The ``config.json`` of a checkpoint: everything but the weights."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Final, Literal

from pydantic import Field, JsonValue

from m4graph.checkpoint.models import MODELS
from m4graph.core.calls import plain_call
from m4graph.core.errors import CheckpointError
from m4graph.core.schema import KeyProblem, StrictModel, spell
from m4graph.graph.schema import (
    FLOW_FEATURES,
    LINK_FEATURES,
    OLDEST_SCHEMA_VERSION,
    SCHEMA_VERSION,
)

FORMAT_VERSION: Final = 1
"""Of ``config.json``."""

WEIGHTS, CONFIG, CARD = "model.safetensors", "config.json", "card.md"
"""A file of a checkpoint's folder."""


class StartRecord(StrictModel):
    """The trained model whose weights a training started from.

    Args:
        model (str): Its name in the zoo, its folder, or its address.
        weights_sha256 (str): SHA-256 of its file of weights.
    """

    model: str = Field(min_length=1)
    weights_sha256: str = Field(min_length=1)


class TrainingRecord(StrictModel):
    """How a model was made.

    Args:
        config_hash (str): SHA-256 of the training's configuration.
        data_hash (str): SHA-256 of the data set.
        seed (int): Of the training.
        steps (int): Optimiser steps.
        wall_s (float): Seconds of training.
        started_from (StartRecord, optional): The model that it started from. (default: new weights)
    """

    config_hash: str = Field(min_length=1)
    data_hash: str = Field(min_length=1)
    seed: int = Field(ge=0)
    steps: int = Field(ge=0)
    wall_s: float = Field(ge=0)
    started_from: StartRecord | None = None


class CheckpointMetadata(StrictModel):
    """What is known of a model besides its weights.

    Args:
        training (TrainingRecord, optional): How it was made. (default: not known)
        training_domain (dict): What it has seen: topologies, loads, sizes, congestion controls.
            (default: not known)
        licence (str): Of the weights.
        metrics (dict): Scores, with the split in the name. (default: none)
        normalisation (dict, optional): Of features, where that is not done by the model.
            (default: ``None``)
    """

    training: TrainingRecord | None = None
    training_domain: dict[str, JsonValue] = Field(default_factory=dict)
    licence: str = Field(min_length=1)
    metrics: dict[str, float] = Field(default_factory=dict)
    normalisation: dict[str, JsonValue] | None = None


class ModelRecord(StrictModel):
    """Name of the class, arguments of its constructor, and SHA-256 of the file of weights."""

    name: str = Field(alias="class")
    config: dict[str, JsonValue]
    weights_sha256: str


class GraphRecord(StrictModel):
    """The features that a model reads, as named in :mod:`m4graph.graph.schema`, or by its class."""

    schema_version: int
    flow_features: list[str]
    link_features: list[str]

    @classmethod
    def current(cls, model: type[object]) -> GraphRecord:
        """What this version of m4graph computes for a class of models.

        A class with features of its own has them as ``flow_features``, ``link_features`` and
        ``schema_version``.
        """
        return cls(
            schema_version=getattr(model, "schema_version", SCHEMA_VERSION),
            flow_features=list(getattr(model, "flow_features", FLOW_FEATURES)),
            link_features=list(getattr(model, "link_features", LINK_FEATURES)),
        )

    def begins(self, current: GraphRecord) -> bool:
        """Whether these are the first features of another record, from an older schema of it."""
        return (
            OLDEST_SCHEMA_VERSION <= self.schema_version < current.schema_version
            and current.flow_features[: len(self.flow_features)] == self.flow_features
            and current.link_features[: len(self.link_features)] == self.link_features
        )


class CheckpointConfig(CheckpointMetadata):
    """The content of ``config.json``."""

    format_version: Literal[1]
    model: ModelRecord
    graph: GraphRecord
    provenance: dict[str, str | None]

    def to_json(self) -> str:
        """The text of the file."""
        return json.dumps(self.model_dump(by_alias=True), indent=2, allow_nan=False) + "\n"


@plain_call
def read_config(folder: str | Path) -> CheckpointConfig:
    """Reads and checks the ``config.json`` of a checkpoint folder.

    Raises:
        CheckpointError: If it is missing, damaged, or made for another version.
    """
    config = parse_config(folder)
    if config.model.name in MODELS:  # if not, building it fails, with the names of all
        expected = GraphRecord.current(MODELS.resolve(config.model.name))
        _check_graph(config.graph, expected, Path(folder) / CONFIG)
    return config


def parse_config(folder: str | Path) -> CheckpointConfig:
    """As :func:`read_config`, but does not ask the model's class, which needs torch.

    Raises:
        CheckpointError: If it is missing, damaged, or of another format.
    """
    folder = Path(folder)
    if not folder.is_dir():
        got = "a file" if folder.exists() else "none"
        raise CheckpointError(f"{folder}: expected the folder of a checkpoint (got {got})")
    path = folder / CONFIG
    data = _read_json(path)
    version = data.get("format_version") if isinstance(data, dict) else None
    if isinstance(data, dict) and version != FORMAT_VERSION:
        raise CheckpointError(
            f"{path}: format_version: expected {FORMAT_VERSION} (got {spell(version)})"
        )
    try:
        return CheckpointConfig.parse(data)
    except KeyProblem as problem:
        raise CheckpointError(f"{path}: {problem}") from None


def read_weights(folder: str | Path, sha256: str) -> bytes:
    """The file of weights of a checkpoint folder.

    Raises:
        CheckpointError: If it is missing, or has another SHA-256.
    """
    path = Path(folder) / WEIGHTS
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise CheckpointError(f"{path}: expected a file (got none)") from None
    except OSError as error:
        raise CheckpointError(f"{path}: expected a file that can be read (got {error})") from None
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise CheckpointError(f"{path}: expected SHA-256 {sha256} (got {found})")
    return data


def _read_json(path: Path) -> object:
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        raise CheckpointError(f"{path}: expected a file (got none)") from None
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: expected JSON (got {error})") from None


def _check_graph(graph: GraphRecord, current: GraphRecord, path: Path) -> None:
    if graph.begins(current):
        return
    for key, expected in current.model_dump().items():
        got = getattr(graph, key)
        if got != expected:
            raise CheckpointError(
                f"{path}: graph.{key}: expected {_difference(expected, got)}; the model reads "
                f"other features than this version of m4graph makes"
            )


def _difference(expected: object, got: object) -> str:
    if isinstance(expected, list) and isinstance(got, list):
        for index, pair in enumerate(zip(expected, got, strict=False)):
            if pair[0] != pair[1]:
                return f"{spell(pair[0])} in column {index} (got {spell(pair[1])})"
        return f"{len(expected)} columns (got {len(got)})"
    return f"{spell(expected)} (got {spell(got)})"
