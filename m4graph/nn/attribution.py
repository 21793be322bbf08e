r"""Integrated gradients as an algorithm of :mod:`torch_geometric.explain`.

Reference:
    Sundararajan et al., "Axiomatic Attribution for Deep Networks", arXiv 1703.01365.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch_geometric.explain import HeteroExplanation
from torch_geometric.explain.algorithm import ExplainerAlgorithm
from torch_geometric.explain.algorithm.utils import clear_masks, set_hetero_masks
from torch_geometric.explain.config import MaskType, ModelMode
from torch_geometric.typing import EdgeType

from m4graph.core.calls import plain_call
from m4graph.core.errors import ConfigError


@plain_call
class IntegratedGradients(ExplainerAlgorithm):  # type: ignore[misc]
    r"""Shares out a prediction among features and messages, compared with a baseline.

    With inputs :math:`\mathbf{z}`, the features of the nodes and a weight of 1 for what each edge
    carries, and their baseline :math:`\mathbf{z}^0`:

    .. math::
        \phi_i = (z_i - z^0_i) \int_0^1
        \frac{\partial f(\mathbf{z}^0 + \alpha (\mathbf{z} - \mathbf{z}^0))}{\partial z_i}
        \, \mathrm{d}\alpha, \qquad
        \sum_i \phi_i = f(\mathbf{z}) - f(\mathbf{z}^0)

    The integral is a sum at the middles of ``num_steps`` intervals, so the equation on the right
    holds nearly. Where input and baseline are equal, nothing is shared out. A weight of 0 silences
    an edge, but a mean over edges still counts it.

    For :class:`torch_geometric.explain.Explainer` with ``node_mask_type="attributes"``,
    ``edge_mask_type="object"`` and a regression model on a heterograph. The masks of the
    explanation are the signed :math:`\phi`, in the units of the prediction.

    Args:
        x_baseline (dict[str, Tensor], optional): Features of the nodes to compare with, for each
            node type as large as the features. (default: zeros)
        edge_baseline (dict[tuple, Tensor], optional): Weights of the edges to compare with,
            ``[num_edges]`` for each edge type. (default: zeros)
        num_steps (int, optional): Gradients that are taken. (default: ``64``)

    Raises:
        ConfigError: If there is no step, or, when it runs, a baseline does not fit.
    """

    def __init__(
        self,
        x_baseline: dict[str, Tensor] | None = None,
        edge_baseline: dict[EdgeType, Tensor] | None = None,
        num_steps: int = 64,
    ) -> None:
        super().__init__()
        if num_steps < 1:
            raise ConfigError(f"num_steps: expected an integer of 1 or above (got {num_steps!r})")
        self.x_baseline = x_baseline
        self.edge_baseline = edge_baseline
        self.num_steps = num_steps

    def supports(self) -> bool:
        """Whether the explainer asks for signed shares of a number."""
        config = self.explainer_config
        masks = (config.node_mask_type, config.edge_mask_type)
        wanted = (MaskType.attributes, MaskType.object)
        return masks == wanted and bool(self.model_config.mode == ModelMode.regression)

    def forward(
        self,
        model: nn.Module,
        x: dict[str, Tensor],
        edge_index: dict[EdgeType, Tensor],
        *,
        target: Tensor,
        index: int | Tensor | None = None,
        **kwargs: Any,
    ) -> HeteroExplanation:
        """Explains the output at ``index``, or the sum of the outputs there."""
        weights = {kind: _ones(edges) for kind, edges in edge_index.items()}
        x_path = _Path("x_baseline", x, self.x_baseline)
        edge_path = _Path("edge_baseline", weights, self.edge_baseline)
        for step in range(self.num_steps):
            share = (step + 0.5) / self.num_steps
            nodes, messages = x_path.at(share), edge_path.at(share)
            set_hetero_masks(model, messages, edge_index, apply_sigmoid=False)
            try:
                out = model(nodes, edge_index, **kwargs)
            finally:
                clear_masks(model)
            inputs = [*nodes.values(), *messages.values()]
            # What a model of few layers does not use has no gradient.
            gradients = torch.autograd.grad(
                out.sum() if index is None else out[index].sum(), inputs, materialize_grads=True
            )
            x_path.add(gradients[: len(nodes)])
            edge_path.add(gradients[len(nodes) :])
        explanation = HeteroExplanation()
        explanation.set_value_dict("node_mask", x_path.shares(self.num_steps))
        explanation.set_value_dict("edge_mask", edge_path.shares(self.num_steps))
        return explanation


class _Path:
    """The straight way from a baseline to some inputs, and the gradients met on it."""

    def __init__(
        self, name: str, inputs: Mapping[Any, Tensor], baseline: Mapping[Any, Tensor] | None
    ) -> None:
        if baseline is None:
            baseline = {kind: torch.zeros_like(value) for kind, value in inputs.items()}
        for kind, value in inputs.items():
            got = tuple(baseline[kind].shape) if kind in baseline else "none"
            if got != tuple(value.shape):
                raise ConfigError(
                    f"{name}: expected a tensor of shape {tuple(value.shape)} for {kind!r} "
                    f"(got {got})"
                )
        self._start = {kind: baseline[kind] for kind in inputs}
        self._way = {kind: value - baseline[kind] for kind, value in inputs.items()}
        self._sums = [torch.zeros_like(value) for value in inputs.values()]

    def at(self, share: float) -> dict[Any, Tensor]:
        """The inputs a share of the way along, as leaves."""
        return {
            kind: (start + share * self._way[kind]).detach().requires_grad_()
            for kind, start in self._start.items()
        }

    def add(self, gradients: Sequence[Tensor]) -> None:
        """Takes in the gradients of one point, in the order of the inputs."""
        for total, gradient in zip(self._sums, gradients, strict=True):
            total += gradient

    def shares(self, num_steps: int) -> dict[Any, Tensor]:
        """What each input is worth."""
        sums = zip(self._way.items(), self._sums, strict=True)
        return {kind: way * total / num_steps for (kind, way), total in sums}


def _ones(edge_index: Tensor) -> Tensor:
    return torch.ones(edge_index.size(1), device=edge_index.device)
