r"""The model of the m4 paper as its authors describe and release it, on PyTorch Geometric.

Reference:
    Li et al., "m4: A Learned Flow-level Network Simulator", arXiv 2503.01770.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch_geometric.nn.conv import SAGEConv

from m4graph.core.calls import plain_call
from m4graph.core.checks import check_count
from m4graph.graph.paper.component import (
    FLOW_FEATURES,
    LINK_FEATURES,
    SCHEMA_VERSION,
    ComponentTracker,
)
from m4graph.runs.paper_settings import seen_by_paper
from m4graph.zoo.pretrained import Pretrained

if TYPE_CHECKING:
    from m4graph.graph.paper.component import ComponentStep
    from m4graph.runs import FlowNetwork

_NUM_INITIAL = 4
"""Entries of a new state that may differ from 0: two types, size or bandwidth, links."""


class PaperUpdate(NamedTuple):
    """New states, and what is read off the states on the way.

    Shapes:
        - ``flow_state`` ``[num_flows, hidden]``, ``link_state`` ``[num_links, hidden]``
        - ``remaining`` ``[num_flows]``, the share of each flow not yet at the receiver
        - ``cbrt_queue`` ``[num_hops]``, cube root of the bytes that wait for each link of the
          arriving flow's route
    """

    flow_state: Tensor
    link_state: Tensor
    remaining: Tensor
    cbrt_queue: Tensor


class PaperOutput(NamedTuple):
    """What the model says about one step: a :class:`PaperUpdate` and slowdowns.

    Shapes:
        - ``log_slowdown`` ``[num_flows]``, at least 0
    """

    flow_state: Tensor
    link_state: Tensor
    remaining: Tensor
    cbrt_queue: Tensor
    log_slowdown: Tensor


@plain_call
class PaperModel(Pretrained, nn.Module):
    r"""Flow and link states, updated by cells and a GNN at every event of their component.

    A new flow starts at :math:`\mathbf{h} = (1, 0, \log_2(s / 1000 + 1), n, 0, \ldots)` with its
    size :math:`s` and its number of links :math:`n`, a link that was idle at
    :math:`(0, 1, 1, 0, \ldots)`. For all active flows :math:`f` of a component and the links
    :math:`l` that they use, with :math:`\Delta` the gap in us and :math:`\mathbf{c}` the network
    configuration:

    .. math::
        \tilde{\mathbf{h}} &= \mathrm{GRU}_{time}(\Delta, \mathbf{h}) \quad (\Delta > 0)

        \mathbf{m}^{(k)} &= \mathrm{LayerNorm}_k(\mathrm{SAGE}_k(\mathbf{m}^{(k-1)})), \qquad
        \mathbf{m}^{(0)} = \tilde{\mathbf{h}}

        \mathbf{h}'_f &= \mathrm{GRU}_{rate}([\mathbf{m}_f, \mathbf{c}], \tilde{\mathbf{h}}_f),
        \qquad \mathbf{h}'_l = \mathrm{GRU}_{rate}(\mathbf{m}_l, \tilde{\mathbf{h}}_l)

        \hat{s}_f &= \mathrm{MLP}([n_f, \mathbf{c}, \mathbf{h}'_f])

    The cells of flows and of links have weights of their own; the GNN (sum of projected
    neighbours) takes both as nodes of one kind, on edges both ways. Remaining shares are read off
    :math:`\tilde{\mathbf{h}}_f`, queues off :math:`\tilde{\mathbf{h}}_l`. Inputs are not scaled.

    Args:
        hidden_channels (int, optional): Width of the states. (default: ``200``)
        gnn_channels (int, optional): Width between layers of the GNN. (default: ``300``)
        num_layers (int, optional): Layers of the GNN. (default: ``3``)
        dropout (float, optional): Before the last layer of the slowdown's head.
            (default: ``0.2``)

    Shapes:
        - input: a :class:`~m4graph.graph.paper.component.ComponentStep`, flow states
          ``[num_flows, hidden]``, link states ``[num_links, hidden]``, the rows that it names;
          states of what is new are not read
        - output: :class:`PaperOutput`

    Raises:
        ConfigError: If a size is out of range.
    """

    flow_features: ClassVar[tuple[str, ...]] = FLOW_FEATURES
    link_features: ClassVar[tuple[str, ...]] = LINK_FEATURES
    schema_version: ClassVar[int] = SCHEMA_VERSION
    seen_settings = staticmethod(seen_by_paper)
    plain_predictions: ClassVar[bool] = True
    """As in the original, each prediction counts as it is."""

    def __init__(
        self,
        hidden_channels: int = 200,
        gnn_channels: int = 300,
        num_layers: int = 3,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        _check_sizes(hidden_channels, gnn_channels, num_layers)
        hidden, num_settings = hidden_channels, len(FLOW_FEATURES) - 2
        self.hidden_channels = hidden
        self.gnn_channels = gnn_channels
        self.num_layers = num_layers
        self.dropout = dropout
        self.flow_time_cell = nn.GRUCell(1, hidden)
        self.link_time_cell = nn.GRUCell(1, hidden)
        widths = [hidden, *[gnn_channels] * (num_layers - 1), hidden]
        self.convs = nn.ModuleList(
            SAGEConv(before, after, aggr="sum", project=True) for before, after in pairwise(widths)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(after) for after in widths[1:])
        self.flow_rate_cell = nn.GRUCell(hidden + num_settings, hidden)
        self.link_rate_cell = nn.GRUCell(hidden, hidden)
        self.slowdown_head = _mlp(1 + num_settings + hidden, hidden, dropout)
        self.remaining_head = _mlp(hidden, hidden)
        self.queue_head = _mlp(hidden, hidden)

    @staticmethod
    def make_tracker(networks: Sequence[FlowNetwork]) -> ComponentTracker:
        """What turns the events of networks into steps for this model."""
        return ComponentTracker(networks)

    @property
    def config(self) -> dict[str, Any]:
        """Plain values with which ``PaperModel(**config)`` builds the same model."""
        names = ("hidden_channels", "gnn_channels", "num_layers", "dropout")
        return {name: getattr(self, name) for name in names}

    def forward(self, step: ComponentStep, flow_state: Tensor, link_state: Tensor) -> PaperOutput:
        """Updates the states of a step's flows and links, and reads the predictions off."""
        update = self.update(step, flow_state, link_state)
        slowdown = self.slowdown(step.flow_x, update.flow_state)
        return PaperOutput(**update._asdict(), log_slowdown=slowdown.clamp_min(1.0).log())

    def update(self, step: ComponentStep, flow_state: Tensor, link_state: Tensor) -> PaperUpdate:
        """As :meth:`forward`, without the slowdowns, which training needs once a flow only."""
        flow_state, link_state = self._with_new(step, flow_state, link_state)
        flow_state = _aged(self.flow_time_cell, step.flow_gap_us, flow_state)
        link_state = _aged(self.link_time_cell, step.link_gap_us, link_state)
        remaining = self.remaining_head(flow_state).squeeze(1)
        cbrt_queue = self.queue_head(link_state[step.hop_link]).squeeze(1)
        flow, link = self._exchange(step, flow_state, link_state)
        settings = step.flow_x[:, 2:]
        return PaperUpdate(
            flow_state=self.flow_rate_cell(torch.cat((flow, settings), 1), flow_state),
            link_state=self.link_rate_cell(link, link_state),
            remaining=remaining,
            cbrt_queue=cbrt_queue,
        )

    def slowdown(self, flow_x: Tensor, flow_state: Tensor) -> Tensor:
        """What flows in these states will have taken, over their ideal FCT; may be below 1.

        Shapes:
            - ``flow_x`` ``[num_flows, 15]``, ``flow_state`` ``[num_flows, hidden]`` to
              ``[num_flows]``
        """
        inputs = torch.cat((flow_x[:, 1:], flow_state), 1)
        out: Tensor = self.slowdown_head(inputs).squeeze(1)
        return out

    def _with_new(
        self, step: ComponentStep, flow_state: Tensor, link_state: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Puts initial states where a flow arrives or a link was idle."""
        zeros = torch.zeros_like(step.flow_x[:, 0])
        start = torch.stack((zeros + 1.0, zeros, step.flow_x[:, 0], step.flow_x[:, 1]), 1)
        flow_start = nn.functional.pad(start, (0, self.hidden_channels - _NUM_INITIAL))
        link_start = link_state.new_zeros(self.hidden_channels)
        link_start[1:3] = 1.0
        flow_state = torch.where(step.flow_is_new[:, None], flow_start, flow_state)
        return flow_state, torch.where(step.link_is_new[:, None], link_start, link_state)

    def _exchange(
        self, step: ComponentStep, flow_state: Tensor, link_state: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The GNN on the flows, followed by the links, as nodes of one graph."""
        nodes = torch.cat((flow_state, link_state))
        num_flows = len(flow_state)
        link_nodes = step.edge_link + num_flows
        edge_index = torch.stack(
            (torch.cat((step.edge_flow, link_nodes)), torch.cat((link_nodes, step.edge_flow)))
        )
        for conv, norm in zip(self.convs, self.norms, strict=True):
            nodes = norm(conv(nodes, edge_index))
        return nodes[:num_flows], nodes[num_flows:]


def _aged(cell: nn.Module, gap_us: Tensor, state: Tensor) -> Tensor:
    """The state after a gap; without one, it stays as it is."""
    aged: Tensor = cell(gap_us[:, None], state)
    return torch.where(gap_us[:, None] > 0, aged, state)


def _mlp(in_channels: int, hidden_channels: int, dropout: float = 0.0) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(in_channels, hidden_channels),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(hidden_channels, 1),
    )


def _check_sizes(hidden_channels: int, gnn_channels: int, num_layers: int) -> None:
    sizes = {
        "hidden_channels": (hidden_channels, _NUM_INITIAL),
        "gnn_channels": (gnn_channels, 1),
        "num_layers": (num_layers, 1),
    }
    for name, (value, least) in sizes.items():
        check_count(name, value, least)
