"""From a configuration and a data set to a checkpoint."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import lightning
import torch
from lightning.pytorch.callbacks import ModelCheckpoint, RichProgressBar
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from torch.utils.data import DataLoader, Dataset, IterableDataset

from m4graph.core.errors import InputError
from m4graph.core.files import check_output_folder
from m4graph.datasets import FlowEventDataset
from m4graph.runs import LabelledRun
from m4graph.training.checkpoints import EpisodeCheckpoint, WholeCheckpointIO, load_training
from m4graph.training.config import AnyTrainConfig
from m4graph.training.data import EpisodeDataset
from m4graph.training.distributed import EventStrategy, quiet
from m4graph.training.module import FlowLinkTraining
from m4graph.training.paper.config import PaperTrainConfig
from m4graph.training.paper.data import PeriodDataset
from m4graph.training.paper.module import PaperTraining
from m4graph.training.publish import publish, write_run_files
from m4graph.training.rollout import free_run_errors

# Lightning greets with hardware and advertisements.
logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)

Training = FlowLinkTraining | PaperTraining

_LAST = "last.ckpt"
_MONITORED = "val_mean_error"
_PATIENCE_S = 1.0


def train(config: AnyTrainConfig, data: str | Path, out: str | Path, resume: bool = False) -> Path:
    """Trains a model, or goes on with a training that was interrupted.

    Every episode ends with ``last.ckpt``; a resumed training repeats the episode that was cut
    short, and then gives the same weights as one that was never interrupted.

    Args:
        config (TrainConfig or PaperTrainConfig): Everything that shapes the training.
        data (str or Path): Folder of a generated data set.
        out (str or Path): Folder for logs, training checkpoints and the published checkpoint.
        resume (bool, optional): Go on from ``out/last.ckpt``. (default: ``False``)

    Returns:
        The folder of the published checkpoint.

    Raises:
        InputError: If the data set is missing, ``out`` holds another training, or there is nothing
            to resume, or only what is damaged.
    """
    out = Path(out)
    check_output_folder(out)
    last = _last_checkpoint(out, resume)
    dataset = FlowEventDataset(data)
    train_set, val_set = dataset.split(config.val_fraction, config.seed)
    val_set = val_set[: config.val_runs]
    out.mkdir(parents=True, exist_ok=True)
    write_run_files(config, out, train_set, val_set)
    val_runs = _runs(val_set)
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        module, episodes = _module_and_episodes(config, _runs(train_set))
        best = ModelCheckpoint(out, "best", monitor=_MONITORED, enable_version_counter=False)
        trainer = _trainer(config, out, best)
        # For a DataLoader, all that has a length and items is a data set.
        validation = cast(Dataset[list[LabelledRun]], [val_runs])
        loaders = (DataLoader(episodes, batch_size=None), DataLoader(validation, batch_size=None))
        _fit(trainer, module, loaders, last)
    _recover(module, best, out / _LAST)
    module.eval()
    _take_best(module, best, val_runs)
    return publish(config, module.model, out, train_set, val_runs, module.elapsed_s)


def _module_and_episodes(
    config: AnyTrainConfig, runs: Sequence[LabelledRun]
) -> tuple[Training, IterableDataset[Any]]:
    if isinstance(config, PaperTrainConfig):
        periods = PeriodDataset(runs, config)
        return PaperTraining(config, periods), periods
    episodes = EpisodeDataset(runs, config)
    return FlowLinkTraining(config, episodes), episodes


def _fit(
    trainer: lightning.Trainer,
    module: Training,
    loaders: tuple[DataLoader[Any], DataLoader[Any]],
    last: Path | None,
) -> None:
    with warnings.catch_warnings(), _quiet_log_writers():
        quiet()
        try:
            trainer.fit(module, *loaders, ckpt_path=last, weights_only=True)
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


def _trainer(config: AnyTrainConfig, out: Path, best: ModelCheckpoint) -> lightning.Trainer:
    return lightning.Trainer(
        accelerator=config.accelerator,
        devices=config.devices,
        strategy=EventStrategy() if config.devices > 1 else "auto",
        use_distributed_sampler=False,  # training data are shared out by number
        max_steps=config.max_steps,
        max_epochs=config.max_steps,  # an episode has at least one step
        check_val_every_n_epoch=config.val_every_episodes,
        num_sanity_val_steps=0,
        log_every_n_steps=10,
        plugins=[WholeCheckpointIO()],
        callbacks=[best, EpisodeCheckpoint(out / _LAST), RichProgressBar()],
        logger=[TensorBoardLogger(out, name="logs", version=""), CSVLogger(out, "csv")],
        enable_model_summary=False,
    )


def _runs(dataset: FlowEventDataset) -> list[LabelledRun]:
    return [dataset.run(index) for index in range(len(dataset))]


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


def _recover(module: Training, best: ModelCheckpoint, last: Path) -> None:
    """Takes over what other processes know, from the file that they leave."""
    saved = load_training(last)
    best.load_state_dict(saved["callbacks"][best.state_key])
    module.elapsed_s = saved["elapsed_s"]


def _take_best(module: Training, best: ModelCheckpoint, val_runs: Sequence[LabelledRun]) -> None:
    """Puts the weights of the best validation into the model, unless the last ones are better."""
    final = free_run_errors(module.model, val_runs).mean_error
    score = best.best_model_score
    if not best.best_model_path or score is None or final <= float(score):
        return
    saved = load_training(Path(best.best_model_path))
    module.load_state_dict(saved["state_dict"])
