"""A trained model whose weights a training starts from, and what comes along with them."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch

from m4graph.checkpoint import StartRecord, load_checkpoint, read_config
from m4graph.core.errors import InputError
from m4graph.core.schema import KeyProblem, spell
from m4graph.nn import EventModel
from m4graph.training.config import AnyTrainConfig
from m4graph.zoo import find_checkpoint

PROVENANCE = "provenance.json"
_HEADS = "extra_heads"


@dataclass(frozen=True, eq=False)
class Start:
    """What a training takes from a checkpoint: the weights, the shape, and what it has seen.

    All else (data, losses, schedule, seed) is the configuration's. The steps of the optimiser, its
    moments among them, start anew.

    Args:
        record (StartRecord): Where it came from.
        kind (str): The model's class, as ``model.kind`` of a configuration.
        model (FlowLinkModel or PaperModel): With its weights, in training mode.
        domain (dict): The ``training_domain`` of the checkpoint.
        normalisation (dict, optional): Of features, where the model does not do that.
    """

    record: StartRecord
    kind: str
    model: EventModel
    domain: dict[str, Any]
    normalisation: dict[str, Any] | None

    def complete(self, config: AnyTrainConfig) -> AnyTrainConfig:
        """A configuration with the model's shape, wherever it does not say one itself.

        Raises:
            KeyProblem: For the first key of ``model`` in which it asks for another.
        """
        asked = config.model.model_dump(include=config.model.model_fields_set)
        if config.model.kind != self.kind:
            raise self._differs("kind", self.kind, config.model.kind)
        own = type(config.model).of_arguments(self.model.config)
        model = own.model_copy(update=asked)
        expected, got = self.model.config, type(self.model)(**model.arguments).config
        for key in {**expected, **got}:
            has, wants = expected.get(key), got.get(key)
            if wants != has and not (key == _HEADS and _more(wants or {}, has or {})):
                raise self._differs(key, has, wants)
        return config.model_copy(update={"model": model})

    def model_for(self, config: AnyTrainConfig) -> EventModel:
        """The model, with those extra heads that only a configuration has, at random weights.

        Args:
            config (TrainConfig or PaperTrainConfig): As :meth:`complete` gave it.
        """
        model: Any = type(self.model)(**config.model.arguments)
        model.load_state_dict({**model.state_dict(), **self.model.state_dict()})
        return cast(EventModel, model)

    @torch.no_grad()
    def blend_into(self, model: EventModel, share: float) -> None:
        """Moves a model's weights towards these, by a share; not those that these do not have."""
        own = model.state_dict()
        for name, weights in self.model.state_dict().items():
            if weights.is_floating_point():
                own[name].lerp_(weights.to(own[name].device), share)

    def _differs(self, key: str, expected: object, got: object) -> KeyProblem:
        problem = f"expected {spell(expected)}, as {self.record.model} has (got {spell(got)})"
        return KeyProblem(f"model.{key}", problem)


def _more(heads: dict[str, Any], than: dict[str, Any]) -> bool:
    return all(heads.get(name) == head for name, head in than.items())


def load_start(name_or_path: str | os.PathLike[str]) -> Start:
    """Loads a model to start from.

    Args:
        name_or_path (str or Path): As :func:`m4graph.zoo.load_model` takes it.

    Raises:
        CheckpointError: If there is no such model, or its files are damaged.
    """
    folder = find_checkpoint(name_or_path)
    known = read_config(folder)
    record = StartRecord(model=os.fspath(name_or_path), weights_sha256=known.model.weights_sha256)
    model: Any = load_checkpoint(folder).train()
    return Start(record, known.model.name, model, known.training_domain, known.normalisation)


def start_of(out: Path, start_from: str | os.PathLike[str] | None, resume: bool) -> Start | None:
    """What a training starts from; one that is resumed says so itself.

    Args:
        out (Path): The training's folder.
        start_from (str or Path, optional): The model that was asked for.
        resume (bool): Whether the training goes on.

    Raises:
        CheckpointError: As :func:`load_start`.
        InputError: If the training that goes on started from other weights.
    """
    if not resume:
        return None if start_from is None else load_start(start_from)
    before = _recorded_start(out / PROVENANCE)
    wanted = before.model if start_from is None and before is not None else start_from
    start = None if wanted is None else load_start(wanted)
    sha256 = start.record.weights_sha256 if start else None
    if sha256 != (before.weights_sha256 if before else None):
        raise InputError(
            f"{out}: expected to go on with a training from {_spell(before)} "
            f"(got {_spell(start.record if start else None)})"
        )
    return start


def _recorded_start(path: Path) -> StartRecord | None:
    try:
        record = json.loads(path.read_bytes()).get("started_from")
        return None if record is None else StartRecord.parse(record)
    except FileNotFoundError:
        return None
    except (ValueError, AttributeError) as error:
        raise InputError(f"{path}: expected what a training writes (got {error})") from None


def _spell(record: StartRecord | None) -> str:
    if record is None:
        return "new weights"
    return f"{record.model}, weights {record.weights_sha256[:16]}"
