"""What a training leaves behind: its configuration, its split, and a checkpoint with a card."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from m4graph.checkpoint import save_checkpoint
from m4graph.core.files import whole_folder
from m4graph.core.provenance import provenance
from m4graph.core.yaml_file import read_yaml, write_yaml
from m4graph.datasets import FlowEventDataset
from m4graph.datasets.making.config import scenario_options
from m4graph.nn import EventModel
from m4graph.runs import LabelledRun
from m4graph.scenario.congestion import congestion_control
from m4graph.training.config import AnyTrainConfig
from m4graph.training.rollout import free_run_errors

_LICENCE = "the licence of m4graph"
_TRUTH = "m4graph's packet simulator"


def write_run_files(
    config: AnyTrainConfig, out: Path, train_set: FlowEventDataset, val_set: FlowEventDataset
) -> None:
    """Writes ``config.yaml`` (resolved), ``split.json`` and ``provenance.json``."""
    split = {"train": _hashes(train_set), "val": _hashes(val_set)}
    with whole_folder(out) as scratch:
        write_yaml(scratch / "config.yaml", config.model_dump())
        (scratch / "split.json").write_text(json.dumps(split, indent=1) + "\n", encoding="utf-8")
        (scratch / "provenance.json").write_text(json.dumps(provenance()) + "\n", encoding="utf-8")


def publish(
    config: AnyTrainConfig,
    model: EventModel,
    out: Path,
    train_set: FlowEventDataset,
    val_runs: Sequence[LabelledRun],
    wall_s: float,
) -> Path:
    """Writes ``out/checkpoint``: weights, ``config.json`` and ``card.md``."""
    if config.half_precision:
        model = model.half().float()
    errors = free_run_errors(model, val_runs)
    metrics = {
        "val_mean_error": errors.mean_error,
        "val_p90_error": errors.p90_error,
        "val_p99_tail_error": errors.p99_tail_error,
    }
    data = read_yaml(Path(train_set.root) / "config.yaml")
    training = {
        "config_hash": _hash(config.model_dump()),
        "data_hash": _hash(sorted(_hashes(train_set))),
        "seed": config.seed,
        "steps": config.max_steps,
        "wall_s": wall_s,
    }
    metadata = {
        "training": training,
        "training_domain": training_domain(data["scenario"]),
        "licence": _LICENCE,
        "metrics": metrics,
    }
    folder = out / "checkpoint"
    num_runs = {"train": len(train_set), "val": len(val_runs)}
    card = _card(config, data, training, metrics, num_runs)
    save_checkpoint(folder, model.cpu(), metadata, card, config.half_precision)
    return folder


def training_domain(scenario: Mapping[str, Any]) -> dict[str, Any]:
    """What a model has seen, from the scenario block of its data set's configuration.

    Returns:
        The block itself as ``scenario``, and as ``congestion_control`` the kind that stands there,
        or a list where it is drawn from several.
    """
    options = [blocks for _, blocks in scenario_options(scenario)]
    kinds = list(dict.fromkeys(_kinds([blocks["congestion_control"] for blocks in options])))
    return {"congestion_control": kinds if len(kinds) > 1 else kinds[0], "scenario": dict(scenario)}


def _kinds(law: Any) -> Iterator[str]:
    """The kinds that a block, its key ``kind``, or a ``choice`` in place of either can give."""
    if isinstance(law, list):
        for option in law:
            yield from _kinds(option)
    elif isinstance(law, str):
        yield congestion_control(law).kind
    elif "choice" in law:
        yield from _kinds(law["choice"])
    else:
        yield from _kinds(law["kind"])


def _card(
    config: AnyTrainConfig,
    data: dict[str, Any],
    training: dict[str, Any],
    metrics: dict[str, float],
    num_runs: dict[str, int],
) -> str:
    shown = {name: f"{100 * value:.1f} %" for name, value in metrics.items()}
    truth = data.get("truth", _TRUTH)
    return f"""# {config.name}

A {config.model.summary}.

- **Data**: `{data["name"]}`, {num_runs["train"]} runs for training and {num_runs["val"]} for
  validation, labelled by {truth}; hash `{training["data_hash"][:16]}`. Runs and
  seeds of evaluation suites are refused by the data set.
- **Training**: {training["steps"]} optimiser steps, {training["wall_s"] / 60:.0f} minutes, seed
  {training["seed"]}; configuration hash `{training["config_hash"][:16]}`.
{config.notes}- **Errors** of slowdowns on the validation runs, free-running, against
  {truth}: mean error {shown["val_mean_error"]}, p90 error {shown["val_p90_error"]}, p99 tail
  error {shown["val_p99_tail_error"]}.
- **Domain**: `config.json` holds the distribution of scenarios that it has seen. Outside of it,
  expect more error, and check against the packet simulator.
- **Licence**: {_LICENCE}.
"""


def _hashes(dataset: FlowEventDataset) -> list[str]:
    return [dataset.hashes[index] for index in dataset.indices()]


def _hash(value: object) -> str:
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
