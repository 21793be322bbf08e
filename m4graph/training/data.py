"""Episodes for training: which runs, along which streams, in an order that the seed fixes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import IterableDataset

from m4graph.graph import LabelledRun, event_stream
from m4graph.rng import generator
from m4graph.training.config import TrainConfig
from m4graph.training.episode import Episode, Window
from m4graph.training.fluid import fluid_fct_ns
from m4graph.training.streams import draw_kind, perturbed_fct_ns


class EpisodeDataset(IterableDataset[Window]):
    """The windows of one episode, the one of number :attr:`next_episode`.

    Episode ``i`` depends on the seed, on ``i``, and on the departures that the model itself has
    predicted so far (:attr:`own_fct_ns`), on nothing else.

    Args:
        runs (list of LabelledRun): The training runs.
        config (TrainConfig): Shares of the streams, sizes, seed.
    """

    def __init__(self, runs: Sequence[LabelledRun], config: TrainConfig) -> None:
        self.runs = runs
        self.next_episode = 0
        self.own_fct_ns: dict[int, NDArray[np.int64]] = {}
        self._config = config
        self._fluid_fct_ns = [fluid_fct_ns(run.network) for run in runs]

    def __iter__(self) -> Iterator[Window]:
        yield from self._episode().windows(self._config.steps_per_window)

    def draw_own(self) -> list[int]:
        """The runs that the model should simulate next, for ``own`` streams."""
        random = generator(self._config.seed, "own", self.next_episode)
        count = min(self._config.own_runs, len(self.runs))
        return [int(i) for i in random.choice(len(self.runs), count, replace=False)]

    def _episode(self) -> Episode:
        random = generator(self._config.seed, "episode", self.next_episode)
        count = min(self._config.runs_per_episode, len(self.runs))
        chosen = [int(i) for i in random.choice(len(self.runs), count, replace=False)]
        streams = [self._stream(index, random) for index in chosen]
        return Episode([self.runs[index] for index in chosen], streams)

    def _stream(self, index: int, random: np.random.Generator) -> NDArray[np.void] | None:
        kind = draw_kind(random, self._config.streams.model_dump())
        run = self.runs[index]
        if kind == "true":
            return None
        if kind == "fluid":
            return event_stream(run.network, self._fluid_fct_ns[index])
        if kind == "own" and index in self.own_fct_ns:
            return event_stream(run.network, self.own_fct_ns[index])
        # Until the model has simulated a run, noise stands for its errors.
        perturbation = "scaled" if kind == "scaled" else "noise"
        return event_stream(run.network, perturbed_fct_ns(run, perturbation, random))
