"""The configuration of a training of the paper's model."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from m4graph.core.rng import TRAIN_SEEDS
from m4graph.core.schema import StrictModel


class PaperModelConfig(StrictModel):
    """Arguments of :class:`m4graph.nn.PaperModel`, with ``kind: m4_paper``."""

    kind: Literal["m4_paper"]
    hidden_channels: int = Field(default=200, ge=4, le=4096)
    gnn_channels: int = Field(default=300, ge=1, le=4096)
    num_layers: int = Field(default=3, ge=1, le=16)
    dropout: float = Field(default=0.2, ge=0, lt=1)

    @property
    def summary(self) -> str:
        """What a model's card says it is."""
        return (
            f"`PaperModel`, the original m4 ({self.hidden_channels} channels, {self.num_layers} "
            f"layers of `SAGEConv` with {self.gnn_channels} between them)"
        )


class PaperTrainConfig(StrictModel):
    """A training as in the m4 paper, from labelled runs to a checkpoint.

    Args:
        name (str): Of the checkpoint.
        data (str): Folder of a generated data set, relative to the YAML file.
        seed (int): Of the initial weights, the choice and the order of busy periods, the dropout.
        val_fraction (float): Share of the runs that is kept for validation.
        max_steps (int): Optimiser steps.
        num_periods (int): Busy periods to train on, drawn from all runs, balanced over lengths.
        max_flows (int): Longer busy periods are left out.
        max_active (int): Busy periods with more flows at once are left out.
        periods_per_batch (int): Busy periods of an optimiser step, of like lengths.
        events_per_window (int): Gradients go back through so many events of a busy period.
        batches_per_episode (int): Batches between two savings of the training.
        lr (float): Highest learning rate of Adam; after a warm-up it falls to 0 along a cosine.
        warmup_steps (int): Of the learning rate.
        max_grad_norm (float): Longer gradients are cut.
        remaining_weight (float): Of the loss on remaining shares.
        queue_weight (float): Of the loss on queues.
        precision (str): ``"bf16"``: matrix products in bfloat16; the states stay in float32.
        val_every_episodes (int): Episodes between two validations, which run free.
        val_runs (int): Validation runs used each time, at most.
        accelerator (str): For Lightning.
        devices (int): Processes that train one model, each on a GPU, or side by side on the CPU. A
            step of the optimiser follows the gradients of all of them.
        model (PaperModelConfig): Which model.
    """

    name: str = Field(min_length=1, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    data: str = Field(min_length=1)
    seed: int = Field(default=0, ge=0, lt=len(TRAIN_SEEDS))
    val_fraction: float = Field(default=0.05, gt=0, lt=1)
    max_steps: int = Field(ge=1)
    num_periods: int = Field(default=4000, ge=1)
    max_flows: int = Field(default=200, ge=2)
    max_active: int = Field(default=149, ge=2)
    periods_per_batch: int = Field(default=8, ge=1)
    events_per_window: int = Field(default=128, ge=1)
    batches_per_episode: int = Field(default=100, ge=1)
    lr: float = Field(default=5e-4, gt=0)
    warmup_steps: int = Field(default=50, ge=0)
    max_grad_norm: float = Field(default=1.0, gt=0)
    remaining_weight: float = Field(default=0.1, ge=0)
    queue_weight: float = Field(default=0.1, ge=0)
    precision: Literal["fp32", "bf16"] = "fp32"
    val_every_episodes: int = Field(default=5, ge=1)
    val_runs: int = Field(default=8, ge=1)
    accelerator: Literal["cpu", "gpu", "auto"] = "cpu"
    devices: int = Field(default=1, ge=1)
    model: PaperModelConfig

    @property
    def notes(self) -> str:
        """Further points for a model's card: how far the training went, beside the original's."""
        return f"""- **Beside the original's training** (4000 busy periods, 27 000 steps of 2 whole
  periods each, learning rate 1e-4, float32): up to {self.num_periods} busy periods of at most
  {self.max_flows} flows, {self.max_steps} steps of {self.periods_per_batch}, gradients through
  {self.events_per_window} events, learning rate {self.lr:g} and a cosine, {self.precision}.
"""
