"""The configuration of a training of the paper's model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat

from m4graph.core.schema import StrictModel
from m4graph.training.common import CommonTrainConfig, Count


class PaperModelConfig(StrictModel):
    """Arguments of :class:`m4graph.nn.PaperModel`, with ``kind: m4_paper``."""

    kind: Literal["m4_paper"]
    hidden_channels: int = Field(default=200, ge=4, le=4096)
    gnn_channels: int = Field(default=300, ge=1, le=4096)
    num_layers: int = Field(default=3, ge=1, le=16)
    dropout: float = Field(default=0.2, ge=0, lt=1)

    @property
    def arguments(self) -> dict[str, Any]:
        """What :class:`m4graph.nn.PaperModel` is made with."""
        return self.model_dump(exclude={"kind"})

    @classmethod
    def of_arguments(cls, arguments: Mapping[str, Any]) -> PaperModelConfig:
        """The other way round: from the ``config`` of a model."""
        return cls(kind="m4_paper", **arguments)

    @property
    def summary(self) -> str:
        """What a model's card says it is."""
        return (
            f"`PaperModel`, the original m4 ({self.hidden_channels} channels, {self.num_layers} "
            f"layers of `SAGEConv` with {self.gnn_channels} between them)"
        )


class PaperTrainConfig(CommonTrainConfig):
    """A training of a :class:`~m4graph.nn.PaperModel` as in the m4 paper.

    Args:
        seed (int): Of the initial weights, the choice and the order of busy periods, the dropout.
        num_periods (int): Busy periods to train on, drawn from all runs, balanced over lengths.
        max_flows (int): Longer busy periods are left out.
        max_active (int): Busy periods with more flows at once are left out.
        periods_per_batch (int): Busy periods of an optimiser step, of like lengths.
        events_per_window (int): Gradients go back through so many events of a busy period.
        batches_per_episode (int): Batches between two savings of the training.
        remaining_weight (float): Of the loss on remaining shares.
        precision (str): ``"bf16"``: matrix products in bfloat16; the states stay in float32.
        model (PaperModelConfig): Which model.
    """

    num_periods: Count = 4000
    max_flows: int = Field(default=200, ge=2)
    max_active: int = Field(default=149, ge=2)
    periods_per_batch: Count = 8
    events_per_window: Count = 128
    batches_per_episode: Count = 100
    lr: PositiveFloat = 5e-4
    remaining_weight: NonNegativeFloat = 0.1
    queue_weight: NonNegativeFloat = 0.1
    precision: Literal["fp32", "bf16"] = "fp32"
    val_every_episodes: Count = 5
    val_runs: Count = 8
    model: PaperModelConfig

    half_precision: ClassVar[bool] = True  # the weights would take 6 MB

    @property
    def notes(self) -> str:
        """Further points for a model's card: how far the training went, beside the original's."""
        return f"""- **Beside the original's training** (4000 busy periods, 27 000 steps of 2 whole
  periods each, learning rate 1e-4, float32): up to {self.num_periods} busy periods of at most
  {self.max_flows} flows, {self.max_steps} steps of {self.periods_per_batch}, gradients through
  {self.events_per_window} events, learning rate {self.lr:g} and a cosine, {self.precision}.
"""
