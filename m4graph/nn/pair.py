"""A layer whose messages depend on both ends: what one flow says of another."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch_geometric.nn.conv import MessagePassing


class PairConv(MessagePassing):  # type: ignore[misc]
    r"""GraphSAGE's layer, and the products of a node with what it hears.

    .. math::
        \mathbf{x}'_i = \mathbf{W}_1 \mathbf{x}_i + (1 + \mathbf{W}_2 \mathbf{x}_i) \odot
        \mathbf{W}_3 \, \mathrm{mean}_{j \in \mathcal{N}(i)} \mathbf{x}_j

    Flows hear each other through the links that they share. Since the products can be drawn out of
    the mean, a flow gets the mean over all pairs that it makes with others on a link, as in
    :math:`\min(r_i, r_j)` of the bytes that two have left, at the cost of its hops and not of the
    pairs. At first :math:`\mathbf{W}_2` is zero, and the layer is that of GraphSAGE.

    Args:
        in_channels (tuple[int, int]): Widths of sources and destinations.
        out_channels (int): Width of the result.
        **kwargs: Of ``MessagePassing``.

    Shapes:
        - ``(x_src [num_src, in_src], x_dst [num_dst, in_dst])``, edge index ``[2, num_edges]``
          (row 0 sources, row 1 destinations) to ``[num_dst, out_channels]``
    """

    def __init__(self, in_channels: tuple[int, int], out_channels: int, **kwargs: Any) -> None:
        super().__init__(**{"aggr": "mean", **kwargs})
        self.lin_l = nn.Linear(in_channels[0], out_channels)
        self.lin_r = nn.Linear(in_channels[1], out_channels, bias=False)
        self.lin_gate = nn.Linear(in_channels[1], out_channels)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws the weights anew, those of the products zero."""
        super().reset_parameters()
        self.lin_l.reset_parameters()
        self.lin_r.reset_parameters()
        nn.init.zeros_(self.lin_gate.weight)
        nn.init.zeros_(self.lin_gate.bias)

    def forward(self, x: tuple[Tensor, Tensor], edge_index: Tensor) -> Tensor:
        """The node itself, and its neighbours through a gate that it sets."""
        x_src, x_dst = x
        heard = self.lin_l(self.propagate(edge_index, x=x, size=(x_src.size(0), x_dst.size(0))))
        out: Tensor = self.lin_r(x_dst) + heard + self.lin_gate(x_dst) * heard
        return out

    def message(self, x_j: Tensor) -> Tensor:
        """What a source says."""
        return x_j
