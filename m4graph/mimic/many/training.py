"""Trains the network that emits curves on tables that were fitted to small runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch_geometric.data import Batch, HeteroData

from m4graph.core.calls import plain_call
from m4graph.mimic.hetero import pod_graph
from m4graph.mimic.many.config import ManyConfig
from m4graph.mimic.many.tables import FittedTable
from m4graph.mimic.models.graph import Graph, ranges_of
from m4graph.mimic.models.graph_curves import (
    CHANCE_PLACES,
    NUM_NUMBERS,
    PLACES,
    level_weights,
    numbers_of,
)
from m4graph.mimic.models.graph_net import GraphNet
from m4graph.mimic.models.lindley_curve import NUM_KINDS, NUM_LEVELS, NUM_LOADS, NUM_ROLES

_LEAST_STD = 0.05
"""Numbers that hardly differ between tables are not blown up."""

_LONGEST = 10.0
"""Of the number of a wait, so that no sum overflows at first."""


@plain_call
def train(
    config: ManyConfig,
    tables: Sequence[FittedTable],
    report: Callable[[int, float], None] | None = None,
) -> Graph:
    """Trains a model: the same tables and seed give the same bits.

    Args:
        config (ManyConfig): Of the training.
        tables (Sequence[FittedTable]): Its data.
        report (Callable, optional): Told the step and its loss.
    """
    graphs = [_sample(table) for table in tables]
    order = torch.Generator().manual_seed(config.seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        net = GraphNet(config.hidden_channels, config.num_layers)
    _normalise(net, graphs)
    optimiser = torch.optim.AdamW(net.parameters(), config.lr, weight_decay=config.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, config.lr, config.max_steps)
    for step in range(config.max_steps):
        chosen = torch.randperm(len(graphs), generator=order)[: config.batch_size]
        batch = Batch.from_data_list([graphs[index] for index in chosen.tolist()])
        found = loss(net(batch), batch.numbers, batch.weights, net.number_std)
        optimiser.zero_grad()
        found.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
        if report is not None:
            report(step, float(found.detach()))
    ranges = ranges_of([table.inputs.quantities() for table in tables])
    controls = {table.inputs.protocol: table.conditions["congestion_control"] for table in tables}
    return Graph(net, ranges, controls)


def _sample(table: FittedTable) -> HeteroData:
    """A pod's graph with what it is to be told of it."""
    graph = pod_graph(table.inputs)
    numbers = numbers_of(table.curves, table.inputs.packet_ticks(table.ticks_per_ns))
    graph.numbers = torch.from_numpy(numbers[None].astype(np.float32))
    graph.weights = torch.from_numpy(number_weights(table)[None].astype(np.float32))
    return graph


def _normalise(net: GraphNet, graphs: Sequence[HeteroData]) -> None:
    """Sets the means and widths of what goes in and comes out."""
    x = torch.cat([graph["port"].x for graph in graphs])
    net.feature_mean.copy_(x.mean(dim=0))
    net.feature_std.copy_(x.std(dim=0).clamp_min(1e-3))
    numbers = torch.cat([graph.numbers for graph in graphs])
    known = torch.cat([graph.weights for graph in graphs]) > 0
    count = known.sum(dim=0).clamp_min(1)
    mean = (numbers * known).sum(dim=0) / count
    variance = (((numbers - mean) * known) ** 2).sum(dim=0) / count
    net.number_mean.copy_(mean)
    net.number_std.copy_(variance.sqrt().clamp_min(_LEAST_STD))


def number_weights(table: FittedTable) -> NDArray[np.float64]:
    """How much each number counts, float64 ``[NUM_ROLES, NUM_KINDS, NUM_NUMBERS]``: by packets;
    those of a level as much as ports are near it, those of a class of loads a part of that; what
    was not seen, as times between drops where few were, does not.
    """
    weights = np.ones((NUM_ROLES, NUM_KINDS, NUM_NUMBERS))
    of_levels = np.tile(level_weights(NUM_LEVELS), NUM_LOADS) * NUM_LEVELS
    for name in ("wait_ticks", "drop", "mark"):
        weights[..., PLACES[name]] = of_levels
    seen = np.asarray(table.curves["gap_edges"].any(axis=-1))
    for name in ("gap_edges", "drop_again"):
        weights[..., PLACES[name]] = seen[..., None]
    share: NDArray[np.float64] = table.counts / table.counts.sum()
    return weights * share[..., None]


def loss(found: Tensor, wanted: Tensor, weights: Tensor, std: Tensor) -> Tensor:
    """Huber's loss of numbers, cross-entropy of chances, and how far waits are off in all.

    Args:
        found (Tensor): ``[num_graphs, NUM_ROLES, NUM_KINDS, NUM_NUMBERS]``.
        wanted (Tensor): The same, of fitted curves.
        weights (Tensor): The same, as :func:`number_weights` gives them.
        std (Tensor): ``[NUM_ROLES, NUM_KINDS, NUM_NUMBERS]``, the width of each number.
    """
    by_number = torch.nn.functional.smooth_l1_loss(found / std, wanted / std, reduction="none")
    for place in CHANCE_PLACES:
        by_number[..., place] = torch.nn.functional.binary_cross_entropy_with_logits(
            found[..., place], torch.sigmoid(wanted[..., place]), reduction="none"
        )
    return (by_number * weights).sum() / weights.sum() + wait_error(found, wanted, weights)


def wait_error(found: Tensor, wanted: Tensor, weights: Tensor) -> Tensor:
    """The Wasserstein-1 distance of the waits of packets, as a part of what they wait in the mean;
    a mean over graphs.
    """
    place = PLACES["wait_ticks"]
    weight = weights[..., place]
    came = torch.sinh(found[..., place].clamp(max=_LONGEST))
    true = torch.sinh(wanted[..., place])
    off = ((came - true).abs() * weight).sum(dim=(1, 2, 3))
    return (off / (true * weight).sum(dim=(1, 2, 3))).mean()
