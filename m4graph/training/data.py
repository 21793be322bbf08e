"""Episodes for training: which runs, along which streams, in an order that the seed fixes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import IterableDataset

from m4graph.core.rng import generator
from m4graph.runs import LabelledRun
from m4graph.simulators.fluid import fluid_fct_ns
from m4graph.training.config import TrainConfig
from m4graph.training.distributed import Process, this_process
from m4graph.training.episode import Episode, Window
from m4graph.training.streams import draw_kind, perturbed_fct_ns


class EpisodeDataset(IterableDataset[Window]):
    """The windows of one episode, which moves on with :attr:`next_episode`.

    Of several processes each has an episode of its own, number ``next_episode * num_processes +
    rank``. Episode ``i`` depends on the seed and on ``i`` only; what happens in its free runs
    depends on the model, too.

    Args:
        runs (list of LabelledRun): The training runs.
        config (TrainConfig): Shares of the streams, sizes, seed.
    """

    def __init__(self, runs: Sequence[LabelledRun], config: TrainConfig) -> None:
        self.next_episode = 0
        self._runs = runs
        self._config = config
        self._fluid_fct_ns: dict[int, NDArray[np.int64]] = {}

    def __iter__(self) -> Iterator[Window]:
        return self.windows(this_process())

    def windows(self, process: Process) -> Iterator[Window]:
        """The windows of one process, as many as the others have; the last may be empty."""
        first = self.next_episode * process.num_processes
        draws = [self._draw(first + rank) for rank in range(process.num_processes)]
        random, chosen = draws[process.rank]
        is_blank = self.next_episode < self._config.blank_episodes
        departures = [self._departures(index, random, is_blank) for index in chosen]
        episode = Episode(
            [self._runs[index] for index in chosen],
            departures,
            self._config.model.scope,
            self._config.supervision == "departing",
            self._lanes(chosen),
        )
        num_steps = self._config.steps_per_window
        # Every flow arrives and leaves once, whoever decides when.
        length = 2 * max(self._num_flows_followed(chosen) for _, chosen in draws)
        for start in range(0, length, num_steps):
            yield Window(episode, num_steps, start == 0, is_blank)

    def _draw(self, number: int) -> tuple[np.random.Generator, list[int]]:
        """The runs of an episode, and the generator that draws the rest of it."""
        random = generator(self._config.seed, "episode", number)
        count = min(self._config.runs_per_episode, len(self._runs))
        return random, [int(i) for i in random.choice(len(self._runs), count, replace=False)]

    def _lanes(self, chosen: Sequence[int]) -> list[list[int]]:
        """Shares the runs of an episode out to lanes of about as many flows each, longest first."""
        num_flows = [self._runs[index].network.num_flows for index in chosen]
        lanes: list[list[int]] = [
            [] for _ in range(min(self._config.lanes or len(chosen), len(chosen)))
        ]
        loads = [0] * len(lanes)
        for place in sorted(range(len(chosen)), key=lambda place: -num_flows[place]):
            lane = loads.index(min(loads))
            lanes[lane].append(place)
            loads[lane] += num_flows[place]
        return lanes

    def _num_flows_followed(self, chosen: Sequence[int]) -> int:
        """Flows of a lane up to the end of an episode.

        Lanes that are filled up end together, but for one with a run as long as many others, which
        nobody waits for: steps of that run alone would be few flows, and all of one kind.
        """
        num_flows = [self._runs[index].network.num_flows for index in chosen]
        loads = [sum(num_flows[place] for place in lane) for lane in self._lanes(chosen)]
        return max(loads) if self._config.lanes is None else int(np.median(loads))

    def _departures(
        self, index: int, random: np.random.Generator, given: bool
    ) -> NDArray[np.int64] | None:
        shares = self._config.streams.model_dump(exclude={"free"} if given else None)
        kind = draw_kind(random, shares) if any(shares.values()) else "exact"
        run = self._runs[index]
        if kind == "free":
            return None
        if kind == "exact":
            return run.fct_ns
        if kind == "fluid":
            return self._fluid(index)
        return perturbed_fct_ns(run, kind, random)

    def _fluid(self, index: int) -> NDArray[np.int64]:
        if index not in self._fluid_fct_ns:
            self._fluid_fct_ns[index] = fluid_fct_ns(self._runs[index].network)
        return self._fluid_fct_ns[index]
