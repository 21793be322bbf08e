"""Boosted trees on tables: each flow by itself, from what is known of it at its arrival."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

import m4graph as m4
from m4graph.datasets import FlowTableDataset, flow_table
from m4graph_baselines.static import StaticSimulator

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingRegressor

_ROWS_AT_ONCE = 2048


class FlowTrees(nn.Module):
    r"""Regression trees whose sum corrects the fluid simulator, as tensors:
    :math:`\log \hat{s} = \log p + b + \sum_t \mathrm{tree}_t(\mathbf{x})`.

    scikit-learn grows them (:meth:`from_sklearn`). Tensors need no pickle to be stored, and no
    scikit-learn to be used.

    Args:
        num_trees (int): Number of trees.
        num_nodes (int): Nodes of the largest tree; the others are padded.
        depth (int): Of the deepest leaf.

    Shapes:
        - input: :func:`m4graph.datasets.flow_table`, ``[num_flows, num_columns]``
        - output: log slowdowns ``[num_flows]``; may fall below 0, which a user cuts off

    Reference:
        Friedman, "Greedy function approximation: a gradient boosting machine", Annals of
        Statistics, 2001.
    """

    schema_version = 1
    flow_features = FlowTableDataset.columns
    link_features = ()

    baseline: Tensor
    column: Tensor
    threshold: Tensor
    child: Tensor
    value: Tensor

    def __init__(self, num_trees: int, num_nodes: int, depth: int) -> None:
        super().__init__()
        self.config = {"num_trees": num_trees, "num_nodes": num_nodes, "depth": depth}
        size = num_trees, num_nodes
        self.register_buffer("baseline", torch.zeros(()))
        self.register_buffer("column", torch.zeros(size, dtype=torch.int16))
        self.register_buffer("threshold", torch.zeros(size))
        # Both children of a leaf are the leaf itself.
        self.register_buffer("child", torch.zeros((*size, 2), dtype=torch.int16))
        self.register_buffer("value", torch.zeros(size))

    @classmethod
    def from_sklearn(cls, regressor: HistGradientBoostingRegressor) -> FlowTrees:
        """Takes over the trees of a fitted regressor of ``log(slowdown) - log(fluid slowdown)``.

        It must have been fitted to float32 columns without missing or categorical values.
        """
        trees = [tree.nodes for (tree,) in regressor._predictors]
        depth = max(int(nodes["depth"].max()) for nodes in trees)
        model = cls(len(trees), max(map(len, trees)), depth)
        model.baseline += regressor._baseline_prediction.item()
        for row, nodes in enumerate(trees):
            count, own = len(nodes), np.arange(len(nodes))
            is_leaf = nodes["is_leaf"].astype(bool)
            child = np.stack((nodes["left"], nodes["right"]), 1)
            child = np.where(is_leaf[:, None], own[:, None], child)
            model.column[row, :count] = torch.from_numpy(nodes["feature_idx"].astype(np.int16))
            model.threshold[row, :count] = torch.from_numpy(float32_below(nodes["num_threshold"]))
            model.child[row, :count] = torch.from_numpy(child.astype(np.int16))
            model.value[row, :count] = torch.from_numpy(nodes["value"].astype(np.float32))
        return model

    def forward(self, x: Tensor) -> Tensor:
        """Predicts log slowdowns."""
        log_fluid = x[:, self.flow_features.index("log_fluid_slowdown")]
        sums = [self._sum(rows) for rows in torch.split(x, _ROWS_AT_ONCE)]
        return log_fluid + self.baseline + torch.cat(sums)

    def _sum(self, x: Tensor) -> Tensor:
        trees = torch.arange(self.config["num_trees"], device=x.device)
        node = torch.zeros(len(x), len(trees), dtype=torch.int64, device=x.device)
        for _ in range(self.config["depth"]):
            seen = x.gather(1, self.column[trees, node].long())
            goes_right = (seen > self.threshold[trees, node]).long()
            node = self.child[trees, node, goes_right].long()
        return self.value[trees, node].sum(1)


class FlowTableSimulator(StaticSimulator):
    """:class:`FlowTrees` on the table of a scenario's flows."""

    name = "flow_table"
    kind = FlowTrees

    @torch.inference_mode()
    def log_slowdown(self, scenario: m4.Scenario) -> NDArray[np.float64]:
        """The log of each flow's slowdown, from its row of the table."""
        x, _ = flow_table(scenario)
        log_slowdown: Tensor = self.model(torch.from_numpy(x))
        return np.asarray(log_slowdown, np.float64)


def float32_below(threshold: NDArray[np.float64]) -> NDArray[np.float32]:
    """The largest float32 that is not above: no float32 falls between the two."""
    near = threshold.astype(np.float32)
    return np.where(near > threshold, np.nextafter(near, np.float32(-np.inf)), near)
