"""The training of a :class:`~m4graph.nn.PaperModel` in Lightning."""

from __future__ import annotations

import math
import time
from typing import Any, cast

import lightning
import torch
from lightning.pytorch.core.optimizer import LightningOptimizer
from torch.optim.lr_scheduler import LambdaLR

from m4graph.graph import LabelledRun
from m4graph.nn import PaperModel
from m4graph.training.paper.config import PaperTrainConfig
from m4graph.training.paper.data import PeriodBatch, PeriodDataset
from m4graph.training.paper.losses import PaperLosses, backward_through
from m4graph.training.rollout import free_run_errors

_PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16}


class PaperTraining(lightning.LightningModule):
    """One optimiser step a batch of busy periods; validation runs free on whole runs.

    Args:
        config (PaperTrainConfig): Everything that shapes the training.
        data (PeriodDataset): Where the batches come from; its position is part of a checkpoint.
    """

    def __init__(self, config: PaperTrainConfig, data: PeriodDataset) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.model = PaperModel(**config.model.model_dump(exclude={"kind"}))
        self._config = config
        self._data = data
        self._losses = PaperLosses(config.remaining_weight, config.queue_weight)
        self._has_trained = False
        self.elapsed_s = 0.0
        self._since = time.monotonic()

    def configure_optimizers(self) -> Any:
        """Adam, with a warm-up and then a cosine down to 0."""
        optimizer = torch.optim.Adam(self.model.parameters(), lr=self._config.lr)
        schedule = LambdaLR(optimizer, self._lr_factor)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule}}

    def transfer_batch_to_device(
        self, batch: Any, device: torch.device, dataloader_idx: int
    ) -> Any:
        """Leaves runs where they are."""
        return batch

    def training_step(self, batch: PeriodBatch, batch_idx: int) -> None:
        """Goes through a batch, back again, and takes an optimiser step."""
        self._has_trained = True
        # Lightning gives lists only where configure_optimizers gives several.
        optimizer = cast(LightningOptimizer, self.optimizers())
        schedule = cast(LambdaLR, self.lr_schedulers())
        optimizer.zero_grad()
        torch.manual_seed(batch.seed)  # of the dropout; the trainer has forked the generator
        errors = backward_through(
            self.model,
            batch.periods,
            self._losses,
            self._config.events_per_window,
            _PRECISIONS[self._config.precision],
        )
        self.clip_gradients(optimizer.optimizer, self._config.max_grad_norm, "norm")
        optimizer.step()
        schedule.step()
        self.log("loss", errors.loss, prog_bar=True)
        self.log("slowdown_error", errors.slowdown, prog_bar=True)
        self.log("remaining_error", errors.remaining)
        self.log("queue_error", errors.queue)
        self.log("num_events", float(sum(period.num_events for period in batch.periods)))
        self.log("lr", schedule.get_last_lr()[0])
        now = time.monotonic()
        self.elapsed_s += now - self._since
        self._since = now

    def on_train_epoch_end(self) -> None:
        """Goes on to the next episode."""
        # Lightning repeats the end of the last epoch when it resumes.
        if self._has_trained:
            self._data.next_episode += 1

    def validation_step(self, runs: list[LabelledRun], batch_idx: int) -> None:
        """Errors of the model running free."""
        errors = free_run_errors(self.model, runs)
        self.log("val_mean_error", errors.mean_error, prog_bar=True, batch_size=1)
        self.log("val_p90_error", errors.p90_error, prog_bar=True, batch_size=1)
        self.log("val_p99_tail_error", errors.p99_tail_error, batch_size=1)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Adds where the data stand, so that a resumed training goes on as if not interrupted."""
        checkpoint["next_episode"] = self._data.next_episode
        checkpoint["elapsed_s"] = self.elapsed_s

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Puts the data back to where they stood."""
        self._data.next_episode = checkpoint["next_episode"]
        self.elapsed_s = checkpoint["elapsed_s"]
        self._since = time.monotonic()

    def _lr_factor(self, step: int) -> float:
        config = self._config
        if step < config.warmup_steps:
            return (step + 1) / config.warmup_steps
        progress = (step - config.warmup_steps) / max(config.max_steps - config.warmup_steps, 1)
        return 0.5 * (1.0 + math.cos(math.pi * min(progress, 1.0)))
