"""The network that tells from a pod's graph what its ports are like."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import silu
from torch_geometric.data import HeteroData
from torch_geometric.nn import HeteroConv, SAGEConv

from m4graph.core.calls import plain_call
from m4graph.mimic.hetero import EDGE_TYPES, NODE_FEATURES, PORT_FEATURES
from m4graph.mimic.models.graph_curves import NUM_NUMBERS
from m4graph.mimic.models.lindley_curve import NUM_KINDS, NUM_ROLES


@plain_call
class GraphNet(nn.Module):
    """Message passing over a pod's ports and switches; the ports of a role speak together.

    Args:
        hidden_channels (int): Width of all layers.
        num_layers (int): Rounds of messages.

    Shapes:
        - input: graphs of :func:`~m4graph.mimic.hetero.pod_graph`, one or a batch
        - output: float32 ``[num_graphs, NUM_ROLES, NUM_KINDS, NUM_NUMBERS]``, as
          :func:`~m4graph.mimic.models.graph_curves.curves_of` takes them
    """

    feature_mean: Tensor
    feature_std: Tensor
    number_mean: Tensor
    number_std: Tensor

    def __init__(self, hidden_channels: int, num_layers: int) -> None:
        super().__init__()
        self.hidden_channels, self.num_layers = hidden_channels, num_layers
        tiers = ("host", "rack", "agg", "core")
        self.encoders = nn.ModuleDict(
            {tier: nn.Linear(len(NODE_FEATURES), hidden_channels) for tier in tiers}
            | {"port": nn.Linear(len(PORT_FEATURES), hidden_channels)}
        )
        self.layers = nn.ModuleList(
            HeteroConv(
                {edge: SAGEConv(hidden_channels, hidden_channels) for edge in EDGE_TYPES},
                aggr="mean",
            )
            for _ in range(num_layers)
        )
        self.head = nn.Sequential(
            nn.Linear(hidden_channels, hidden_channels),
            nn.SiLU(),
            nn.Linear(hidden_channels, NUM_KINDS * NUM_NUMBERS),
        )
        self.register_buffer("feature_mean", torch.zeros(len(PORT_FEATURES)))
        self.register_buffer("feature_std", torch.ones(len(PORT_FEATURES)))
        self.register_buffer("number_mean", torch.zeros(NUM_ROLES, NUM_KINDS, NUM_NUMBERS))
        self.register_buffer("number_std", torch.ones(NUM_ROLES, NUM_KINDS, NUM_NUMBERS))

    def forward(self, data: HeteroData) -> Tensor:
        """The numbers of each role and kind."""
        scaled = {tier: data[tier].x for tier in self.encoders}
        scaled["port"] = (scaled["port"] - self.feature_mean) / self.feature_std
        x = {tier: encode(scaled[tier]) for tier, encode in self.encoders.items()}
        for layer in self.layers:
            heard = layer({tier: silu(h) for tier, h in x.items()}, data.edge_index_dict)
            x = {tier: h + heard[tier] for tier, h in x.items()}
        ports = silu(x["port"])
        graph = data["port"].get("batch", torch.zeros_like(data["port"].role))
        place = graph * NUM_ROLES + data["port"].role
        num_graphs = int(graph.max()) + 1
        total = ports.new_zeros(num_graphs * NUM_ROLES, ports.shape[1]).index_add(0, place, ports)
        count = torch.bincount(place, minlength=num_graphs * NUM_ROLES)
        numbers: Tensor = self.head(total / count[:, None])
        numbers = numbers.view(num_graphs, NUM_ROLES, NUM_KINDS, NUM_NUMBERS)
        return self.number_mean + self.number_std * numbers
