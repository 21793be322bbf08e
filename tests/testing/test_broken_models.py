"""Each rule for layers and heads catches a plug-in that is made to break it."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch_geometric.nn import MessagePassing

from m4graph.nn import CONVS, HEADS, Head
from m4graph.testing import ConformanceError, check_conv, check_head


class MeanConv(MessagePassing):
    """A layer that keeps all rules."""

    def __init__(self, in_channels, out_channels):
        super().__init__(aggr="mean")
        self.lin_own = nn.Linear(in_channels[1], out_channels)
        self.lin_src = nn.Linear(in_channels[0], out_channels)

    def forward(self, x, edge_index):
        return self.lin_own(x[1]) + self.propagate(edge_index, x=(self.lin_src(x[0]), x[1]))

    def message(self, x_j):
        return x_j


class Wide(MeanConv):
    def forward(self, x, edge_index):
        return super().forward(x, edge_index).repeat(1, 2)


class Infinite(MeanConv):
    def forward(self, x, edge_index):
        return super().forward(x, edge_index) / (x[1] - x[1])


class Noisy(MeanConv):
    def forward(self, x, edge_index):
        return super().forward(x, edge_index) + torch.rand(1)


class FirstEdgeCounts(MeanConv):
    def message(self, x_j):
        return x_j * torch.arange(len(x_j))[:, None]


class RowNumbers(MeanConv):
    def forward(self, x, edge_index):
        return super().forward((x[0] + torch.arange(len(x[0]))[:, None], x[1]), edge_index)


class NumbersDestinations(MeanConv):
    def forward(self, x, edge_index):
        return super().forward((x[0], x[1] + torch.arange(len(x[1]))[:, None]), edge_index)


class Deaf(MeanConv):
    def forward(self, x, edge_index):
        return self.lin_own(x[1]) + 0.0 * super().forward(x, edge_index)


class Overheard(MeanConv):
    def forward(self, x, edge_index):
        return super().forward(x, edge_index) + x[0].sum()


class Counting(MeanConv):
    def forward(self, x, edge_index):
        return super().forward(x, edge_index) / max(len(x[0]), 1)


class EdgesIgnored(MeanConv):
    def __init__(self, in_channels, out_channels, edge_dim):
        super().__init__(in_channels, out_channels)
        self.edge_dim = edge_dim

    def forward(self, x, edge_index, edge_attr):
        return super().forward(x, edge_index)


class EdgesNotAsked(MeanConv):
    def __init__(self, in_channels, out_channels, edge_dim):
        super().__init__(in_channels, out_channels)


class NeedsEdges(MeanConv):
    def forward(self, x, edge_index):
        return super().forward(x, edge_index) + 0.0 * edge_index.max()


class Unused(MeanConv):
    def __init__(self, in_channels, out_channels):
        super().__init__(in_channels, out_channels)
        self.lin_more = nn.Linear(3, 3)


class ThreeAtMost(MeanConv):
    def forward(self, x, edge_index):
        if 3 < len(x[1]) < 5:
            raise ValueError("too many")
        return super().forward(x, edge_index)


class Forgetful(MeanConv):
    def __init__(self, in_channels, out_channels):
        super().__init__(in_channels, out_channels)
        self.scale = torch.rand(1)  # no buffer, so that no checkpoint has it

    def forward(self, x, edge_index):
        return super().forward(x, edge_index) * self.scale


def test_a_good_layer():
    CONVS.register("mean_toy", MeanConv)
    assert len(check_conv("mean_toy").rules) == len(check_conv(MeanConv).rules) + 1


@pytest.mark.parametrize(
    ("rule", "conv"),
    [
        ("made", Wide),
        ("finite", Infinite),
        ("same bits", Noisy),
        ("order of edges", FirstEdgeCounts),
        ("made", RowNumbers),
        ("order of nodes", NumbersDestinations),
        ("reach", Deaf),
        ("reach", Overheard),
        ("beside", Counting),
        ("edge features", EdgesIgnored),
        ("edge features", EdgesNotAsked),
        ("empty", NeedsEdges),
        ("gradients", Unused),
        ("model", ThreeAtMost),
        ("checkpoint", Forgetful),
    ],
)
def test_a_broken_layer_is_caught(rule, conv):
    CONVS.register("broken", conv)
    with pytest.raises(
        ConformanceError, match=r"^conv 'broken': rule .*expected .*\(got "
    ) as error:
        check_conv("broken")
    assert error.value.rule == rule


class QueueToy(Head):
    """A head that keeps all rules."""

    reads = "link"

    def __init__(self, state_channels, x_channels):
        super().__init__()
        self.lin = nn.Linear(state_channels + x_channels, 1)

    def forward(self, state, x):
        return self.lin(torch.cat((state, x), 1)).squeeze(1)

    def loss(self, prediction, targets):
        return self.parts(prediction, targets).sum()

    def parts(self, prediction, targets):
        known = ~torch.isnan(targets.log_queue)
        return (prediction[known] - targets.log_queue[known]).square()


class Nameless(QueueToy):
    reads = "queue"


class Exploding(QueueToy):
    def forward(self, state, x):
        return super().forward(state, x) / 0.0


class Centred(QueueToy):
    def forward(self, state, x):
        out = super().forward(state, x)
        return out - out.sum()


class InPlace(QueueToy):
    def forward(self, state, x):
        out = super().forward(state, x)
        state.mul_(0.5)
        return out - out.detach() + x[:, 0]


class NeedsRows(QueueToy):
    def forward(self, state, x):
        return super().forward(state, x) + 0.0 * state.max()


class ManyLosses(QueueToy):
    def loss(self, prediction, targets):
        return self.parts(prediction, targets)


class AllTargets(QueueToy):
    def loss(self, prediction, targets):
        return (prediction - targets.log_queue).square().sum()


class Idle(QueueToy):
    def __init__(self, state_channels, x_channels):
        super().__init__(state_channels, x_channels)
        self.more = nn.Linear(3, 3)


class MeanLoss(QueueToy):
    def loss(self, prediction, targets):
        return self.parts(prediction, targets).sum() / (1 + len(targets.log_queue))


class Guessing(QueueToy):
    def loss(self, prediction, targets):
        return (prediction - torch.nan_to_num(targets.log_queue)).square().sum()


class Stuck(QueueToy):
    def forward(self, state, x):
        out = super().forward(state, x)
        return 0.0 * out


class UnsavedHead(QueueToy):
    def __init__(self, state_channels, x_channels):
        super().__init__(state_channels, x_channels)
        self.scale = torch.rand(1)

    def forward(self, state, x):
        return super().forward(state, x) * self.scale


def test_a_good_head():
    HEADS.register("queue_toy", QueueToy)
    assert len(check_head("queue_toy").rules) == len(check_head(QueueToy).rules) + 1


@pytest.mark.parametrize(
    ("rule", "head"),
    [
        ("made", Nameless),
        ("finite", Exploding),
        ("rows", Centred),
        ("states", InPlace),
        ("no rows", NeedsRows),
        ("loss", ManyLosses),
        ("loss", AllTargets),
        ("gradients", Idle),
        ("sum", MeanLoss),
        ("unknown", Guessing),
        ("learns", Stuck),
        ("checkpoint", UnsavedHead),
    ],
)
def test_a_broken_head_is_caught(rule, head):
    HEADS.register("broken", head)
    with pytest.raises(
        ConformanceError, match=r"^head 'broken': rule .*expected .*\(got "
    ) as error:
        check_head("broken")
    assert error.value.rule == rule
