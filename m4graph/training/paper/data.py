"""Batches of busy periods, balanced over lengths, in an order that the seed fixes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import IterableDataset

from m4graph.core.errors import InputError
from m4graph.core.rng import generator
from m4graph.runs import LabelledRun
from m4graph.training.distributed import this_process
from m4graph.training.paper.config import PaperTrainConfig
from m4graph.training.paper.periods import split_run

LENGTH_BINS = (2, 4, 6, 8, 10, 15, 20, 30, 40, 50, 75, 100, 200)
"""Lower ends, in flows, of the lengths that are drawn equally often."""


@dataclass(frozen=True, eq=False)
class PeriodBatch:
    """Busy periods for one step of the optimiser, and a seed for its dropout."""

    periods: list[LabelledRun]
    seed: int


class PeriodDataset(IterableDataset[PeriodBatch]):
    """The batches of one episode, the one of number :attr:`next_episode`.

    The periods are drawn once; all of them come up once before one comes up again. A batch holds
    periods of like lengths, as they go through their events side by side. Several processes take
    the batches in turn.

    Args:
        runs (list of LabelledRun): The training runs.
        config (PaperTrainConfig): Sizes, seed.

    Raises:
        InputError: If the runs have no busy period that can be used.
    """

    def __init__(self, runs: Sequence[LabelledRun], config: PaperTrainConfig) -> None:
        self.next_episode = 0
        self._config = config
        found = [
            period
            for run in runs
            for period in split_run(run, LENGTH_BINS[0], config.max_flows, config.max_active)
        ]
        if not found:
            raise InputError(
                f"data: expected busy periods of {LENGTH_BINS[0]} to {config.max_flows} flows "
                "(got none)"
            )
        random = generator(config.seed, "busy periods")
        self.periods = [
            found[i] for i in draw_balanced(_lengths(found), config.num_periods, random)
        ]

    def __iter__(self) -> Iterator[PeriodBatch]:
        count = self._config.batches_per_episode
        rank, num_processes = this_process()
        for number in range(self.next_episode * count, (self.next_episode + 1) * count):
            yield self.batch(number * num_processes + rank)

    def batch(self, number: int) -> PeriodBatch:
        """Batch ``number`` of the training."""
        size = self._config.periods_per_batch
        per_pass = -(-len(self.periods) // size)
        random = generator(self._config.seed, "pass", number // per_pass)
        # Like lengths together: sorted, with ties and where batches begin left to chance.
        lengths = _lengths(self.periods)
        order = np.lexsort((random.random(len(lengths)), lengths))
        order = np.roll(order, int(random.integers(size)))
        group = int(random.permutation(per_pass)[number % per_pass])
        chosen = order[group * size : (group + 1) * size]
        seed = int(generator(self._config.seed, "dropout", number).integers(2**62))
        return PeriodBatch([self.periods[i] for i in chosen], seed)


def draw_balanced(
    lengths: NDArray[np.int64], count: int, random: np.random.Generator
) -> NDArray[np.int64]:
    """Draws without replacement, so that each of :data:`LENGTH_BINS` has an equal chance.

    Args:
        lengths (np.ndarray): Numbers of flows, int64 ``[num_periods]``.
        count (int): How many to draw, at most.
        random (np.random.Generator): Source of the draw.

    Returns:
        Their numbers, ascending.
    """
    bins = np.digitize(lengths, LENGTH_BINS)
    weight = 1.0 / np.bincount(bins)[bins]
    drawn = random.choice(
        len(lengths), min(count, len(lengths)), replace=False, p=weight / weight.sum()
    )
    return np.sort(drawn)


def _lengths(periods: Sequence[LabelledRun]) -> NDArray[np.int64]:
    return np.array([period.network.num_flows for period in periods])
