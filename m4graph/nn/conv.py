"""The GNN layers that carry messages between flows and links, by name or by class.

A layer is any PyG-style class that works on bipartite graphs: made as
``conv((channels, channels), channels, **options)``, called as ``conv((x_src, x_dst), edge_index)``.
One that takes ``edge_dim`` is told it, and called with ``edge_attr=`` the features of the edges.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from m4graph.core.calls import plain_call
from m4graph.core.errors import ConfigError, InputError
from m4graph.core.registry import Registry
from m4graph.graph.schema import EDGE_FEATURES

ConvFactory = Callable[..., nn.Module]
"""A class or function: ``((src_channels, dst_channels), out_channels, **options)`` to a module."""

CONVS: Registry[ConvFactory] = Registry(
    "conv",
    {
        "sage": "m4graph.nn.sage:PlainSAGEConv",
        "pair": "m4graph.nn.pair:PairConv",
        "graph": "torch_geometric.nn.conv:GraphConv",
        "gat": "torch_geometric.nn.conv:GATConv",
        "gatv2": "torch_geometric.nn.conv:GATv2Conv",
        "transformer": "torch_geometric.nn.conv:TransformerConv",
        "res_gated": "torch_geometric.nn.conv:ResGatedGraphConv",
        "film": "torch_geometric.nn.conv:FiLMConv",
        "gin": "m4graph.nn.conv:gin",
    },
)
"""Layers by name; each maps a state of a given width to one of the same width."""

_DEFAULTS = {
    "add_self_loops": False,  # flow i and link i have nothing to do with each other
    "concat": False,  # the mean of the attention heads keeps the width
    "edge_dim": len(EDGE_FEATURES),
}


@plain_call
def gin(in_channels: tuple[int, int], out_channels: int, **options: Any) -> nn.Module:
    """PyG's ``GINConv`` with its usual network of two layers.

    Args:
        in_channels (tuple[int, int]): Widths of source and destination, which must be equal.
        out_channels (int): Width of the result.
        **options: Of ``GINConv``, such as ``train_eps``.
    """
    from torch_geometric.nn.conv import GINConv

    first = nn.Linear(in_channels[1], out_channels)
    network = nn.Sequential(first, nn.ReLU(), nn.Linear(out_channels, out_channels))
    conv: nn.Module = GINConv(network, **options)
    return conv


@plain_call
def resolve_conv(conv: str | ConvFactory, channels: int, **options: Any) -> nn.Module:
    """Makes a layer between two kinds of nodes of equal width.

    Unless it is given, ``concat`` is switched off where a layer has it, and ``edge_dim`` is the
    number of :data:`m4graph.graph.schema.EDGE_FEATURES`. Self-loops are switched off in the layer
    and all that it is made of. The layer is tried on a tiny graph, which leaves the global random
    state alone.

    Args:
        conv (str or ConvFactory): A name of :data:`CONVS`, a PyG-style class, or a function.
        channels (int): Width of the states of sources, destinations and result.
        **options: The layer's own, such as ``heads``.

    Shapes:
        - the layer: ``(x_src [num_src, channels], x_dst [num_dst, channels])`` and an edge index
          ``[2, num_edges]`` (row 0 sources, row 1 destinations) to ``[num_dst, channels]``;
          :func:`carry` calls it

    Raises:
        ConfigError: If the name or an option is unknown, or the layer is unusable here.
    """
    if isinstance(conv, nn.Module) or not (isinstance(conv, str) or callable(conv)):
        raise ConfigError(
            f"conv: expected a name, a class or a function that makes a layer (got {conv!r})"
        )
    factory = CONVS.resolve(conv)
    name = repr(conv) if isinstance(conv, str) else getattr(conv, "__name__", repr(conv))
    try:
        layer = factory((channels, channels), channels, **{**_defaults(factory), **options})
    except InputError:
        raise
    except Exception as error:
        raise ConfigError(
            f"conv {name}: expected a layer made as conv((channels, channels), channels, "
            f"**{options}) (got {type(error).__name__}: {error})"
        ) from error
    if not isinstance(layer, nn.Module):
        raise ConfigError(f"conv {name}: expected an nn.Module (got {type(layer).__name__})")
    _switch_off_self_loops(layer)
    if not any(parameter.is_meta for parameter in layer.parameters()):
        _check_bipartite(layer, name, channels)  # Without memory nothing can be tried.
    return layer


@plain_call
def conv_name(conv: str | ConvFactory) -> str:
    """The name under which a layer is registered, for a model's configuration.

    A layer that a registered one stands in for (its ``same_as``) has that one's name.

    Raises:
        ConfigError: If it is not registered, so that a checkpoint could not be loaded again.
    """
    factory = CONVS.resolve(conv)
    for name, known in CONVS.loadable():
        if factory in (known, getattr(known, "same_as", known)):
            return name
    raise ConfigError(
        f"conv {getattr(conv, '__name__', conv)}: expected a registered layer, as by "
        "m4graph.nn.conv.CONVS.register(name, conv) (got one without a name)"
    )


@plain_call
def carry(
    conv: nn.Module, nodes: tuple[Tensor, Tensor], edge_index: Tensor, edge_x: Tensor
) -> Tensor:
    """Calls a layer, with the features of the edges if it wants them.

    Shapes:
        - ``nodes`` ``[num_src, channels]``, ``[num_dst, channels]``; ``edge_index``
          ``[2, num_edges]``; ``edge_x`` ``[num_edges, num_edge_features]``
        - output ``[num_dst, channels]``
    """
    wants_edges = getattr(conv, "edge_dim", None) is not None
    extra = {"edge_attr": edge_x} if wants_edges else {}
    out: Tensor = conv(nodes, edge_index, **extra)
    return out


def _defaults(factory: ConvFactory) -> dict[str, Any]:
    parameters = inspect.signature(factory).parameters
    return {name: value for name, value in _DEFAULTS.items() if name in parameters}


def _switch_off_self_loops(layer: nn.Module) -> None:
    """Subclasses and wrappers need not pass the option on; PyG's layers look at the attribute."""
    for module in layer.modules():
        if "add_self_loops" in vars(module):
            vars(module)["add_self_loops"] = False


