r"""RouteNet on snapshots: paths read the links of their route in order, links hear their paths."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch_geometric.data import Batch, HeteroData
from torch_geometric.utils import scatter, to_dense_batch

import m4graph as m4
from m4graph.graph import event_snapshots
from m4graph.graph.schema import CROSSED_BY, FLOW, FLOW_FEATURES, LINK, LINK_FEATURES
from m4graph.runs.events import ARRIVAL
from m4graph_baselines.static import StaticSimulator

LOG_FLUID = "log_fluid_slowdown"
"""The field of flows that a snapshot lacks: log of the fluid simulator's slowdown."""

_IS_EVENT_FLOW = FLOW_FEATURES.index("is_event_flow")
_GRAPHS_A_BATCH = 256


class RouteNet(nn.Module):
    r"""Message passing along routes. In each iteration, a flow's state runs through a GRU over the
    states of the links of its route, hop by hop, and a link takes in the sum of what its flows are
    when they come by:

    .. math::
        \mathbf{h}_{f,0} = \mathbf{h}_f, \qquad
        \mathbf{h}_{f,k} = \mathrm{GRU}(\mathbf{h}_{l_k}, \mathbf{h}_{f,k-1}), \qquad
        \mathbf{h}_f \leftarrow \mathbf{h}_{f,K}, \qquad
        \mathbf{h}_l \leftarrow \mathrm{GRU}'\bigl(\sum_{f, k:\, l_k = l} \mathbf{h}_{f,k},
        \mathbf{h}_l\bigr)

        \log \hat{s}_f = \log p_f + \mathrm{MLP}([\mathbf{h}_f, \mathbf{x}_f])

    where :math:`p_f` is the slowdown in the fluid simulator.

    Args:
        hidden_channels (int, optional): Width of the states. (default: ``32``)
        num_iterations (int, optional): Of message passing. (default: ``4``)

    Shapes:
        - input: a snapshot or a ``Batch`` of them, with ``log_fluid_slowdown`` of each flow
        - output: log slowdowns ``[num_flows]``; may fall below 0, which a user cuts off

    Reference:
        Ferriol-Galmes et al., "RouteNet-Fermi: Network Modeling With Graph Neural Networks",
        IEEE/ACM Transactions on Networking, 2023. It has queues as a third kind of node, and reads
        delays off link by link.
    """

    flow_features = (*FLOW_FEATURES, LOG_FLUID)
    link_features = LINK_FEATURES

    def __init__(self, hidden_channels: int = 32, num_iterations: int = 4) -> None:
        super().__init__()
        self.config = {"hidden_channels": hidden_channels, "num_iterations": num_iterations}
        num_features = len(self.flow_features)
        self.flow_encoder = _mlp(num_features, hidden_channels, hidden_channels)
        self.link_encoder = _mlp(len(self.link_features), hidden_channels, hidden_channels)
        self.along_route = nn.GRU(hidden_channels, hidden_channels, batch_first=True)
        self.link_cell = nn.GRUCell(hidden_channels, hidden_channels)
        self.head = _mlp(num_features + hidden_channels, hidden_channels, 1)
        for weights in self.head[-1].parameters():
            nn.init.zeros_(weights)  # an untrained model says what fluid says

    def forward(self, data: HeteroData) -> Tensor:
        """Predicts the log slowdown of every flow of a snapshot."""
        log_fluid: Tensor = data[FLOW][LOG_FLUID]
        flow_x = torch.cat((data[FLOW].x, log_fluid[:, None]), 1)
        link_x = data[LINK].x
        links, flows = data[CROSSED_BY].edge_index
        # [num_flows, longest route]; what stands behind a route's end is read, but never used.
        route, is_hop = to_dense_batch(links, flows, batch_size=len(flow_x))
        last = is_hop.sum(1) - 1
        rows = torch.arange(len(flow_x), device=last.device)
        flow_h, link_h = self.flow_encoder(flow_x), self.link_encoder(link_x)
        for _ in range(self.config["num_iterations"]):
            at_hop, _ = self.along_route(link_h[route], flow_h[None])
            flow_h = at_hop[rows, last]
            heard = scatter(at_hop[is_hop], links, dim_size=len(link_h), reduce="sum")
            link_h = self.link_cell(heard, link_h)
        log_ratio: Tensor = self.head(torch.cat((flow_h, flow_x), 1))
        return log_fluid + log_ratio[:, 0]


class RouteNetSimulator(StaticSimulator):
    """A :class:`RouteNet` that looks at each flow once, at its arrival."""

    name = "routenet"
    kind = RouteNet

    @torch.inference_mode()
    def log_slowdown(self, scenario: m4.Scenario) -> NDArray[np.float64]:
        """The log of each flow's slowdown, from the snapshot of its arrival."""
        fluid = m4.simulate(scenario, "fluid")
        log_fluid = torch.from_numpy(np.log(fluid.slowdown).astype(np.float32))
        found = torch.zeros(scenario.num_flows, dtype=torch.float64)
        snapshots = event_snapshots(scenario, fluid)
        arrivals = (data for data in snapshots if data.event_kind == ARRIVAL)
        for graphs in _batches(map(slim, arrivals), _GRAPHS_A_BATCH):
            batch = Batch.from_data_list(graphs)
            flow = batch[FLOW]
            flow[LOG_FLUID] = log_fluid[flow.n_id]
            arriving = flow.x[:, _IS_EVENT_FLOW] > 0
            found[flow.n_id[arriving]] = self.model(batch)[arriving].double()
        return found.numpy()


def slim(data: HeteroData) -> HeteroData:
    """The fields of a snapshot that a :class:`RouteNet` reads: fewer are batched faster."""
    kept = HeteroData()
    kept[FLOW].x, kept[FLOW].n_id = data[FLOW].x, data[FLOW].n_id
    kept[LINK].x = data[LINK].x
    kept[CROSSED_BY].edge_index = data[CROSSED_BY].edge_index
    return kept


def _batches(graphs: Iterable[HeteroData], size: int) -> Iterator[list[HeteroData]]:
    graphs = iter(graphs)
    while batch := list(islice(graphs, size)):
        yield batch


def _mlp(in_channels: int, hidden_channels: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(in_channels, hidden_channels),
        nn.ReLU(),
        nn.Linear(hidden_channels, out_channels),
    )
