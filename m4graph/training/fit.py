"""From a configuration and a data set to a checkpoint."""

from __future__ import annotations

import logging
import os
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback, ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger

from m4graph.core.calls import plain_call
from m4graph.core.errors import InputError
from m4graph.core.files import check_output_folder
from m4graph.core.schema import KeyProblem
from m4graph.runs import LabelledRun
from m4graph.training.checkpoints import EpisodeCheckpoint, WholeCheckpointIO, load_training
from m4graph.training.config import AnyTrainConfig
from m4graph.training.data_module import RunDataModule
from m4graph.training.distributed import EventStrategy, quiet
from m4graph.training.module import FlowLinkTraining
from m4graph.training.paper.config import PaperTrainConfig
from m4graph.training.paper.module import PaperTraining
from m4graph.training.publish import CHECKPOINT, publish, write_run_files
from m4graph.training.rollout import fluid_errors, free_run_errors
from m4graph.training.start import Start, start_of
from m4graph.training.watching import TimeLimit, ValidationLines, progress_bars

# Lightning greets with hardware and advertisements.
logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)

Training = FlowLinkTraining | PaperTraining

_LAST = "last.ckpt"
_MONITORED = "val_mean_error"
_PATIENCE_S = 1.0


@plain_call
def train(
    config: AnyTrainConfig,
    data: str | Path,
    out: str | Path,
    resume: bool = False,
    start_from: str | os.PathLike[str] | None = None,
) -> Path:
    """Trains a model, or goes on with a training that was interrupted.

    Every episode ends with ``last.ckpt``; a resumed training repeats the episode that was cut
    short, and then gives the same weights as one that was never interrupted. Before the first step
    and at every validation, a line on stderr tells the errors, and those of the fluid simulator.

    Args:
        config (TrainConfig or PaperTrainConfig): Everything that shapes the training.
        data (str or Path): Folder of a generated or imported data set.
        out (str or Path): Folder for logs, training checkpoints and the published checkpoint.
        resume (bool, optional): Go on from ``out/last.ckpt``. (default: ``False``)
        start_from (str or Path, optional): Start from the weights of this model, as
            :func:`m4graph.load_model` takes it. ``config.model`` may leave out what is the model's
            own. A resumed training knows it. (default: new weights)

    Returns:
        The folder of the published checkpoint.

    Raises:
        InputError: If the data set is missing, ``out`` holds another training, there is nothing
            to resume, or only what is damaged, ``config.model`` is not the model to start from, or
            there is none that ``config.start_share`` is of.
    """
    out = Path(out)
    check_output_folder(out)
    last = _last_checkpoint(out, resume)
    start = start_of(out, start_from, resume)
    if start is not None:
        config = start.complete(config)
    runs = RunDataModule(config, data)
    if start is None and config.start_share:
        raise KeyProblem("start_share", "expected a model to start from, as by --from (got none)")
    out.mkdir(parents=True, exist_ok=True)
    write_run_files(config, out, runs.train_set, runs.val_set, start)
    lines = ValidationLines(config.max_steps, fluid_errors(runs.val_runs))
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        module = _module(config, runs, start)
        best = ModelCheckpoint(out, "best", monitor=_MONITORED, enable_version_counter=False)
        _fit(_trainer(config, out, [best, lines]), module, runs, last)
    num_steps = _recover(module, best, out / _LAST)
    module.eval()
    _take_best(module, best, runs.val_runs)
    if start is not None:
        start.blend_into(module.averaged_model, config.start_share)
    errors = publish(config, module.averaged_model, out, runs, module.elapsed_s, num_steps, start)
    lines.say(f"after {num_steps} steps, the best", errors)
    return out / CHECKPOINT


def _module(config: AnyTrainConfig, runs: RunDataModule, start: Start | None) -> Training:
    model: Any = start.model_for(config) if start is not None else None
    episodes: Any = runs.episodes
    if isinstance(config, PaperTrainConfig):
        return PaperTraining(config, episodes, model)
    return FlowLinkTraining(config, episodes, model)


def _fit(
    trainer: lightning.Trainer, module: Training, runs: RunDataModule, last: Path | None
) -> None:
    with warnings.catch_warnings(), _quiet_log_writers():
        quiet()
        try:
            trainer.fit(module, datamodule=runs, ckpt_path=last, weights_only=True)
        except SystemExit:
            # Lightning ends the process on Ctrl-C; our callers decide that themselves.
            raise KeyboardInterrupt from None


@contextmanager
def _quiet_log_writers() -> Iterator[None]:
    """Hides the tracebacks of TensorBoard's threads, whose errors the main thread raises, too."""
    hook, others = threading.excepthook, set(threading.enumerate())

    def hide(failure: threading.ExceptHookArgs) -> None:
        if not isinstance(failure.exc_value, OSError):
            hook(failure)

    threading.excepthook = hide
    try:
        yield
    except OSError:
        for thread in set(threading.enumerate()) - others:
            thread.join(_PATIENCE_S)
        raise
    finally:
        threading.excepthook = hook


def _trainer(config: AnyTrainConfig, out: Path, callbacks: Sequence[Callback]) -> lightning.Trainer:
    bars = progress_bars()
    limits = [] if config.max_time_s is None else [TimeLimit(config.max_time_s)]
    return lightning.Trainer(
        accelerator=config.accelerator,
        devices=config.devices,
        strategy=EventStrategy() if config.devices > 1 else "auto",
        use_distributed_sampler=False,  # training data are shared out by number
        max_steps=config.max_steps,
        max_epochs=config.max_steps,  # an episode has at least one step
        check_val_every_n_epoch=config.val_every_episodes,
        num_sanity_val_steps=-1,  # where it starts from
        log_every_n_steps=10,
        plugins=[WholeCheckpointIO()],
        callbacks=[*callbacks, *limits, EpisodeCheckpoint(out / _LAST), *bars],
        logger=[TensorBoardLogger(out, name="logs", version=""), CSVLogger(out, "csv")],
        enable_model_summary=False,
        enable_progress_bar=bool(bars),
    )


def _last_checkpoint(out: Path, resume: bool) -> Path | None:
    last = out / _LAST
    if resume and not last.exists():
        raise InputError(f"{last}: expected a training to resume (got no such file)")
    if not resume and last.exists():
        raise InputError(f"{out}: expected a new folder (got a training; go on with --resume)")
    if not resume:
        return None
    load_training(last)
    return last


def _recover(module: Training, best: ModelCheckpoint, last: Path) -> int:
    """Takes over what other processes know, from the file that they leave; gives their steps."""
    saved = load_training(last)
    best.load_state_dict(saved["callbacks"][best.state_key])
    module.elapsed_s = saved["elapsed_s"]
    return int(saved["global_step"])


def _take_best(module: Training, best: ModelCheckpoint, val_runs: Sequence[LabelledRun]) -> None:
    """Puts the weights of the best validation into the model, unless the last ones are better."""
    final = free_run_errors(module.averaged_model, val_runs).mean_error
    score = best.best_model_score
    if not best.best_model_path or score is None or final <= float(score):
        return
    saved = load_training(Path(best.best_model_path))
    module.load_state_dict(saved["state_dict"])