def _check_bipartite(layer: nn.Module, name: str, channels: int) -> None:
    """Tries three sources and two destinations, without dropout or running statistics.

    A layer that joins source ``i`` to destination ``i`` gives another result when the sources
    change places.
    """
    x_src = torch.linspace(-1, 1, 3)[:, None].repeat(1, channels)
    x_dst = torch.ones(2, channels)
    edge_index = torch.tensor([[0, 1, 2, 0], [0, 0, 1, 1]])
    edge_x = torch.ones(4, len(EDGE_FEATURES))
    moved = torch.stack((2 - edge_index[0], edge_index[1]))
    layer.eval()
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(0)
            out = carry(layer, (x_src, x_dst), edge_index, edge_x)
            torch.default_generator.manual_seed(0)
            again = carry(layer, (x_src.flip(0), x_dst), moved, edge_x)
    except Exception as error:
        raise ConfigError(
            f"conv {name}: expected a layer for bipartite graphs, called as "
            f"conv((x_src, x_dst), edge_index) (got {type(error).__name__}: {error})"
        ) from error
    finally:
        layer.train()
    shape = list(out.shape) if isinstance(out, torch.Tensor) else type(out).__name__
    if shape != [2, channels]:
        raise ConfigError(
            f"conv {name}: expected a result of shape [num_dst, channels], here {[2, channels]} "
            f"(got {shape})"
        )
    if not torch.allclose(out, again, rtol=1e-3, atol=1e-4):
        raise ConfigError(
            f"conv {name}: expected a layer whose result does not depend on the order of sources "
            "(got one that does, as with self-loops)"
        )
