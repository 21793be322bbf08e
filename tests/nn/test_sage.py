from __future__ import annotations

import pytest
import torch
from torch_geometric.nn.conv import SAGEConv

from m4graph.nn.sage import PlainSAGEConv

# The last destination has no neighbour; two edges are the same.
EDGES = torch.tensor([[0, 1, 2, 3, 4, 4, 0, 0], [0, 0, 0, 1, 1, 0, 1, 1]])


def both(**options):
    torch.manual_seed(0)
    plain, pyg = PlainSAGEConv((4, 4), 4, **options), SAGEConv((4, 4), 4, **options)
    pyg.load_state_dict(plain.state_dict())
    return plain, pyg


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"bias": False},
        {"aggr": "max"},
        {"aggr": ["mean", "max"]},
        {"root_weight": False},
        {"project": True},
        {"normalize": True},
    ],
    ids=str,
)
def test_same_result_and_gradients_as_pyg(options):
    results = []
    for conv in both(**options):
        torch.manual_seed(1)
        src, dst = torch.randn(5, 4, requires_grad=True), torch.randn(3, 4, requires_grad=True)
        out = conv((src, dst), EDGES)
        (out * torch.arange(12.0).view(3, 4)).sum().backward()
        grads = [parameter.grad for parameter in conv.parameters()]
        results.append([out, src.grad, dst.grad, *grads])
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_inputs_that_are_left_to_pyg():
    plain, pyg = both()
    src, dst = torch.randn(5, 4), torch.randn(5, 4)
    torch.testing.assert_close(plain(src, EDGES), pyg(src, EDGES))
    torch.testing.assert_close(plain((src, None), EDGES, (5, 5)), pyg((src, None), EDGES, (5, 5)))
    torch.testing.assert_close(plain((src, dst), EDGES, (5, 5)), pyg((src, dst), EDGES, (5, 5)))


def test_no_edges_leaves_the_node_itself():
    plain, pyg = both()
    src, dst, edges = torch.randn(2, 4), torch.randn(3, 4), torch.zeros(2, 0, dtype=torch.int64)
    torch.testing.assert_close(plain((src, dst), edges), pyg((src, dst), edges))
