"""A model's prediction at one event as a function of dictionaries, as PyG's tools call models."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch_geometric.data import HeteroData
from torch_geometric.nn import MessagePassing
from torch_geometric.typing import EdgeType

from m4graph.core.calls import plain_call
from m4graph.core.errors import ConfigError
from m4graph.graph import EventStep, event_snapshots, to_event_step
from m4graph.graph.schema import CROSSED_BY, CROSSES, FLOW, LINK
from m4graph.nn.model import FlowLinkModel
from m4graph.nn.states import States
from m4graph.results import SimulationResult


@plain_call
class SnapshotModel(nn.Module):
    r"""A :class:`~m4graph.nn.FlowLinkModel` at one event, for :mod:`torch_geometric.explain`.

    A row of a node is all that the model reads of it, :math:`[\mathbf{x}, \Delta, \mathbf{h}]`: the
    features of :mod:`m4graph.graph.schema`, the time since its last update, and the state that
    earlier events have left. So an explanation says of each of them what it is worth.

    .. code-block:: python

        explained = SnapshotModel(model)
        args, options = explained.inputs(snapshot_at(model, result, at_event=100))
        explanation = Explainer(explained, ...)(*args, **options, index=0)

    Args:
        model (FlowLinkModel): The model; its weights are shared.

    Shapes:
        - input: ``x_dict``: ``"flow"`` ``[num_flows, flow_channels + 1 + hidden]``, ``"link"``
          ``[num_links, link_channels + 1 + hidden]``, touched links first; ``edge_index_dict`` and
          ``edge_attr_dict`` of both edge types; ``num_updated``, the number of touched links
        - output: log slowdown ``[num_flows]``

    Raises:
        ConfigError: If the model is another one, its layers are not PyG's, or its scope is not
            ``"hop"``.
    """

    def __init__(self, model: FlowLinkModel) -> None:
        super().__init__()
        _check_model(model)
        self.model = model
        # Where torch_geometric.explain looks for the layers of an edge type.
        self.layers_of = nn.ModuleDict(
            {"__".join(CROSSES): model.link_convs, "__".join(CROSSED_BY): model.flow_convs}
        )

    @staticmethod
    def inputs(
        snapshot: HeteroData,
    ) -> tuple[tuple[dict[str, Tensor], dict[EdgeType, Tensor]], dict[str, Any]]:
        """Positional and named arguments of :meth:`forward`; rows are those of the snapshot.

        Args:
            snapshot (HeteroData): From :func:`snapshot_at` or :func:`stateful_snapshots`.
        """
        x_dict = {
            kind: torch.cat((nodes.x, nodes.gap[:, None], nodes.state), 1)
            for kind in (FLOW, LINK)
            for nodes in [snapshot[kind]]
        }
        edge_index_dict = {kind: snapshot[kind].edge_index for kind in (CROSSES, CROSSED_BY)}
        options = {
            "edge_attr_dict": {kind: snapshot[kind].edge_attr for kind in (CROSSES, CROSSED_BY)},
            "num_updated": int(snapshot[LINK].touched.sum()),
        }
        return (x_dict, edge_index_dict), options

    def forward(
        self,
        x_dict: dict[str, Tensor],
        edge_index_dict: dict[EdgeType, Tensor],
        edge_attr_dict: dict[EdgeType, Tensor],
        num_updated: int,
    ) -> Tensor:
        """The log slowdown that the model predicts for each flow."""
        model = self.model
        flow_x, flow_gap, flow_state = _columns(x_dict[FLOW], model.flow_channels)
        link_x, link_gap, link_state = _columns(x_dict[LINK], model.link_channels)
        step = EventStep(
            flow_ids=torch.arange(len(flow_x), device=flow_x.device),
            flow_x=flow_x,
            flow_gap=flow_gap,
            link_ids=torch.arange(len(link_x), device=link_x.device),
            link_x=link_x,
            link_gap=link_gap,
            num_updated=num_updated,
            crosses=edge_index_dict[CROSSES],
            crosses_x=edge_attr_dict[CROSSES],
            crossed_by=edge_index_dict[CROSSED_BY],
            crossed_by_x=edge_attr_dict[CROSSED_BY],
        )
        out: Tensor = model(step, flow_state, link_state).log_slowdown
        return out


@plain_call
def snapshot_at(model: FlowLinkModel, result: SimulationResult, at_event: int) -> HeteroData:
    """The graph of one event, as :func:`stateful_snapshots` gives it.

    Args:
        model (FlowLinkModel): The model.
        result (SimulationResult): The scenario, and when its flows depart.
        at_event (int): Which event, from 0, in the order of time.

    Raises:
        ConfigError: If there is no such event, or the model is not for a :class:`SnapshotModel`.
    """
    index = -1
    for index, snapshot in enumerate(stateful_snapshots(model, result)):
        if index == at_event:
            return snapshot
    raise ConfigError(f"at_event: expected 0 to {index} (got {at_event!r})")


@torch.no_grad()
def stateful_snapshots(model: FlowLinkModel, result: SimulationResult) -> Iterator[HeteroData]:
    """The graphs of all events of a run, with the states in which the model comes to each.

    With a result of the learned simulator and its model, the model sees what it saw there; only
    departures of the same nanosecond may come in another order. With another result, it follows the
    departures that are given.

    Args:
        model (FlowLinkModel): The model.
        result (SimulationResult): The scenario, and when its flows depart.

    Shapes:
        - ``flow.state`` ``[num_flows, hidden]``, ``link.state`` ``[num_links, hidden]``; all else
          as in :func:`m4graph.to_hetero_data` with scope ``"event"``

    Raises:
        ConfigError: If the model is not for a :class:`SnapshotModel`.
    """
    _check_model(model)
    states = States(model, result.num_flows, result.scenario.arrays.num_links)
    for snapshot in event_snapshots(result.scenario, result):
        snapshot.to(states.flow.device)
        step = to_event_step(snapshot)  # whose rows are those of the snapshot
        flow_state, link_state = states.read(step)
        snapshot[FLOW].state, snapshot[LINK].state = flow_state, link_state
        yield snapshot
        output = model(step, flow_state, link_state)
        states.write(step, output.flow_state, output.link_state)


def _check_model(model: nn.Module) -> None:
    if not isinstance(model, FlowLinkModel):
        raise ConfigError(f"model: expected a FlowLinkModel (got a {type(model).__name__})")
    for layer in (*model.link_convs, *model.flow_convs):
        if not isinstance(layer, MessagePassing):
            raise ConfigError(
                f"model: expected layers of PyG's MessagePassing, whose messages can be masked "
                f"(got a {type(layer).__name__})"
            )
    if model.scope != "hop":
        raise ConfigError(f"model: expected one of scope 'hop' (got {model.scope!r})")


def _columns(rows: Tensor, num_features: int) -> tuple[Tensor, Tensor, Tensor]:
    """Features, gaps and states."""
    return rows[:, :num_features], rows[:, num_features], rows[:, num_features + 1 :]
