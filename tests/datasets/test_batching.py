from __future__ import annotations

import time

import numpy as np
import pytest
from torch_geometric.loader import DataLoader

from m4graph.core.errors import ConfigError
from m4graph.datasets import FlowEventDataset, NodeBudgetSampler, SnapshotDataset


class Sizes:
    """Stands in for a data set: graphs of given sizes, none of which may be read."""

    def __init__(self, sizes):
        self.sizes = np.asarray(sizes)

    def item_num_nodes(self):
        return self.sizes


def batches(sizes, max_nodes, **arguments):
    return list(NodeBudgetSampler(Sizes(sizes), max_nodes, **arguments))


def test_as_many_as_fit():
    assert batches([3, 3, 4, 1, 9, 2, 12, 1], 10) == [[0, 1, 2], [3, 4], [5], [6], [7]]
    assert batches([], 10) == []


def test_epochs_and_seeds():
    sizes = np.arange(1, 200)
    sampler = NodeBudgetSampler(Sizes(sizes), 500, shuffle=True, seed=3)
    first, second = list(sampler), list(sampler)
    assert first != second
    for epoch in (first, second):
        assert sorted(index for batch in epoch for index in batch) == list(range(199))
        assert max(sizes[batch].sum() for batch in epoch) <= 500
    sampler.set_epoch(1)
    assert len(sampler) == len(second)
    assert list(sampler) == second
    assert batches(sizes, 500, shuffle=True, seed=3) == first
    assert batches(sizes, 500, shuffle=True, seed=4) != first


def test_a_million_graphs():
    sampler = NodeBudgetSampler(Sizes(np.full(10**6, 7)), 7000, shuffle=True)
    started = time.process_time()
    assert len(sampler) == len(list(sampler)) == 1000
    assert time.process_time() - started < 5


def test_sizes_are_those_of_the_graphs(root):
    for dataset in (SnapshotDataset(root), FlowEventDataset(root)):
        sizes = [data.num_nodes for data in dataset]
        assert dataset.item_num_nodes().tolist() == sizes
        part = dataset[1::2]
        assert part.item_num_nodes().tolist() == sizes[1::2]


def test_loader(root):
    _, val = SnapshotDataset(root).split(0.5)
    sampler = NodeBudgetSampler(val, max_nodes=60, shuffle=True)
    loaded = list(DataLoader(val, batch_sampler=sampler))
    assert sum(batch.num_graphs for batch in loaded) == len(val) == 80
    assert all(batch.num_nodes <= 60 for batch in loaded)


def test_bad_budget():
    with pytest.raises(ConfigError, match=r"max_nodes: expected at least 1 \(got 0\)"):
        batches([1], 0)
