"""Makes the estimate of some networks, and lets it grow while flows come in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from m4graph.core.arrays import grown
from m4graph.core.units import BITS_PER_BYTE, NS_PER_S
from m4graph.estimate.maxmin.filling import make_scratch
from m4graph.estimate.maxmin.layout import grown_shares, make_shares
from m4graph.estimate.maxmin.volumes import link_bytes_per_ns, volumes_and_latencies
from m4graph.estimate.state import (
    CONTROL_RECORD,
    FLOW_RECORD,
    LINK_RECORD,
    NETWORK_RECORD,
    NODE_RECORD,
    Estimate,
)
from m4graph.runs.flow_network import FlowNetwork, joined_routes
from m4graph.runs.settings import HPCC, OTHER, header_bytes, held_wait_ns, setting_values
from m4graph.scenario.congestion import BASE_RTT_NS
from m4graph.scenario.ideal import ACK_BYTES, HEADER_BYTES, serialization_ticks

_LEAST_GRANT = 1e-3


def make_estimate(networks: Sequence[FlowNetwork]) -> Estimate:
    """Puts networks side by side, with no flow active yet.

    Args:
        networks (list of FlowNetwork): One or more.
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
    route_ptr, route_links = joined_routes(networks)
    return Estimate(
        shares=make_shares(links["rate"], route_ptr, route_links),
        scratch=make_scratch(len(links), len(flows), len(route_links)),
        flows=flows,
        links=links,
        nodes=np.concatenate([_node_records(net) for net in networks]),
        networks=np.array([_network_record(net) for net in networks], NETWORK_RECORD),
        controls=np.array([_control_record(net) for net in networks], CONTROL_RECORD),
    )


def admit_flows(estimate: Estimate, flows: FlowNetwork, num_flows: int, num_hops: int) -> Estimate:
    """The estimate of one network with more flows, none of them active; their starts do not matter.

    Args:
        estimate (Estimate): Of one network.
        flows (FlowNetwork): The new flows, on the same links.
        num_flows (int): Flows that it has so far.
        num_hops (int): Hops of all their routes.
    """
    total, hops = num_flows + flows.num_flows, num_hops + len(flows.route_links)
    if total > len(estimate.flows) or hops > len(estimate.shares.route_links):
        estimate = _grown(estimate, 2 * max(total, 512), 2 * max(hops, 4096))
    estimate.flows[num_flows:total] = _flow_records(flows, 0)
    estimate.shares.route_ptr[num_flows : total + 1] = flows.route_ptr + num_hops
    estimate.shares.route_links[num_hops:hops] = flows.route_links
    return estimate


def start_flows(
    estimate: Estimate, flow_ids: NDArray[np.int64], start_ns: NDArray[np.int64]
) -> None:
    """Sets the starts of flows that are not active yet."""
    estimate.flows["start_ns"][flow_ids] = start_ns


def nic_rate(network: FlowNetwork) -> float:
    """The rate of the slowest NIC, bytes/ns."""
    return float(link_bytes_per_ns(network)[(network.link_kind & 1) == 1].min())


def _grown(estimate: Estimate, num_flows: int, num_hops: int) -> Estimate:
    return estimate._replace(
        shares=grown_shares(estimate.shares, num_flows, num_hops),
        scratch=make_scratch(len(estimate.links), num_flows, num_hops),
        flows=grown(estimate.flows, num_flows),
    )


def _flow_records(network: FlowNetwork, index: int) -> np.ndarray:
    flows = np.zeros(network.num_flows, FLOW_RECORD)
    payload = int(network.payload_bytes[0])
    packet_bytes = payload + HEADER_BYTES
    rate = link_bytes_per_ns(network)[network.route_links]
    starts = network.route_ptr[:-1]
    flows["start_ns"] = network.start_ns
    flows["ideal_ns"] = network.ideal_fct_ns
    volume_bytes, flows["latency_ns"] = volumes_and_latencies(
        network,
        network.size_bytes,
        network.ideal_fct_ns,
        network.route_ptr,
        network.route_links,
        payload,
    )
    # Packets that take no whole nanosecond have no volume; shares of it need one.
    flows["wire_bytes"] = np.where(volume_bytes > 0, volume_bytes, 1.0)
    flows["line_rate"] = np.minimum.reduceat(rate, starts)
    delay_ns = network.link_delay_ns[network.route_links]
    per_hop_ns = 2 * delay_ns + (packet_bytes + ACK_BYTES) / rate
    trip_ns = np.add.reduceat(per_hop_ns, starts)
    pipe_bytes = trip_ns * flows["line_rate"]
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
    value = setting_values(network.configuration)
    flows["variable_window"] = value["variable_window"] > 0
    flows["grant"] = 1.0
    least = value["min_rate_bps"] / (BITS_PER_BYTE * NS_PER_S) / flows["line_rate"]
    flows["least_grant"] = np.minimum(np.maximum(least, _LEAST_GRANT), 1.0)
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
    marks = setting_values(network.configuration)["kmax_ns"] * links["rate"]
    pool = network.node_pool_bytes[network.link_src]
    threshold = np.where(marks > 0.0, marks, pool)
    links["held_ns"] = np.where(network.link_kind & 1, np.inf, held_wait_ns(network.configuration))
    links["marking_bytes"] = np.where(threshold > 0.0, threshold, nic_rate(network) * BASE_RTT_NS)
    return links


def _reverse(network: FlowNetwork) -> np.ndarray:
    """The link of the other direction, -1: none, int64 ``[num_links]``."""
    num_nodes = len(network.node_pool_bytes)
    there = network.link_src.astype(np.int64) * num_nodes + network.link_dst
    back = network.link_dst.astype(np.int64) * num_nodes + network.link_src
    order = np.argsort(there)
    nearest = np.minimum(np.searchsorted(there[order], back), len(there) - 1)
    return np.where(there[order][nearest] == back, order[nearest], -1)


def _node_records(network: FlowNetwork) -> np.ndarray:
    nodes = np.zeros(len(network.node_pool_bytes), NODE_RECORD)
    nodes["pool_bytes"] = network.node_pool_bytes
    return nodes


def _network_record(network: FlowNetwork) -> tuple[int, float, float, float, float, float]:
    rate = nic_rate(network)
    packet_bytes = float(network.payload_bytes[0] + HEADER_BYTES)
    window = float(network.window_bytes[0]) or rate * BASE_RTT_NS
    return 0, packet_bytes / rate, packet_bytes, window, rate, _usable(network)


def _usable(network: FlowNetwork) -> float:
    """HPCC keeps a part of each link free, and some headers are larger than an ideal FCT has them;
    TCP's windows grow from small ones, and its timers stand still, so that no part of a link is
    sure.
    """
    value = setting_values(network.configuration)
    if value["algorithm"] == OTHER:
        return 0.0
    both = int(network.payload_bytes[0]) + np.array(
        [HEADER_BYTES, header_bytes(network.configuration)]
    )
    # Where whole nanoseconds are cut off, a few bytes may make more of a difference.
    slowest_bps = int(network.link_rate_bps[(network.link_kind & 1) == 1].min())
    usual_ns, own_ns = np.maximum(serialization_ticks(both, slowest_bps), 1)
    part = min(both[0] / both[1], usual_ns / own_ns)
    return float(part * value["eta"] if value["algorithm"] == HPCC else part)


def _control_record(network: FlowNetwork) -> tuple[float, ...]:
    value = setting_values(network.configuration)
    return tuple(value[name] for name in CONTROL_RECORD.names or ())
