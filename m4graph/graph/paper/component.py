"""The original m4's scope: at every event, all flows that are joined to its flow by shared links.

A connected component of active flows and the links that they use gets a name when it comes up;
components merge when a flow arrives that joins them, never split, and end with their last flow.
:class:`ComponentTracker` is to :class:`~m4graph.nn.PaperModel` what
:class:`~m4graph.graph.FlowTracker` is to :class:`~m4graph.nn.FlowLinkModel`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from m4graph.core.arrays import grown
from m4graph.graph.paper.component_kernel import (
    NUM_ACTIVE,
    NUM_EDGES,
    NUM_FLOWS,
    NUM_HOPS,
    NUM_LINKS,
    Components,
    advance,
)
from m4graph.graph.tracker import Tracker
from m4graph.runs.flow_network import FlowNetwork, joined_routes
from m4graph.runs.paper_settings import NAMES as CONFIGURATION_FEATURES

SCHEMA_VERSION = 1

FLOW_FEATURES = (
    "log2_size",  # log2(size / 1000 + 1)
    "num_links",  # of the flow's route
    *(f"configuration_{name}" for name in CONFIGURATION_FEATURES),
)
LINK_FEATURES: tuple[str, ...] = ()
"""A link is known by its state alone."""


@dataclass(frozen=True, eq=False)
class ComponentStep:
    """The component of one event (or of one event of each of several networks).

    Rows of flows and links refer to the numbering of the tracker; edges to rows of this step. The
    arriving flow is among the flows, the departing one is not.

    Shapes:
        - ``flow_ids`` int64, ``flow_is_new`` bool, ``flow_gap_us`` ``[num_flows]``; ``flow_x``
          ``[num_flows, 15]``, see :data:`FLOW_FEATURES`
        - ``link_ids`` int64, ``link_is_new`` bool, ``link_gap_us`` ``[num_links]``; a link is new
          when it was idle before
        - ``edge_flow``, ``edge_link`` int64 ``[num_edges]``: rows
        - ``hop_link`` int64: rows of the links of the arriving flow's route, in order; for several
          networks one after the other
    """

    flow_ids: Tensor
    flow_x: Tensor
    flow_is_new: Tensor
    flow_gap_us: Tensor
    link_ids: Tensor
    link_is_new: Tensor
    link_gap_us: Tensor
    edge_flow: Tensor
    edge_link: Tensor
    hop_link: Tensor

    @property
    def num_updated(self) -> int:
        """Links whose states change: all of them."""
        return len(self.link_ids)

    def to(self, device: torch.device | str) -> ComponentStep:
        """The same step on another device."""
        moved: dict[str, Any] = {
            field.name: getattr(self, field.name).to(device) for field in fields(self)
        }
        return ComponentStep(**moved)


class ComponentTracker(Tracker[ComponentStep]):
    """Follows the flows of some networks event by event, and gives the component of each event.

    Flows and links of all networks are numbered through, in the order of the networks.

    Args:
        networks (list of FlowNetwork): One or more.
    """

    def __init__(self, networks: Sequence[FlowNetwork]) -> None:
        super().__init__(networks)
        self._state = _make_state(networks, self.first_flow, self.num_links)
        self._flow_x = np.concatenate([_flow_x(net) for net in networks])

    def now_ns(self, flow_ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """The time in each flow's network, int64 ``[len(flow_ids)]``."""
        return np.asarray(self._state.now_ns[self._state.network[flow_ids]])

    def _admit(self, flows: FlowNetwork) -> None:
        first, first_hop = self.num_flows, self._num_hops
        total, hops = first + flows.num_flows, first_hop + len(flows.route_links)
        if total > len(self._state.parent) or hops > len(self._state.route_links):
            self._state = _with_flows(self._state, 2 * max(total, 512), 2 * max(hops, 4096))
        self._state.route_ptr[first : total + 1] = flows.route_ptr + first_hop
        self._state.route_links[first_hop:hops] = flows.route_links
        if total > len(self._flow_x):
            self._flow_x = grown(self._flow_x, first + 2 * total)
        self._flow_x[first:total] = _flow_x(flows)

    def _num_active(self) -> int:
        return int(self._state.counts[NUM_ACTIVE])

    def _make_room(self, num_flows: int, num_hops: int) -> None:
        self._state = _with_room(self._state, num_flows, num_hops)

    def _advance(self, events: np.ndarray) -> None:
        advance(self._state, events)

    def _read(self) -> ComponentStep:
        state, counts = self._state, self._state.counts
        flows, links = slice(counts[NUM_FLOWS]), slice(counts[NUM_LINKS])
        edges, hops = slice(counts[NUM_EDGES]), slice(counts[NUM_HOPS])
        flow_ids = state.flow_ids[flows].copy()
        return ComponentStep(
            flow_ids=torch.from_numpy(flow_ids),
            flow_x=torch.from_numpy(self._flow_x[flow_ids]),
            flow_is_new=torch.from_numpy(state.flow_is_new[flows].copy()),
            flow_gap_us=torch.from_numpy(state.flow_gap_us[flows].copy()),
            link_ids=torch.from_numpy(state.link_ids[links].copy()),
            link_is_new=torch.from_numpy(state.link_is_new[links].copy()),
            link_gap_us=torch.from_numpy(state.link_gap_us[links].copy()),
            edge_flow=torch.from_numpy(state.edge_flow[edges].copy()),
            edge_link=torch.from_numpy(state.edge_link[edges].copy()),
            hop_link=torch.from_numpy(state.hop_link[hops].copy()),
        )


