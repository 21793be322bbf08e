"""What every GNN layer of a model must keep."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from m4graph.core.calls import plain_call
from m4graph.graph.schema import EDGE_FEATURES
from m4graph.nn import CONVS, FlowLinkModel, resolve_conv
from m4graph.nn.conv import ConvFactory, carry
from m4graph.testing.models import check_checkpoint, check_gradients, seeded
from m4graph.testing.rules import Report, Rules, expect
from m4graph.testing.steps import tiny_step

_CHANNELS = 8
_SRC = torch.tensor([0, 1, 2, 3, 4, 4, 0])
_DST = torch.tensor([0, 0, 0, 1, 1, 0, 1])  # destination 2 has no edge
_MOVED_SRC, _MOVED_DST = torch.tensor([3, 0, 4, 1, 2]), torch.tensor([2, 0, 1])

Call = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


@plain_call
def check_conv(conv: str | ConvFactory, **options: Any) -> Report:
    """Checks a layer for flows and links, on a bipartite graph of five sources and three
    destinations, in eval mode.

    Rules: it is made and called as :func:`m4graph.nn.resolve_conv` does; results are finite, and
    the same bits twice; the order of edges makes no difference, that of nodes renumbers the result;
    a destination hears those that send to it, and nobody else; what stands beside it in a batch
    does not count; features of edges arrive where a layer takes them; no edges and no nodes are
    fine; every parameter gets a finite gradient; a :class:`~m4graph.nn.FlowLinkModel` with it runs
    a step and, if the layer has a name, comes back from a checkpoint.

    Args:
        conv (str or ConvFactory): A name of :data:`m4graph.nn.CONVS`, a class or a function.
        **options: The layer's own.

    Raises:
        ConformanceError: For the first rule that is broken.
    """
    rules = Rules("conv", conv)
    with rules("made"), seeded(0):
        layer = resolve_conv(conv, _CHANNELS, **options).eval()
    x_src, x_dst, edge_index, edge_x = _graph()

    def call(x_src: Tensor, x_dst: Tensor, edge_index: Tensor, edge_x: Tensor) -> Tensor:
        return carry(layer, (x_src, x_dst), edge_index, edge_x)

    wanted = call(x_src, x_dst, edge_index, edge_x).detach()
    with rules("finite"):
        expect(bool(wanted.isfinite().all()), "finite values", wanted.tolist())
    with rules("same bits"):
        again = call(x_src, x_dst, edge_index, edge_x)
        expect(torch.equal(again, wanted), "the same result twice", _difference(again, wanted))
    _check_order(rules, call, wanted)
    _check_reach(rules, call, wanted)
    with rules("edge features"):
        _check_edge_features(conv, layer, call, wanted)
    with rules("empty"):
        _check_empty(call)
    with rules("gradients"):
        check_gradients(layer, call(x_src, x_dst, edge_index, edge_x).square().sum())
    with rules("model"), seeded(0):
        model = FlowLinkModel(conv, _CHANNELS, num_layers=1, **options).eval()
        output = model(tiny_step(), torch.zeros(4, _CHANNELS), torch.zeros(5, _CHANNELS))
        expect(bool(output.log_slowdown.isfinite().all()), "finite predictions", output)
    if isinstance(conv, str):
        with rules("checkpoint"):
            check_checkpoint(model)
    return rules.report


def _graph() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    random = torch.Generator().manual_seed(0)
    x_src = torch.randn(5, _CHANNELS, generator=random)
    x_dst = torch.randn(3, _CHANNELS, generator=random)
    edge_x = torch.rand(len(_SRC), len(EDGE_FEATURES), generator=random)
    return x_src, x_dst, torch.stack((_SRC, _DST)), edge_x


def _check_order(rules: Rules, call: Call, wanted: Tensor) -> None:
    x_src, x_dst, edge_index, edge_x = _graph()
    order = torch.tensor([6, 2, 4, 0, 5, 3, 1])
    with rules("order of edges"):
        got = call(x_src, x_dst, edge_index[:, order], edge_x[order])
        _expect_close(got, wanted, "the same result for edges in another order")
    with rules("order of nodes"):
        moved = torch.stack((_MOVED_SRC.argsort()[_SRC], _MOVED_DST.argsort()[_DST]))
        got = call(x_src[_MOVED_SRC], x_dst[_MOVED_DST], moved, edge_x)
        _expect_close(got, wanted[_MOVED_DST], "the same result, renumbered, for renumbered nodes")


def _check_reach(rules: Rules, call: Call, wanted: Tensor) -> None:
    x_src, x_dst, edge_index, edge_x = _graph()
    with rules("reach"):
        louder = x_src.clone()
        louder[3] += 1.0  # sends to destination 1 alone
        heard = (call(louder, x_dst, edge_index, edge_x) - wanted).abs().amax(1) > 1e-5
        expected = "destination 1 alone to hear source 3, which sends to it alone"
        expect(heard.tolist() == [False, True, False], expected, _rows(heard))
    with rules("beside"):
        both_index = torch.cat((edge_index, edge_index + torch.tensor([[5], [3]])), 1)
        other = 3.0 + 2.0 * x_src
        got = call(
            torch.cat((x_src, other)), torch.cat((x_dst, x_dst)), both_index, edge_x.repeat(2, 1)
        )
        _expect_close(got[:3], wanted, "the same result beside a graph that is not connected to it")


def _check_edge_features(
    conv: str | ConvFactory, layer: nn.Module, call: Call, wanted: Tensor
) -> None:
    if "edge_dim" not in inspect.signature(CONVS.resolve(conv)).parameters:
        return
    expected = "an attribute edge_dim, as its constructor takes one: only then it gets edge_attr"
    expect(getattr(layer, "edge_dim", None) is not None, expected, "none")
    x_src, x_dst, edge_index, edge_x = _graph()
    changed = not torch.allclose(call(x_src, x_dst, edge_index, edge_x + 1.0), wanted, atol=1e-6)
    expect(changed, "features of edges to matter, as it has an edge_dim", "the same result")


def _check_empty(call: Call) -> None:
    x_src, x_dst, edge_index, edge_x = _graph()
    none = edge_index[:, :0], edge_x[:0]
    for sources, destinations in ((5, 3), (0, 3), (5, 0)):
        got = call(x_src[:sources], x_dst[:destinations], *none)
        shape = (destinations, _CHANNELS)
        expect(got.shape == shape, f"a result of shape {list(shape)}", list(got.shape))
        expect(bool(got.isfinite().all()), "finite values without edges", got.tolist())


def _expect_close(got: Tensor, wanted: Tensor, expected: str) -> None:
    expect(torch.allclose(got, wanted, rtol=1e-4, atol=1e-5), expected, _difference(got, wanted))


def _difference(got: Tensor, wanted: Tensor) -> str:
    return f"a difference of {(got - wanted).abs().max().item():.3g}"


def _rows(heard: Tensor) -> str:
    return f"destinations {heard.nonzero().flatten().tolist()}"
