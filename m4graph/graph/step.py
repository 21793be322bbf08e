"""One event of each of some networks, as the tensors that a model reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from m4graph.estimate.maxmin.layout import NUM_ACTIVE
from m4graph.graph.advance import advance
from m4graph.graph.schema import FLOW_X, SCOPES
from m4graph.graph.tracker import Tracker
from m4graph.graph.tracker_state import (
    NUM_EDGES,
    NUM_FLOWS,
    NUM_LINKS,
    NUM_UPDATED,
    TrackerState,
    admit_flows,
    make_tracker_state,
    start_flows,
    with_room,
)
from m4graph.runs.events import EVENT_RECORD
from m4graph.runs.flow_network import FlowNetwork


@dataclass(frozen=True, eq=False)
class EventStep:
    """The touched flows and links of one event (or of one event of each of several networks).

    Rows of flows and links refer to the numbering of the tracker; edges to rows of this step. The
    first ``num_updated`` links are on the event's route, and all their flows are here.

    Shapes:
        - ``flow_ids`` int64, ``flow_gap`` ``[num_touched]``; ``flow_x``
          ``[num_touched, num_flow_features]``
        - ``link_ids`` int64, ``link_gap`` ``[num_read]``; ``link_x``
          ``[num_read, num_link_features]``
        - ``crosses`` int64 ``[2, num_hops_of_updated]``: flow rows, link rows; ``crosses_x``
          ``[num_hops_of_updated, num_edge_features]``
        - ``crossed_by`` int64 ``[2, num_hops]``: link rows, flow rows; ``crossed_by_x``
          ``[num_hops, num_edge_features]``
    """

    flow_ids: Tensor
    flow_x: Tensor
    flow_gap: Tensor
    link_ids: Tensor
    link_x: Tensor
    link_gap: Tensor
    num_updated: int
    crosses: Tensor
    crosses_x: Tensor
    crossed_by: Tensor
    crossed_by_x: Tensor

    @property
    def log_prior(self) -> Tensor:
        """Log of the physical estimate of each touched flow's slowdown, ``[num_touched]``."""
        return self.flow_x[:, FLOW_X.log_prior]

    @property
    def log_now(self) -> Tensor:
        """Log of what each touched flow's slowdown would be if it finished now, at least 0.05."""
        return self.flow_x[:, FLOW_X.log_now]

    def to(self, device: torch.device | str) -> EventStep:
        """The same step on another device."""
        moved: dict[str, Any] = {
            field.name: value.to(device) if isinstance(value, Tensor) else value
            for field in fields(self)
            for value in [getattr(self, field.name)]
        }
        return EventStep(**moved)


class FlowTracker(Tracker[EventStep]):
    """Follows the flows of some networks event by event, and gives the graph of each step.

    Flows and links of all networks are numbered through, in the order of the networks.

    Args:
        networks (list of FlowNetwork): One or more.
        scope (str): ``"hop"``: an event touches the flows that share a link with its flow, and the
            links of its route. ``"component"``: all flows that are joined to it by shared links,
            and all links of theirs. (default: ``"hop"``)
    """

    def __init__(self, networks: Sequence[FlowNetwork], scope: str = "hop") -> None:
        super().__init__(networks)
        self._state = make_tracker_state(networks, SCOPES.index(scope) == 1)

    @property
    def state(self) -> TrackerState:
        """What the kernels of a step read and write."""
        return self._state

    def start_flows(self, flow_ids: NDArray[np.int64], start_ns: NDArray[np.int64]) -> None:
        """Tells when flows start that are not active yet."""
        start_flows(self._state, flow_ids, start_ns)

    def now_ns(self, flow_ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """The time in each flow's network, int64 ``[len(flow_ids)]``."""
        estimate = self._state.estimate
        return np.asarray(estimate.networks["now_ns"][estimate.flows["network"][flow_ids]])

    def _admit(self, flows: FlowNetwork) -> None:
        self._state = admit_flows(self._state, flows, self.num_flows, self._num_hops)

    def _num_active(self) -> int:
        return int(self._state.estimate.shares.counts[NUM_ACTIVE])

    def _make_room(self, num_flows: int, num_hops: int) -> None:
        self._state = with_room(self._state, num_flows, num_hops)

    def _advance(self, events: np.ndarray) -> None:
        advance(self._state, events)

    def _read(self) -> EventStep:
        state, counts = self._state, self._state.counts
        flows, links, edges = counts[NUM_FLOWS], counts[NUM_LINKS], counts[NUM_EDGES]
        edge_flow, edge_link = state.edge_flow[:edges], state.edge_link[:edges]
        edge_x = state.edge_x[:edges].copy()
        updated = edge_link < counts[NUM_UPDATED]
        return EventStep(
            flow_ids=torch.from_numpy(state.flow_ids[:flows].copy()),
            flow_x=torch.from_numpy(state.flow_x[:flows].copy()),
            flow_gap=torch.from_numpy(state.flow_gap[:flows].copy()),
            link_ids=torch.from_numpy(state.link_ids[:links].copy()),
            link_x=torch.from_numpy(state.link_x[:links].copy()),
            link_gap=torch.from_numpy(state.link_gap[:links].copy()),
            num_updated=int(counts[NUM_UPDATED]),
            crosses=torch.from_numpy(np.stack((edge_flow[updated], edge_link[updated]))),
            crosses_x=torch.from_numpy(edge_x[updated]),
            crossed_by=torch.from_numpy(np.stack((edge_link, edge_flow))),
            crossed_by_x=torch.from_numpy(edge_x),
        )


def no_events(length: int) -> np.ndarray:
    """Records to fill in for :meth:`FlowTracker.step`."""
    return np.zeros(length, EVENT_RECORD)
