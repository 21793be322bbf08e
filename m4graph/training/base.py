"""What the trainings of all models share: optimiser, validation, saving, in Lightning."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from functools import partial
from typing import Any, Protocol, cast

import lightning
import torch
from lightning.pytorch.core.optimizer import LightningOptimizer
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import AveragedModel

from m4graph.metrics import SuiteErrors
from m4graph.nn import EventModel
from m4graph.runs import LabelledRun
from m4graph.training.common import CommonTrainConfig
from m4graph.training.distributed import add_up
from m4graph.training.rollout import free_run_errors


class Episodes(Protocol):
    """Where training data come from."""

    next_episode: int


class EventTraining(lightning.LightningModule):
    """Trains a model of flow events; validation runs free on runs that training never sees.

    A subclass has a ``training_step`` that adds up gradients and calls :meth:`_take_step`, in every
    process as often as in any other.

    Args:
        model (FlowLinkModel or PaperModel): The model.
        config (CommonTrainConfig): Of the optimiser.
        data (Episodes): Its position is part of a checkpoint.
    """

    def __init__(self, model: EventModel, config: CommonTrainConfig, data: Episodes) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.model = model
        self._average: AveragedModel | None = None
        if config.average_steps > 1:
            blend = partial(_blend, 1.0 / config.average_steps)
            self._average = AveragedModel(model, multi_avg_fn=blend)
        self._config = config
        self._data = data
        self.errors: SuiteErrors | None = None
        self.elapsed_s = 0.0
        self._since = time.monotonic()

    @property
    def averaged_model(self) -> EventModel:
        """The model with its weights averaged over the latest steps."""
        return self.model if self._average is None else cast(EventModel, self._average.module)

    def configure_optimizers(self) -> Any:
        """Adam, with a warm-up and then a cosine down to 0."""
        optimizer = torch.optim.Adam(self.model.parameters(), lr=self._config.lr)
        schedule = LambdaLR(optimizer, self._lr_factor)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule}}

    def on_train_epoch_end(self) -> None:
        """Goes on to the next episode."""
        self._data.next_episode += 1

    def validation_step(self, runs: list[LabelledRun], batch_idx: int) -> None:
        """Errors of the model running free, the same in every process."""
        errors = free_run_errors(self.averaged_model, runs)
        self.errors = errors
        shown = {"val_mean_error": errors.mean_error, "val_p90_error": errors.p90_error}
        self.log_dict(shown, prog_bar=True, batch_size=1, sync_dist=True)
        self.log("val_p99_tail_error", errors.p99_tail_error, batch_size=1, sync_dist=True)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Adds where the data stand, so that a resumed training goes on as if not interrupted."""
        checkpoint["next_episode"] = self._data.next_episode
        checkpoint["elapsed_s"] = self.elapsed_s

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Puts the data, and Lightning's loops, back to where they stood."""
        self._data.next_episode = checkpoint["next_episode"]
        self.elapsed_s = checkpoint["elapsed_s"]
        self._since = time.monotonic()
        _begin_episode(checkpoint["loops"]["fit_loop"], checkpoint["next_episode"])

    def _take_step(self, total: Tensor, weight: Tensor) -> Tensor:
        """Moves the weights along the gradients, which start anew.

        Args:
            total (Tensor): Sum of losses in this process, whose gradients the parameters have.
            weight (Tensor): Sum of their weights; the step follows the mean over all processes.

        Returns:
            That mean.
        """
        add_up(self.model.parameters(), (total, weight))
        weight = weight.clamp_min(1.0)
        for parameter in self.model.parameters():
            if parameter.grad is not None:
                parameter.grad /= weight
        # Lightning gives lists only where configure_optimizers gives several.
        optimizer = cast(LightningOptimizer, self.optimizers())
        schedule = cast(LambdaLR | None, self.lr_schedulers())
        self.clip_gradients(optimizer.optimizer, self._config.max_grad_norm, "norm")
        optimizer.step()
        optimizer.zero_grad()
        if self._average is not None:
            self._average.update_parameters(self.model)
        if schedule is not None:  # A subclass may do without.
            schedule.step()
        self.log("lr", optimizer.param_groups[0]["lr"])
        now = time.monotonic()
        self.elapsed_s += now - self._since
        self._since = now
        return total / weight

    def _lr_factor(self, step: int) -> float:
        config = self._config
        if step < config.warmup_steps:
            return (step + 1) / config.warmup_steps
        progress = (step - config.warmup_steps) / max(config.max_steps - config.warmup_steps, 1)
        return 0.5 * (1.0 + math.cos(math.pi * min(progress, 1.0)))


def _blend(
    share: float, averages: Sequence[Tensor], latest: Sequence[Tensor], num_averaged: Tensor
) -> None:
    """Moves averages towards the latest values; torch's own function cannot go to processes."""
    for average, value in zip(averages, latest, strict=True):
        average.lerp_(value.to(average.dtype), share)


def _begin_episode(loops: dict[str, Any], episode: int) -> None:
    """Has Lightning's loops begin with an episode.

    What they save in an episode's last hook says that it has not ended. From that they would go on
    with its end or not, by whether a validation is due, and validate after other episodes.
    """
    for counts in loops["epoch_progress"].values():
        counts.update(dict.fromkeys(counts, episode))
    batches = loops["epoch_loop.batch_progress"]
    batches["current"] = dict.fromkeys(batches["current"], 0)
    batches["is_last_batch"] = False
