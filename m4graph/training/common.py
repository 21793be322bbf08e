"""What the configurations of all trainings have in common."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, NonNegativeFloat, PositiveFloat

from m4graph.core.rng import TRAIN_SEEDS
from m4graph.core.schema import StrictModel
from m4graph.core.units import parse_duration_s

Count = Annotated[int, Field(ge=1)]


def _checked_time(text: str | None) -> str | None:
    if text is not None:
        parse_duration_s(text)
    return text


class CommonTrainConfig(StrictModel):
    """A training from labelled runs to a checkpoint; a subclass adds the model and its data.

    Args:
        name (str): Of the checkpoint.
        data (str): Folder of a generated data set, relative to the YAML file.
        seed (int): Of everything that is drawn.
        val_fraction (float): Share of the runs that is kept for validation.
        max_steps (int): Optimiser steps.
        lr (float): Highest learning rate of Adam; after a warm-up it falls to 0 along a cosine.
        warmup_steps (int): Of the learning rate.
        max_grad_norm (float): Longer gradients are cut.
        average_steps (int): Steps over which the weights are averaged, with shares that fall off
            exponentially: the average is validated and published. 1: the last weights.
        start_share (float): Share of the weights that the training started from in those that are
            published; the rest is what it came to. In between, both what the start knew and what
            came is often kept better than at either end (Wortsman et al., "Robust fine-tuning of
            zero-shot models", CVPR 2022). Validations before the end are without it.
        remaining_weight (float): Of the loss on what flows have left.
        queue_weight (float): Of the loss on queues.
        val_every_episodes (int): Episodes between two validations, which run free.
        val_runs (int): Validation runs used each time, at most.
        accelerator (str): For Lightning.
        max_time (str, optional): How long one call may train, as in ``"90s"``, ``"20min"`` or
            ``"1.5h"``: the episode that goes on then is the last. A checkpoint is published as
            usual, and a resumed training has as long again. (default: until ``max_steps``)
        devices (int): Processes that train one model, each on a GPU, or side by side on the CPU. A
            step of the optimiser follows the gradients of all of them.
    """

    name: str = Field(min_length=1, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    data: str = Field(min_length=1)
    seed: int = Field(default=0, ge=0, lt=len(TRAIN_SEEDS))
    val_fraction: float = Field(default=0.05, gt=0, lt=1)
    max_steps: Count
    lr: PositiveFloat
    warmup_steps: int = Field(default=50, ge=0)
    max_grad_norm: PositiveFloat = 1.0
    average_steps: Count = 1
    start_share: float = Field(default=0.0, ge=0, lt=1)
    remaining_weight: NonNegativeFloat
    queue_weight: NonNegativeFloat
    val_every_episodes: Count
    val_runs: Count
    accelerator: Literal["cpu", "gpu", "auto"] = "cpu"
    devices: Count = 1
    max_time: Annotated[str | None, AfterValidator(_checked_time)] = None

    half_precision: ClassVar[bool] = False
    """Whether the published weights are float16."""

    @property
    def max_time_s(self) -> int | None:
        """``max_time`` in seconds."""
        return None if self.max_time is None else parse_duration_s(self.max_time)

    @property
    def notes(self) -> str:
        """Further points for a model's card."""
        return ""
