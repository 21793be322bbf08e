from __future__ import annotations

import torch
from torch_geometric.nn.conv import SAGEConv

from m4graph.nn.pair import PairConv

WIDTH = 4
EDGES = torch.tensor([[0, 1, 2, 2], [0, 0, 0, 1]])


def nodes():
    generator = torch.Generator().manual_seed(0)
    return tuple(torch.randn(count, WIDTH, generator=generator) for count in (3, 3))


def test_it_starts_as_graphsage():
    torch.manual_seed(0)
    pair, sage = PairConv((WIDTH, WIDTH), WIDTH), SAGEConv((WIDTH, WIDTH), WIDTH)
    missing = sage.load_state_dict(pair.state_dict(), strict=False).missing_keys
    assert missing == []
    torch.testing.assert_close(pair(nodes(), EDGES), sage(nodes(), EDGES))


def test_a_node_hears_the_mean_over_its_pairs():
    torch.manual_seed(0)
    pair = PairConv((WIDTH, WIDTH), WIDTH)
    torch.nn.init.normal_(pair.lin_gate.weight)
    x_src, x_dst = nodes()
    gate = 1 + pair.lin_gate(x_dst)
    of_pairs = torch.stack([gate[0] * pair.lin_l(x_src[j]) for j in (0, 1, 2)])
    expected = torch.stack(
        (
            pair.lin_r(x_dst[0]) + of_pairs.mean(0),
            pair.lin_r(x_dst[1]) + gate[1] * pair.lin_l(x_src[2]),
            pair.lin_r(x_dst[2]) + gate[2] * pair.lin_l.bias,  # hears nobody
        )
    )
    torch.testing.assert_close(pair((x_src, x_dst), EDGES), expected)
