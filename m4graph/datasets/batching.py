"""Batches of graphs of different sizes, each with about as many nodes as the others."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Sampler

from m4graph.core.calls import plain_call
from m4graph.core.errors import ConfigError
from m4graph.core.rng import generator
from m4graph.datasets.run_dataset import RunDataset


@plain_call
class NodeBudgetSampler(Sampler[list[int]]):
    r"""Batches of as many graphs as fit into a budget of nodes.

    As :class:`torch_geometric.loader.DynamicBatchSampler`, but it reads no graph to know its size,
    and the seed and the epoch alone decide the order. Each pass is the next epoch. ::

        sampler = NodeBudgetSampler(dataset, max_nodes=10_000, shuffle=True)
        loader = DataLoader(dataset, batch_sampler=sampler)

    Args:
        dataset (RunDataset): What to sample from.
        max_nodes (int): Nodes of a batch at most; a graph that has more is a batch of its own.
        shuffle (bool): Another order in each epoch. (default: ``False``)
        seed (int): Of the orders. (default: ``0``)

    Raises:
        ConfigError: If the budget is below 1.
    """

    def __init__(
        self, dataset: RunDataset, max_nodes: int, shuffle: bool = False, seed: int = 0
    ) -> None:
        if max_nodes < 1:
            raise ConfigError(f"max_nodes: expected at least 1 (got {max_nodes})")
        self._num_nodes = dataset.item_num_nodes()
        self._max_nodes = max_nodes
        self._shuffle = shuffle
        self._seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Sets which epoch the next pass is, to go on where another process stopped.

        Args:
            epoch (int): From 0.
        """
        self.epoch = epoch

    def __iter__(self) -> Iterator[list[int]]:
        order = self._order()
        bounds = self._bounds(order)
        self.epoch += 1
        for start, end in pairwise(bounds):
            yield order[start:end].tolist()

    def __len__(self) -> int:
        """Batches of the next pass."""
        return len(self._bounds(self._order())) - 1

    def _order(self) -> NDArray[np.int64]:
        order = np.arange(len(self._num_nodes))
        if self._shuffle:
            generator(self._seed, "batches", self.epoch).shuffle(order)
        return order

    def _bounds(self, order: NDArray[np.int64]) -> list[int]:
        """Where batches begin in an order, and its end."""
        total = np.cumsum(self._num_nodes[order])
        bounds, used = [0], 0
        while bounds[-1] < len(order):
            fit = int(np.searchsorted(total, used + self._max_nodes, side="right"))
            bounds.append(max(fit, bounds[-1] + 1))
            used = int(total[bounds[-1] - 1])
        return bounds