def _flow_x(network: FlowNetwork) -> NDArray[np.float32]:
    configuration = network.paper_configuration
    own = np.stack((np.log2(network.size_bytes / 1000 + 1), np.diff(network.route_ptr)), 1)
    wide = np.broadcast_to(configuration, (network.num_flows, len(configuration)))
    return np.concatenate((own, wide), 1).astype(np.float32)


def _make_state(
    networks: Sequence[FlowNetwork], first_flow: NDArray[np.int64], num_links: int
) -> Components:
    route_ptr, route_links = joined_routes(networks)
    index = np.arange(len(networks), dtype=np.int32)
    return Components(
        route_ptr=route_ptr,
        route_links=route_links,
        network=np.repeat(index, np.diff(first_flow)),
        **_zeros(_OF_FLOWS, int(first_flow[-1])),
        **_zeros(("users", "member", "stamp", "row"), num_links),
        is_idle=np.ones(num_links, bool),
        now_ns=np.zeros(len(networks), np.int64),
        counts=np.zeros(6, np.int64),
        **_buffers(64 * len(networks), 64 * 8 * len(networks)),
    )


_OF_FLOWS = ("updated_ns", "parent", "before", "after", "head", "tail")


def _zeros(names: Sequence[str], length: int) -> dict[str, Any]:
    return {name: np.zeros(length, np.int64) for name in names}


def _with_flows(state: Components, num_flows: int, num_hops: int) -> Components:
    """The same state with space for more flows."""
    return state._replace(
        route_ptr=grown(state.route_ptr, num_flows + 1),
        route_links=grown(state.route_links, num_hops),
        network=grown(state.network, num_flows),
        **{name: grown(getattr(state, name), num_flows) for name in _OF_FLOWS},
    )


def _with_room(state: Components, num_flows: int, num_hops: int) -> Components:
    """The same state with buffers for a step of at least so many flows and hops."""
    if len(state.flow_ids) >= num_flows and len(state.edge_flow) >= num_hops:
        return state
    return state._replace(**_buffers(2 * num_flows, 2 * num_hops))


def _buffers(num_flows: int, num_hops: int) -> dict[str, Any]:
    return {
        "flow_ids": np.zeros(num_flows, np.int64),
        "flow_is_new": np.zeros(num_flows, bool),
        "flow_gap_us": np.zeros(num_flows, np.float32),
        "link_ids": np.zeros(num_hops, np.int64),
        "link_is_new": np.zeros(num_hops, bool),
        "link_gap_us": np.zeros(num_hops, np.float32),
        "edge_flow": np.zeros(num_hops, np.int64),
        "edge_link": np.zeros(num_hops, np.int64),
        "hop_link": np.zeros(num_hops, np.int64),
    }
