from __future__ import annotations

import functools
import json

import pytest
import torch
from torch import nn
from torch_geometric.nn import conv as pyg
from torch_geometric.nn.aggr import MaxAggregation

from m4graph.core.errors import ConfigError
from m4graph.graph.schema import EDGE_FEATURES
from m4graph.nn.conv import CONVS, carry, conv_name, resolve_conv

CHANNELS = 8
EVERY_CONV = CONVS.names()
EDGES = {"edge_dim": len(EDGE_FEATURES)}
DEFAULTS = {
    "gat": {"add_self_loops": False, "concat": False, **EDGES},
    "gatv2": {"add_self_loops": False, "concat": False, **EDGES},
    "transformer": {"concat": False, **EDGES},
    "res_gated": EDGES,
}


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.fixture
def states():
    """Five sources, three destinations, and seven edges; destination 2 has none."""
    edge_index = torch.tensor([[0, 1, 2, 3, 4, 4, 0], [0, 0, 0, 1, 1, 0, 1]])
    return (torch.randn(5, CHANNELS), torch.randn(3, CHANNELS)), edge_index


def test_the_registry_has_the_layers_of_the_documentation():
    assert {"sage", "gat", "gatv2", "graph", "transformer", "gin"} <= set(EVERY_CONV)
    assert isinstance(resolve_conv("SAGE", CHANNELS), pyg.SAGEConv)


def resolve(name):
    """A layer by name, called as the model calls it, all edges alike."""
    conv = resolve_conv(name, CHANNELS)
    return conv, lambda x, edge_index: carry(
        conv, x, edge_index, torch.ones(edge_index.size(1), len(EDGE_FEATURES))
    )


@pytest.mark.parametrize("name", EVERY_CONV)
def test_gradients_reach_weights_and_sources(name, states):
    (x_src, x_dst), edge_index = states
    x_src.requires_grad_()
    conv, call = resolve(name)
    call((x_src, x_dst), edge_index).square().sum().backward()
    assert x_src.grad is not None
    assert (x_src.grad.abs().sum(1) > 0).all()
    assert all(weight.grad is not None for weight in conv.parameters())
    assert any(weight.grad.abs().sum() > 0 for weight in conv.parameters())


@pytest.mark.parametrize("name", EVERY_CONV)
def test_the_trial_leaves_no_trace(name):
    """Only the weights' initial values are drawn, as PyG itself would draw them."""
    torch.manual_seed(7)
    conv = resolve_conv(name, CHANNELS)
    after = torch.rand(1)
    torch.manual_seed(7)
    expected = CONVS.resolve(name)((CHANNELS, CHANNELS), CHANNELS, **DEFAULTS.get(name, {}))
    assert torch.equal(torch.rand(1), after)
    assert conv.training
    for key, value in expected.state_dict().items():
        assert torch.equal(conv.state_dict()[key], value)


def test_a_dropout_layer_draws_nothing_in_its_trial():
    class Noisy(pyg.SAGEConv):
        def forward(self, x, edge_index):
            return super().forward(x, edge_index) + torch.rand(1)

    torch.manual_seed(7)
    resolve_conv(Noisy, CHANNELS)
    after = torch.rand(1)
    torch.manual_seed(7)
    pyg.SAGEConv((CHANNELS, CHANNELS), CHANNELS)
    assert torch.equal(torch.rand(1), after)


def test_sage_by_hand(states):
    (x_src, x_dst), edge_index = states
    conv = resolve_conv("sage", CHANNELS)
    mean = torch.stack([x_src[[0, 1, 2, 4]].mean(0), x_src[[3, 4, 0]].mean(0), torch.zeros(8)])
    torch.testing.assert_close(
        conv((x_src, x_dst), edge_index), conv.lin_l(mean) + conv.lin_r(x_dst)
    )


def test_options_arrive():
    assert isinstance(resolve_conv("sage", CHANNELS, aggr="max").aggr_module, MaxAggregation)
    assert resolve_conv("gat", CHANNELS, heads=3).heads == 3
    assert resolve_conv("gin", CHANNELS, train_eps=True).eps.requires_grad


class MeanConv(pyg.MessagePassing):
    """The smallest layer a user could write."""

    def __init__(self, in_channels, out_channels, scale=1.0):
        super().__init__(aggr="mean")
        self.lin = nn.Linear(in_channels[0], out_channels)
        self.scale = scale

    def forward(self, x, edge_index):
        size = (x[0].size(0), x[1].size(0))
        return self.scale * self.lin(self.propagate(edge_index, x=x, size=size))


