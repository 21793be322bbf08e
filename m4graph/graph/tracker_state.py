"""The estimate of some networks, and the graph of one step of theirs in buffers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from m4graph.core.arrays import grown
from m4graph.estimate import build
from m4graph.estimate.state import Estimate
from m4graph.graph.schema import EDGE_FEATURES, FLOW_FEATURES, LINK_FEATURES
from m4graph.runs.flow_network import FlowNetwork
from m4graph.runs.settings import configuration_features

FLOW_MARK = np.dtype(
    [
        ("updated_ns", "i8"),  # last step with it
        ("stamp", "i8"),  # number of the last step that has given it a row
        ("row", "i4"),  # in that step
    ],
    align=True,
)
LINK_MARK = np.dtype(
    [
        ("updated_ns", "i8"),
        ("stamp", "i8"),
        ("seen", "i8"),  # number of the last step that has looked for its flows
        ("row", "i4"),
    ],
    align=True,
)

NUM_FLOWS, NUM_UPDATED, NUM_LINKS, NUM_EDGES, STAMP, IS_WIDE = range(6)


class TrackerState(NamedTuple):
    """Flows, links, and the buffers for one step (see :class:`.step.EventStep`)."""

    estimate: Estimate
    flow_marks: np.ndarray  # FLOW_MARK [num_flows]
    link_marks: np.ndarray  # LINK_MARK [num_links]
    configuration_x: np.ndarray  # float32 [num_networks, num_features]
    counts: np.ndarray  # int64: rows in use below, and the number of steps
    flow_ids: np.ndarray
    flow_x: np.ndarray
    flow_gap: np.ndarray
    link_ids: np.ndarray
    link_x: np.ndarray
    link_gap: np.ndarray
    edge_flow: np.ndarray
    edge_link: np.ndarray
    edge_x: np.ndarray


def make_tracker_state(networks: Sequence[FlowNetwork], is_wide: bool = False) -> TrackerState:
    """Puts networks side by side, with no flow active yet.

    Args:
        networks (list of FlowNetwork): One or more.
        is_wide (bool): An event touches the whole component of its flow. (default: ``False``)
    """
    estimate = build.make_estimate(networks)
    state = TrackerState(
        estimate=estimate,
        flow_marks=np.zeros(len(estimate.flows), FLOW_MARK),
        link_marks=np.zeros(len(estimate.links), LINK_MARK),
        configuration_x=np.stack(
            [configuration_features(net.configuration, build.nic_rate(net)) for net in networks]
        ),
        counts=np.array([0, 0, 0, 0, 0, is_wide], np.int64),
        **_buffers(0, 0),
    )
    return with_room(state, 64 * len(networks), 16 * 64 * len(networks))


def admit_flows(
    state: TrackerState, flows: FlowNetwork, num_flows: int, num_hops: int
) -> TrackerState:
    """The state of one network with more flows, none of them active; their starts do not matter.

    Args:
        state (TrackerState): Of one network.
        flows (FlowNetwork): The new flows, on the same links.
        num_flows (int): Flows that it has so far.
        num_hops (int): Hops of all their routes.
    """
    estimate = build.admit_flows(state.estimate, flows, num_flows, num_hops)
    if len(estimate.flows) == len(state.flow_marks):
        return state._replace(estimate=estimate)
    return state._replace(
        estimate=estimate, flow_marks=grown(state.flow_marks, len(estimate.flows))
    )


def start_flows(
    state: TrackerState, flow_ids: NDArray[np.int64], start_ns: NDArray[np.int64]
) -> None:
    """Sets the starts of flows that are not active yet."""
    build.start_flows(state.estimate, flow_ids, start_ns)


def with_room(state: TrackerState, num_flows: int, num_hops: int) -> TrackerState:
    """The same state with buffers for a step of at least so many flows and hops."""
    if len(state.flow_ids) >= num_flows and len(state.edge_flow) >= num_hops:
        return state
    return state._replace(**_buffers(2 * num_flows, 2 * num_hops))


def _buffers(num_flows: int, num_hops: int) -> dict[str, Any]:
    return {
        "flow_ids": np.zeros(num_flows, np.int64),
        "flow_x": np.zeros((num_flows, len(FLOW_FEATURES)), np.float32),
        "flow_gap": np.zeros(num_flows, np.float32),
        "link_ids": np.zeros(num_hops, np.int64),
        "link_x": np.zeros((num_hops, len(LINK_FEATURES)), np.float32),
        "link_gap": np.zeros(num_hops, np.float32),
        "edge_flow": np.zeros(num_hops, np.int64),
        "edge_link": np.zeros(num_hops, np.int64),
        "edge_x": np.zeros((num_hops, len(EDGE_FEATURES)), np.float32),
    }
