"""Episodes for training: which runs, along which streams, in an order that the seed fixes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import IterableDataset

from m4graph.core.rng import generator
from m4graph.runs import FlowNetwork, LabelledRun
from m4graph.simulators.fluid import fluid_fct_ns
from m4graph.training.config import TrainConfig
from m4graph.training.distributed import Process, this_process
from m4graph.training.episode import Episode, Window
from m4graph.training.streams import draw_kind, perturbed_fct_ns

RollOut = Callable[[Sequence[FlowNetwork]], list[NDArray[np.int64]]]


class EpisodeDataset(IterableDataset[Window]):
    """The windows of one episode, which moves on with :attr:`next_episode`.

    Of several processes each has an episode of its own, number ``next_episode * num_processes +
    rank``. Episode ``i`` depends on the seed and on ``i`` only; what happens in its free runs
    depends on the model, too.

    Args:
        runs (list of LabelledRun): The training runs.
        config (TrainConfig): Shares of the streams, sizes, seed.

    Attributes:
        roll_out (Callable, optional): What the model's FCTs are in networks, on blank states; set
            by the training whose model it is. (default: ``None``)
    """

    def __init__(self, runs: Sequence[LabelledRun], config: TrainConfig) -> None:
        self.next_episode = 0
        self.roll_out: RollOut | None = None
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
        departures = [self._departures(index, random) for index in chosen]
        if is_blank:
            self._give_free_departures(chosen, departures)
        episode = Episode(
            [self._runs[index] for index in chosen],
            departures,
            self._config.model.scope,
            self._config.supervision == "departing",
            self._lanes(chosen),
            self._config.run_weight,
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

    def _give_free_departures(
        self, chosen: Sequence[int], departures: list[NDArray[np.int64] | None]
    ) -> None:
        """Those of free runs, as the model has them when an episode on blank states begins."""
        free = [place for place, fct_ns in enumerate(departures) if fct_ns is None]
        networks = [self._runs[chosen[place]].network for place in free]
        assert self.roll_out is not None
        for place, fct_ns in zip(free, self.roll_out(networks), strict=True):
            departures[place] = fct_ns

    def _departures(self, index: int, random: np.random.Generator) -> NDArray[np.int64] | None:
        kind = draw_kind(random, self._config.streams.model_dump())
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
