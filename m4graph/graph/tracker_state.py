"""What is known of the flows and links of one or more networks while their events go by.

Several networks stand side by side in one state: flows and links are numbered through, and share
nothing. So one call treats one event of each network.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from m4graph.congestion import BASE_RTT_NS
from m4graph.graph.configuration import NAMES
from m4graph.graph.run import FlowNetwork
from m4graph.graph.schema import FLOW_FEATURES, LINK_FEATURES
from m4graph.ideal import HEADER_BYTES
from m4graph.simulators.fluid.layout import FLOW, HOP, LINK, Shares
from m4graph.simulators.fluid.maxmin import Scratch, make_scratch
from m4graph.simulators.fluid.volumes import link_bytes_per_ns, volumes_and_latencies

FLOW_RECORD = np.dtype(
    [
        ("start_ns", "i8"),
        ("ideal_ns", "f8"),
        ("wire_bytes", "f8"),
        ("latency_ns", "f8"),  # of the ideal FCT, beyond the time to drain
        ("rate", "f8"),  # of the slowest link of the route, bytes/ns
        ("window_bytes", "f8"),
        ("pipe_bytes", "f8"),  # what an idle round trip holds
        ("grant", "f8"),  # estimate of the share of the window that congestion control leaves it
        ("grant_ns", "i8"),  # when that was the estimate
        ("grant_per_ns", "f8"),  # its growth while nothing is marked
        ("burst_ns", "f8"),  # FCT of a flow within one window, as estimated when it arrived
        ("updated_ns", "i8"),
        ("stamp", "i8"),
        ("row", "i4"),
        ("network", "i4"),
    ],
    align=True,
)
LINK_RECORD = np.dtype(
    [
        ("rate", "f8"),  # bytes/ns
        ("delay_ns", "f8"),
        ("backlog_bytes", "f8"),
        ("backlog_ns", "i8"),  # when that was the backlog
        ("updated_ns", "i8"),
        ("stamp", "i8"),
        ("row", "i4"),
        ("marking_bytes", "f8"),  # its ECN threshold
        ("kind", "i4"),
        ("network", "i4"),
        # Of the event in progress:
        ("open_bytes", "f8"),
        ("pipe_bytes", "f8"),
        ("backlog_now_bytes", "f8"),
        ("num_limited", "i4"),
    ],
    align=True,
)
NETWORK_RECORD = np.dtype(
    [
        ("now_ns", "i8"),
        ("unit_ns", "f8"),  # a full packet at the slowest NIC
        ("packet_bytes", "f8"),
        ("window_bytes", "f8"),  # of the configuration, or the NIC's pipe if there is none
        ("nic_rate", "f8"),
    ],
    align=True,
)
_LOG_KMAX = NAMES.index("log_kmax")
_LOG_ADDITIVE_INCREASE = NAMES.index("log_additive_increase")

EVENT_RECORD = np.dtype([("time_ns", "i8"), ("flow", "i4"), ("kind", "i4")], align=True)

NUM_FLOWS, NUM_UPDATED, NUM_LINKS, NUM_EDGES, STAMP = range(5)


class TrackerState(NamedTuple):
    """Flows, links, fair shares, and the buffers for one step (see :class:`.step.EventStep`)."""

    shares: Shares
    scratch: Scratch
    flows: np.ndarray
    links: np.ndarray
    networks: np.ndarray
    configuration: np.ndarray  # float32 [num_networks, num_configuration]
    counts: np.ndarray  # int64: rows in use below, and the number of steps
    flow_ids: np.ndarray
    flow_x: np.ndarray
    flow_gap: np.ndarray
    link_ids: np.ndarray
    link_x: np.ndarray
    link_gap: np.ndarray
    edge_flow: np.ndarray
    edge_link: np.ndarray


def make_tracker_state(networks: Sequence[FlowNetwork]) -> TrackerState:
    """Puts networks side by side, with no flow active yet."""
    flows = np.concatenate([_flow_records(net, i) for i, net in enumerate(networks)])
    links = np.concatenate([_link_records(net, i) for i, net in enumerate(networks)])
    first_link = np.cumsum([0, *(net.num_links for net in networks)])
    first_hop = np.cumsum([0, *(len(net.route_links) for net in networks)])
    route_ptr = np.concatenate(
        [[0], *(net.route_ptr[1:] + at for net, at in zip(networks, first_hop, strict=False))]
    ).astype(np.int64)
    route_links = np.concatenate(
        [net.route_links + at for net, at in zip(networks, first_link, strict=False)]
    ).astype(np.int32)
    shares = _shares(links["rate"], route_ptr, route_links)
    state = TrackerState(
        shares=shares,
        scratch=make_scratch(len(links), len(flows), len(route_links)),
        flows=flows,
        links=links,
        networks=np.array([_network_record(net) for net in networks], NETWORK_RECORD),
        configuration=np.stack([net.configuration for net in networks]),
        counts=np.zeros(5, np.int64),
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
    total, hops = num_flows + flows.num_flows, num_hops + len(flows.route_links)
    if total > len(state.flows) or hops > len(state.shares.route_links):
        state = _grown_state(state, 2 * max(total, 512), 2 * max(hops, 4096))
    state.flows[num_flows:total] = _flow_records(flows, 0)
    state.shares.route_ptr[num_flows : total + 1] = flows.route_ptr + num_hops
    state.shares.route_links[num_hops:hops] = flows.route_links
    return state


def start_flows(
    state: TrackerState, flow_ids: NDArray[np.int64], start_ns: NDArray[np.int64]
) -> None:
    """Sets the starts of flows that are not active yet."""
    state.flows["start_ns"][flow_ids] = start_ns


def _grown_state(state: TrackerState, num_flows: int, num_hops: int) -> TrackerState:
    shares = state.shares
    return state._replace(
        shares=shares._replace(
            flows=grown(shares.flows, num_flows),
            hops=grown(shares.hops, num_hops),
            route_ptr=grown(shares.route_ptr, num_flows + 1),
            route_links=grown(shares.route_links, num_hops),
            active=grown(shares.active, num_flows),
            changed=grown(shares.changed, num_flows),
        ),
        scratch=make_scratch(len(shares.links), num_flows, num_hops),
        flows=grown(state.flows, num_flows),
    )


def grown(array: np.ndarray, length: int) -> np.ndarray:
    """An array with room for more entries at its end; new ones are 0."""
    larger = np.zeros(length, array.dtype)
    larger[: len(array)] = array
    return larger


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
    }


def _shares(rate: np.ndarray, route_ptr: np.ndarray, route_links: np.ndarray) -> Shares:
    num_flows = len(route_ptr) - 1
    links = np.zeros(len(rate), LINK)
    links["rate"] = rate
    links["head"] = -1
    links["stamp"] = -1
    return Shares(
        links=links,
        flows=np.zeros(num_flows, FLOW),
        hops=np.zeros(len(route_links), HOP),
        route_ptr=route_ptr,
        route_links=route_links,
        active=np.zeros(num_flows, np.int32),
        changed=np.zeros(num_flows, np.int32),
        dirty=np.zeros(len(rate), np.int32),
        counts=np.zeros(6, np.int64),
    )


def _nic_rate(network: FlowNetwork) -> float:
    return float(link_bytes_per_ns(network)[(network.link_kind & 1) == 1].min())


def _flow_records(network: FlowNetwork, index: int) -> np.ndarray:
    flows = np.zeros(network.num_flows, FLOW_RECORD)
    payload = int(network.payload_bytes[0])
    rate = link_bytes_per_ns(network)[network.route_links]
    starts = network.route_ptr[:-1]
    flows["start_ns"] = network.start_ns
    flows["ideal_ns"] = network.ideal_fct_ns
    flows["wire_bytes"], flows["latency_ns"] = volumes_and_latencies(
        network,
        network.size_bytes,
        network.ideal_fct_ns,
        network.route_ptr,
        network.route_links,
        payload,
    )
    flows["rate"] = np.minimum.reduceat(rate, starts)
    packet_ns = (payload + HEADER_BYTES) / rate
    one_way_ns = np.add.reduceat(network.link_delay_ns[network.route_links] + packet_ns, starts)
    back_ns = np.add.reduceat(network.link_delay_ns[network.route_links], starts)
    flows["pipe_bytes"] = (one_way_ns + back_ns) * flows["rate"]
    window = int(network.window_bytes[0])
    wire_window = window * (payload + HEADER_BYTES) / payload
    flows["window_bytes"] = wire_window if window else flows["pipe_bytes"]
    flows["grant"] = 1.0
    # One additive increase a round trip.
    increase = np.expm1(network.configuration[_LOG_ADDITIVE_INCREASE]) * _nic_rate(network)
    flows["grant_per_ns"] = increase / flows["pipe_bytes"]
    flows["network"] = index
    return flows


def _link_records(network: FlowNetwork, index: int) -> np.ndarray:
    links = np.zeros(network.num_links, LINK_RECORD)
    links["rate"] = link_bytes_per_ns(network)
    links["delay_ns"] = network.link_delay_ns
    links["kind"] = network.link_kind
    links["network"] = index
    scale = np.expm1(network.configuration[_LOG_KMAX]) * BASE_RTT_NS
    links["marking_bytes"] = scale * links["rate"]
    return links


def _network_record(network: FlowNetwork) -> tuple[int, float, float, float, float]:
    rate = _nic_rate(network)
    packet_bytes = float(network.payload_bytes[0] + HEADER_BYTES)
    window = float(network.window_bytes[0]) or rate * BASE_RTT_NS
    return 0, packet_bytes / rate, packet_bytes, window, rate