@pytest.mark.parametrize(
    "conv",
    [
        pyg.LEConv,
        pyg.SAGEConv,
        MeanConv,
        functools.partial(pyg.GATv2Conv, heads=2),
        lambda in_channels, out_channels: MeanConv(in_channels, out_channels, scale=2.0),
    ],
)
def test_any_class_or_function(conv, states):
    assert resolve_conv(conv, CHANNELS)(*states).shape == (3, CHANNELS)


@pytest.mark.parametrize(
    ("conv", "options", "message"),
    [
        ("sge", {}, r"unknown conv: expected one of .*gat.*\(got 'sge'\); did you mean 'sage'\?"),
        ("gat", {"haeds": 2}, r"conv 'gat': expected a layer made as .*'haeds': 2.*TypeError"),
        ("gat", {"heads": 2, "concat": True}, r"conv 'gat': .*here \[2, 8\] \(got \[2, 16\]\)"),
        (pyg.GCNConv, {}, r"conv GCNConv: expected a layer"),
        (pyg.ChebConv, {"K": 2}, r"conv ChebConv: expected a layer"),
        (pyg.EdgeConv, {}, r"conv EdgeConv: expected a layer"),
        (nn.Bilinear, {}, r"conv Bilinear: expected a layer"),
        (lambda *_: nn.Identity(), {}, "bipartite graphs"),
        (lambda *_: 3, {}, r"conv <lambda>: expected an nn.Module \(got int\)"),
        (MeanConv((8, 8), 8), {}, r"conv: expected a name, a class or a function .*MeanConv"),
        (None, {}, r"conv: expected a name, a class or a function .*got None"),
    ],
)
def test_unusable_layers(conv, options, message):
    with pytest.raises(ConfigError, match=message):
        resolve_conv(conv, CHANNELS, **options)


def test_sources_and_destinations_are_told_apart():
    class Sources(MeanConv):
        def forward(self, x, edge_index):
            return self.lin(x[0])

    with pytest.raises(ConfigError, match=r"conv Sources: .*here \[2, 8\] \(got \[3, 8\]\)"):
        resolve_conv(Sources, CHANNELS)


def test_names_for_a_configuration():
    assert conv_name("GAT-v2") == "gatv2"
    assert conv_name(pyg.SAGEConv) == "sage"
    assert json.dumps([conv_name(name) for name in EVERY_CONV]) == json.dumps(EVERY_CONV)
    with pytest.raises(ConfigError, match=r"conv MeanConv: expected a registered layer"):
        conv_name(MeanConv)


class SubclassOfGAT(pyg.GATConv):
    """As in case 12 of users: the option never arrives."""

    def __init__(self, channels, out, **options):
        super().__init__(channels, out, **options)


class WrappedGAT(nn.Module):
    """A layer inside a layer."""

    def __init__(self, channels, out):
        super().__init__()
        self.inner = nn.ModuleList([pyg.GATv2Conv(channels, out)])

    def forward(self, x, edge_index):
        return self.inner[0](x, edge_index)


class OwnLoops(MeanConv):
    """Adds them itself, whatever the options."""

    def forward(self, x, edge_index):
        loops = torch.arange(min(x[0].size(0), x[1].size(0))).repeat(2, 1)
        return super().forward(x, torch.cat((edge_index, loops), 1))


@pytest.mark.parametrize(
    ("conv", "options"),
    [(SubclassOfGAT, {}), (WrappedGAT, {}), ("gat", {"add_self_loops": True})],
)
def test_self_loops_are_switched_off(conv, options):
    """A flow must not reach a link that it does not cross."""
    layer = resolve_conv(conv, CHANNELS, **options)
    edges, edge_x = torch.tensor([[0], [1]]), torch.ones(1, len(EDGE_FEATURES))
    links = torch.zeros(2, CHANNELS)
    one, two = (carry(layer, (x, links), edges, edge_x) for x in (links, torch.ones(2, CHANNELS)))
    assert torch.equal(one[0], two[0])
    assert not torch.equal(one[1], two[1])


def test_self_loops_of_ones_own_are_refused():
    with pytest.raises(ConfigError, match=r"conv OwnLoops: .*order of sources .*self-loops"):
        resolve_conv(OwnLoops, CHANNELS)
