"""The training of a :class:`~m4graph.nn.PaperModel` in Lightning."""

from __future__ import annotations

import torch

from m4graph.core.calls import plain_call
from m4graph.nn import PaperModel
from m4graph.training.base import EventTraining
from m4graph.training.paper.config import PaperTrainConfig
from m4graph.training.paper.data import PeriodBatch, PeriodDataset
from m4graph.training.paper.losses import PaperLosses, backward_through

_PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16}


@plain_call
class PaperTraining(EventTraining):
    """One optimiser step a batch of busy periods.

    Args:
        config (PaperTrainConfig): Everything that shapes the training.
        data (PeriodDataset): Where the batches come from; its position is part of a checkpoint.
        model (PaperModel, optional): To go on with. (default: a new one, as ``config.model`` says)
    """

    model: PaperModel

    def __init__(
        self, config: PaperTrainConfig, data: PeriodDataset, model: PaperModel | None = None
    ) -> None:
        super().__init__(model or PaperModel(**config.model.arguments), config, data)
        self._losses = PaperLosses(config.remaining_weight, config.queue_weight)
        self._events_per_window = config.events_per_window
        self._precision = _PRECISIONS[config.precision]

    def training_step(self, batch: PeriodBatch, batch_idx: int) -> None:
        """Goes through a batch, back again, and takes an optimiser step."""
        torch.manual_seed(batch.seed)  # of the dropout; the trainer has forked the generator
        errors = backward_through(
            self.model, batch.periods, self._losses, self._events_per_window, self._precision
        )
        total, weight = torch.tensor([errors.loss, 1.0], device=self.device)
        loss = self._take_step(total, weight)
        self.log("loss", loss, prog_bar=True)
        self.log("slowdown_error", errors.slowdown, prog_bar=True)
        self.log("remaining_error", errors.remaining)
        self.log("queue_error", errors.queue)
        self.log("num_events", float(sum(period.num_events for period in batch.periods)))
