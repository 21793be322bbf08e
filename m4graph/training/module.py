"""The training of a :class:`~m4graph.nn.FlowLinkModel` in Lightning."""

from __future__ import annotations

from functools import partial
from typing import cast

from torch import Tensor

from m4graph.core.calls import plain_call
from m4graph.nn import FlowLinkModel, Head
from m4graph.training.at_once import backward_at_once
from m4graph.training.base import EventTraining
from m4graph.training.config import TrainConfig
from m4graph.training.data import EpisodeDataset
from m4graph.training.episode import Window
from m4graph.training.losses import StepLosses
from m4graph.training.rollout import blank_fct_ns
from m4graph.training.tape import Tape, backward_through


@plain_call
class FlowLinkTraining(EventTraining):
    """One optimiser step a window.

    Args:
        config (TrainConfig): Everything that shapes the training.
        data (EpisodeDataset): Where the windows come from; its position is part of a checkpoint.
        model (FlowLinkModel, optional): To go on with. (default: a new one, as ``config.model``
            says)
    """

    model: FlowLinkModel

    def __init__(
        self, config: TrainConfig, data: EpisodeDataset, model: FlowLinkModel | None = None
    ) -> None:
        model = model or FlowLinkModel(**config.model.arguments)
        super().__init__(model, config, data)
        heads = cast(dict[str, Head], dict(model.extra_heads.items()))
        self._losses = StepLosses(
            config.remaining_weight,
            config.queue_weight,
            heads,
            config.tail_tilt,
            config.relative_limit,
        )
        self._tape: Tape | None = None
        data.roll_out = partial(blank_fct_ns, model)

    def training_step(self, window: Window, batch_idx: int) -> Tensor:
        """Goes through a window, back again, and takes an optimiser step."""
        if window.is_blank:
            total, weight = backward_at_once(self.model, window, self._losses)
        else:
            if window.is_first or self._tape is None:
                self._tape = Tape(self.model, window.episode)
            total, weight = backward_through(self.model, window, self._tape, self._losses)
        loss = self._take_step(total, weight)
        self.log("loss", loss, prog_bar=True)
        return loss
