"""What a training leaves behind: its configuration, its split, and a checkpoint with a card."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from m4graph.checkpoint import save_checkpoint
from m4graph.core.calls import plain_call
from m4graph.core.files import whole_folder
from m4graph.core.provenance import provenance
from m4graph.core.yaml_file import read_yaml, write_yaml
from m4graph.datasets import FlowEventDataset
from m4graph.datasets.making.config import scenario_options
from m4graph.metrics import SuiteErrors
from m4graph.nn import EventModel
from m4graph.results.quantiles import quantile_name
from m4graph.scenario.congestion import congestion_control
from m4graph.training.calibration import Coverage, calibrate
from m4graph.training.config import AnyTrainConfig
from m4graph.training.data_module import RunDataModule
from m4graph.training.rollout import free_run_errors
from m4graph.training.start import PROVENANCE, Start

CHECKPOINT = "checkpoint"
"""The folder of a training's checkpoint, in its own."""

_LICENCE = "MIT, as m4graph"
_TRUTH = "m4graph's packet simulator"


@plain_call
def write_run_files(
    config: AnyTrainConfig,
    out: Path,
    train_set: FlowEventDataset,
    val_set: FlowEventDataset,
    start: Start | None,
) -> None:
    """Writes ``config.yaml`` (resolved), ``split.json`` and ``provenance.json``."""
    split = {"train": _hashes(train_set), "val": _hashes(val_set)}
    with whole_folder(out) as scratch:
        write_yaml(scratch / "config.yaml", config.model_dump())
        (scratch / "split.json").write_text(json.dumps(split, indent=1) + "\n", encoding="utf-8")
        origin = {**provenance(), "started_from": start.record.model_dump() if start else None}
        (scratch / PROVENANCE).write_text(json.dumps(origin) + "\n", encoding="utf-8")


@plain_call
def publish(
    config: AnyTrainConfig,
    model: EventModel,
    out: Path,
    runs: RunDataModule,
    wall_s: float,
    num_steps: int,
    start: Start | None = None,
) -> SuiteErrors:
    """Writes the folder of the checkpoint: weights, ``config.json`` and ``card.md``.

    Args:
        config (TrainConfig or PaperTrainConfig): Of the training.
        model (FlowLinkModel or PaperModel): What it gave.
        out (Path): Its folder, in which :data:`CHECKPOINT` is made.
        runs (RunDataModule): Its data.
        wall_s (float): Seconds that it took.
        num_steps (int): Optimiser steps that it made.
        start (Start, optional): What it started from. (default: new weights)

    Quantile heads are calibrated first (:func:`.calibrate`), by the validation runs.

    Returns:
        Its errors on the validation runs.
    """
    train_set, val_runs = runs.train_set, runs.val_runs
    if config.half_precision:
        model = model.half().float()
    coverages = calibrate(model, val_runs)
    errors = free_run_errors(model, val_runs)
    metrics = {
        "val_mean_error": errors.mean_error,
        "val_p90_error": errors.p90_error,
        "val_p99_tail_error": errors.p99_tail_error,
        **{each.name: each.after for each in coverages},
    }
    data = read_yaml(Path(train_set.root) / "config.yaml")
    training = {
        "config_hash": _hash(config.model_dump()),
        "data_hash": _hash(sorted(_hashes(train_set))),
        "seed": config.seed,
        "steps": num_steps,
        "wall_s": wall_s,
        "started_from": start.record if start else None,
    }
    metadata = {
        "training": training,
        "training_domain": training_domain(data["scenario"], start.domain if start else None),
        "licence": _LICENCE,
        "metrics": metrics,
        "normalisation": start.normalisation if start else None,
    }
    num_runs = {"train": len(train_set), "val": len(val_runs)}
    card = _card(config, data, training, metrics, num_runs, coverages)
    save_checkpoint(out / CHECKPOINT, model.cpu(), metadata, card, config.half_precision)
    return errors


@plain_call
def training_domain(
    scenario: Mapping[str, Any], before: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """What a model has seen, from the scenario block of its data set's configuration.

    Args:
        scenario (Mapping): That block.
        before (Mapping, optional): The domain of the model that the training started from.
            (default: none)

    Returns:
        The block itself as ``scenario``, and as ``congestion_control`` the kind that stands there,
        or a list where it is drawn from several; those of ``before`` are among them, and all that
        it says stands as ``before``; of a model that had seen this block, too, what it had before.
    """
    blocks: list[Any] = [blocks["congestion_control"] for _, blocks in scenario_options(scenario)]
    if before is not None:
        blocks.append(before.get("congestion_control", []))
    kinds = list(dict.fromkeys(_kinds(blocks)))
    if before is not None and before.get("scenario") == scenario:
        before = before.get("before")
    return {
        "congestion_control": kinds if len(kinds) > 1 else kinds[0],
        "scenario": dict(scenario),
        **({} if before is None else {"before": dict(before)}),
    }


def _kinds(law: Any) -> Iterator[str]:
    """The kinds that a block, its key ``kind``, or a law in place of either can give."""
    if isinstance(law, list):
        for option in law:
            yield from _kinds(option)
    elif isinstance(law, str):
        yield congestion_control(law).kind
    elif "choice" in law:
        yield from _kinds(law["choice"])
    elif "cases" in law:
        yield from _kinds(list(law["cases"].values()))
    else:
        yield from _kinds(law["kind"])


def _card(
    config: AnyTrainConfig,
    data: dict[str, Any],
    training: dict[str, Any],
    metrics: dict[str, float],
    num_runs: dict[str, int],
    coverages: Sequence[Coverage],
) -> str:
    start = training["started_from"]
    origin = f"; started from the weights of `{start.model}`" if start else ""
    if config.start_share:
        origin += f",\n  which are {100 * config.start_share:.0f} % of those published"
    shown = {name: f"{100 * value:.1f} %" for name, value in metrics.items()}
    truth = data.get("truth", _TRUTH)
    covered = _coverage_lines(coverages)
    return f"""# {config.name}

A {config.model.summary}.

- **Data**: `{data["name"]}`, {num_runs["train"]} runs for training and {num_runs["val"]} for
  validation, labelled by {truth}; hash `{training["data_hash"][:16]}`. Runs and
  seeds of evaluation suites are refused by the data set.
- **Training**: {training["steps"]} optimiser steps, {training["wall_s"] / 60:.0f} minutes, seed
  {training["seed"]}; configuration hash `{training["config_hash"][:16]}`{origin}.
{config.notes}- **Errors** of slowdowns on the validation runs, free-running, against
  {truth}: mean error {shown["val_mean_error"]}, p90 error {shown["val_p90_error"]}, p99 tail
  error {shown["val_p99_tail_error"]}.{covered}
- **Domain**: `config.json` holds the distribution of scenarios that it has seen. Outside of it,
  expect more error, and check against the packet simulator.
- **Licence**: {_LICENCE}.
"""


def _coverage_lines(coverages: Sequence[Coverage]) -> str:
    if not coverages:
        return ""
    shares = "; ".join(
        f"{quantile_name(each.level)} {100 * each.after:.1f} % ({100 * each.before:.1f} % before)"
        for each in coverages
    )
    return f"""
- **Quantiles** are calibrated on the validation runs. Flows whose true slowdown is at or below the
  predicted quantile: {shares}."""


def _hashes(dataset: FlowEventDataset) -> list[str]:
    return [dataset.hashes[index] for index in dataset.indices()]


def _hash(value: object) -> str:
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
