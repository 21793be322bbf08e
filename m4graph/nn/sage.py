"""GraphSAGE's layer for small bipartite graphs, where PyG's dispatch takes longer than the sums."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch_geometric.nn.conv import SAGEConv


class PlainSAGEConv(SAGEConv):  # type: ignore[misc]
    r"""PyG's :class:`~torch_geometric.nn.conv.SAGEConv`, with the same weights and results.

    .. math::
        \mathbf{x}'_i = \mathbf{W}_1 \, \mathrm{mean}_{j \in \mathcal{N}(i)} \mathbf{x}_j
        + \mathbf{W}_2 \mathbf{x}_i

    The plain form (mean or sum, edge index) takes a few calls of torch, less than half of PyG's
    time on the graph of an event; any other is left to PyG.

    Args:
        in_channels (int or tuple[int, int]): Widths of sources and destinations.
        out_channels (int): Width of the result.
        **kwargs: Of ``SAGEConv``.

    Shapes:
        - ``(x_src [num_src, in_src], x_dst [num_dst, in_dst])``, edge index ``[2, num_edges]``
          (row 0 sources, row 1 destinations) to ``[num_dst, out_channels]``

    Reference:
        Hamilton et al., "Inductive Representation Learning on Large Graphs", arXiv 1706.02216.
    """

    same_as = SAGEConv

    def __init__(
        self, in_channels: int | tuple[int, int], out_channels: int, **kwargs: Any
    ) -> None:
        super().__init__(in_channels, out_channels, **kwargs)
        self._reduce = kwargs.get("aggr", "mean")
        self._is_plain = (
            self._reduce in ("mean", "sum")
            and kwargs.get("flow", "source_to_target") == "source_to_target"
            and self.root_weight
            and not (self.project or self.normalize)
        )

    def forward(self, x: Any, edge_index: Any, size: tuple[int, int] | None = None) -> Tensor:
        """Means of the neighbours, and the node itself, each through a linear map."""
        is_bipartite = isinstance(x, tuple) and x[1] is not None
        is_plain = self._is_plain and not self.explain  # PyG masks the messages of edges
        if not (is_plain and is_bipartite and isinstance(edge_index, Tensor)) or size:
            out: Tensor = super().forward(x, edge_index, size)
            return out
        x_src, x_dst = x
        messages = x_src.index_select(0, edge_index[0])
        pooled = x_src.new_zeros(x_dst.size(0), x_src.size(1))
        if self._reduce == "sum":
            pooled = pooled.index_add(0, edge_index[1], messages)
        else:
            rows = edge_index[1][:, None].expand_as(messages)
            pooled = pooled.scatter_reduce(0, rows, messages, "mean", include_self=False)
        out = nn.functional.linear(pooled, self.lin_l.weight, self.lin_l.bias)
        return torch.addmm(out, x_dst, self.lin_r.weight.t())
