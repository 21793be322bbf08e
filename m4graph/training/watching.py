"""What is seen of a training as it goes on, and how long it may take."""

from __future__ import annotations

import time

import lightning
from lightning.pytorch.callbacks import Callback, RichProgressBar

from m4graph.core.progress import is_terminal, say
from m4graph.metrics import SuiteErrors
from m4graph.training.base import EventTraining


class ValidationLines(Callback):
    """Says at every validation, on stderr, how wrong the model is, and how wrong max-min is.

    Args:
        max_steps (int): Optimiser steps of the whole training.
        fluid (SuiteErrors): Errors of the fluid simulator on the validation runs.
    """

    def __init__(self, max_steps: int, fluid: SuiteErrors) -> None:
        self._max_steps = max_steps
        self._fluid = fluid

    def on_validation_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Prints a line, in the first process."""
        assert isinstance(pl_module, EventTraining)
        if trainer.is_global_zero and pl_module.errors is not None:
            self.say(f"step {trainer.global_step} of {self._max_steps}", pl_module.errors)

    def say(self, when: str, errors: SuiteErrors) -> None:
        """Prints the line."""
        say(f"{when}: {spell_errors(errors)}; fluid: {spell_errors(self._fluid)}")


class TimeLimit(Callback):
    """Ends a training after the episode in which its time is over, so that it can be resumed.

    Args:
        seconds (int): How long it may take, from now on.
    """

    def __init__(self, seconds: int) -> None:
        self._end_s = time.monotonic() + seconds

    def on_train_epoch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Tells all processes what the first one's clock says."""
        is_over = time.monotonic() >= self._end_s
        if trainer.strategy.broadcast(is_over):
            trainer.should_stop = True


def progress_bars() -> list[Callback]:
    """A bar on stderr if that is a terminal; elsewhere the lines of validations must do."""
    return [RichProgressBar(console_kwargs={"stderr": True})] if is_terminal() else []


def spell_errors(errors: SuiteErrors) -> str:
    """Spells errors in the words of a table of an evaluation."""
    return (
        f"mean error {100 * errors.mean_error:.1f} %, p90 {100 * errors.p90_error:.1f} %, "
        f"p99 tail {100 * errors.p99_tail_error:.1f} %"
    )
