"""What is known of the flows and links of one or more networks while their events go by.

Several networks stand side by side in one state: flows and links are numbered through, and share
nothing. So one call treats one event of each network.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from m4graph.core.units import BITS_PER_BYTE, NS_PER_S
from m4graph.estimate.maxmin.filling import Scratch, make_scratch
from m4graph.estimate.maxmin.layout import FLOW, HOP, LINK, Shares
from m4graph.estimate.maxmin.volumes import link_bytes_per_ns, volumes_and_latencies
from m4graph.graph.schema import EDGE_FEATURES, FLOW_FEATURES, LINK_FEATURES
from m4graph.runs.flow_network import FlowNetwork
from m4graph.runs.settings import NAMES, configuration_features, held_wait_ns
from m4graph.scenario.congestion import BASE_RTT_NS
from m4graph.scenario.ideal import HEADER_BYTES

FLOW_RECORD = np.dtype(
    [
        ("start_ns", "i8"),
        ("ideal_ns", "f8"),
        ("wire_bytes", "f8"),
        ("latency_ns", "f8"),  # of the ideal FCT, beyond the time to drain
        ("rate", "f8"),  # of the slowest link of the route, bytes/ns
        ("rtt_ns", "f8"),  # idle round trip; of a flow within one window, its ideal FCT
        ("window_bytes", "f8"),  # on the wire, whole packets
        ("last_window_bytes", "f8"),
        ("is_burst", "i4"),  # it fits into one window, and into the pipe
        ("fills_pipe", "i4"),  # its window does
        ("variable_window", "i4"),
        # Estimates of the present:
        ("share", "f8"),  # rate, bytes/ns
        ("remaining", "f8"),  # bytes to send at settled_ns
        ("settled_ns", "i8"),
        ("rest_share", "f8"),  # the same when waits have come to rest
        ("queue_ns", "f8"),  # wait along the route
        ("rest_ns", "f8"),  # where it comes to rest
        ("waited", "f8"),  # its integral since the start, ns * ns
        ("open_bytes", "f8"),  # in flight
        ("pace", "f8"),  # rate that it may not exceed
        ("burst_ns", "f8"),  # FCT of a flow within one window, as estimated when it arrived
        ("burst_wait_ns", "f8"),  # of its first window, behind other bursts
        ("first_wait_ns", "f8"),  # in standing queues, when it arrived
        # Of congestion control, see control.py:
        ("grant", "f8"),
        ("least_grant", "f8"),
        ("target", "f8"),  # DCQCN's; below 0: never marked
        ("rises", "f8"),
        ("stage", "f8"),
        ("trip_ns", "f8"),
        ("marking", "f8"),
        ("reacted_ns", "i8"),
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
        ("wait_ns", "f8"),  # at wait_at_ns
        ("wait_at_ns", "i8"),
        ("rest_ns", "f8"),  # where the wait comes to rest
        ("speed", "f8"),  # how fast, ns/ns
        ("squeeze", "f8"),  # what its rate is of what its flows would send at rest, 1 at most
        ("held_ns", "f8"),  # congestion control lets it grow no further
        ("used", "f8"),  # bytes/ns
        ("marking", "f8"),
        ("marking_bytes", "f8"),  # threshold, or the pool where nothing is marked
        ("burst_bytes", "f8"),  # of bursts, queued at burst_at_ns
        ("inflow_bytes", "f8"),  # of bursts, on their way
        ("inflow_ns", "f8"),  # until they are in
        ("burst_at_ns", "f8"),
        ("updated_ns", "i8"),
        ("stamp", "i8"),  # of the last step that has given it a row
        ("seen", "i8"),  # of the last step that has looked for its flows
        ("row", "i4"),
        ("kind", "i4"),
        ("src", "i4"),
        ("dst", "i4"),
        ("reverse", "i4"),  # the other direction of its cable, -1: none
        ("num_long", "i4"),  # flows that do not fit into one window
        ("network", "i4"),
    ],
    align=True,
)
NODE_RECORD = np.dtype([("pool_bytes", "f8"), ("queue_bytes", "f8")], align=True)
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

_KMAX_NS = NAMES.index("kmax_ns")
_ACK_BYTES = 60

NUM_FLOWS, NUM_UPDATED, NUM_LINKS, NUM_EDGES, STAMP, IS_WIDE = range(6)


class TrackerState(NamedTuple):
    """Flows, links, and the buffers for one step (see :class:`.step.EventStep`)."""

    shares: Shares  # who crosses what, and max-min fair rates
    scratch: Scratch
    flows: np.ndarray
    links: np.ndarray
    nodes: np.ndarray
    networks: np.ndarray
    control: np.ndarray  # float64 [num_networks, num_configuration], raw
    configuration: np.ndarray  # float32 [num_networks, num_features]
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
    flows = np.concatenate([_flow_records(net, i) for i, net in enumerate(networks)])
    first_node = np.cumsum([0, *(len(net.node_pool_bytes) for net in networks)])
    first_link = np.cumsum([0, *(net.num_links for net in networks)])
    links = np.concatenate(
        [
            _link_records(net, i, int(first_node[i]), int(first_link[i]))
            for i, net in enumerate(networks)
        ]
    )
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
        nodes=np.concatenate([_node_records(net) for net in networks]),
        networks=np.array([_network_record(net) for net in networks], NETWORK_RECORD),
        control=np.stack([net.configuration for net in networks]),
        configuration=np.stack(
            [configuration_features(net.configuration, _nic_rate(net)) for net in networks]
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
        "edge_x": np.zeros((num_hops, len(EDGE_FEATURES)), np.float32),
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
    packet_bytes = payload + HEADER_BYTES
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
    delay_ns = network.link_delay_ns[network.route_links]
    per_hop_ns = 2 * delay_ns + (packet_bytes + _ACK_BYTES) / rate
    trip_ns = np.add.reduceat(per_hop_ns, starts)
    pipe_bytes = trip_ns * flows["rate"]
    window = int(network.window_bytes[0])
    # The last packet of a window may start when a byte of it is left.
    wire_window = -(-window // payload) * packet_bytes
    flows["window_bytes"] = wire_window if window else np.maximum(pipe_bytes, packet_bytes)
    is_burst = flows["wire_bytes"] <= np.minimum(flows["window_bytes"], pipe_bytes)
    flows["is_burst"] = is_burst
    flows["fills_pipe"] = flows["window_bytes"] >= pipe_bytes
    flows["rtt_ns"] = np.where(is_burst, network.ideal_fct_ns, trip_ns)
    last = np.mod(flows["wire_bytes"], flows["window_bytes"])
    flows["last_window_bytes"] = np.where(last > 0.0, last, flows["window_bytes"])
    value = dict(zip(NAMES, network.configuration.tolist(), strict=True))
    flows["variable_window"] = value["variable_window"] > 0
    flows["grant"] = 1.0
    least = value["min_rate_bps"] / (BITS_PER_BYTE * NS_PER_S) / flows["rate"]
    flows["least_grant"] = np.minimum(np.maximum(least, 1e-3), 1.0)
    flows["target"] = -1.0
    flows["trip_ns"] = trip_ns
    flows["network"] = index
    return flows


def _link_records(network: FlowNetwork, index: int, first_node: int, first_link: int) -> np.ndarray:
    links = np.zeros(network.num_links, LINK_RECORD)
    links["rate"] = link_bytes_per_ns(network)
    links["squeeze"] = 1.0
    links["delay_ns"] = network.link_delay_ns
    links["kind"] = network.link_kind
    links["network"] = index
    links["src"] = network.link_src + first_node
    links["dst"] = network.link_dst + first_node
    reverse = _reverse(network)
    links["reverse"] = np.where(reverse >= 0, reverse + first_link, -1)
    marks = network.configuration[_KMAX_NS] * links["rate"]
    pool = network.node_pool_bytes[network.link_src]
    threshold = np.where(marks > 0.0, marks, pool)
    links["held_ns"] = np.where(network.link_kind & 1, np.inf, held_wait_ns(network.configuration))
    links["marking_bytes"] = np.where(threshold > 0.0, threshold, _nic_rate(network) * BASE_RTT_NS)
    return links


def _reverse(network: FlowNetwork) -> np.ndarray:
    """The link of the other direction, -1: none, int64 ``[num_links]``."""
    num_nodes = len(network.node_pool_bytes)
    there = network.link_src.astype(np.int64) * num_nodes + network.link_dst
    back = network.link_dst.astype(np.int64) * num_nodes + network.link_src
    order = np.argsort(there)
    place = np.minimum(np.searchsorted(there[order], back), len(there) - 1)
    return np.where(there[order][place] == back, order[place], -1)


def _node_records(network: FlowNetwork) -> np.ndarray:
    nodes = np.zeros(len(network.node_pool_bytes), NODE_RECORD)
    nodes["pool_bytes"] = network.node_pool_bytes
    return nodes


def _network_record(network: FlowNetwork) -> tuple[int, float, float, float, float]:
    rate = _nic_rate(network)
    packet_bytes = float(network.payload_bytes[0] + HEADER_BYTES)
    window = float(network.window_bytes[0]) or rate * BASE_RTT_NS
    return 0, packet_bytes / rate, packet_bytes, window, rate
