"""From a scenario to the packet simulator's arrays, and their growth while it runs."""

from __future__ import annotations

from typing import Any

import numpy as np

from m4graph.errors import ConfigError
from m4graph.scenario import Scenario
from m4graph.simulators.packet import layout
from m4graph.simulators.packet.congestion import CONGESTION_KERNELS, CongestionKernel
from m4graph.simulators.packet.labels import label_buffers
from m4graph.simulators.packet.layout import NONE, State
from m4graph.simulators.packet.marking import first_stream
from m4graph.simulators.packet.ports import NS_BITS
from m4graph.units import BITS_PER_BYTE, NS_PER_S, mbps_to_bps

_HEADROOM_CONSTANT_BYTES = 3860
_QUEUES_WITH_HEADROOM = 2
_MIN_SLOTS, _MAX_SLOTS = 1 << 10, 1 << 16
_FIRST_POOL = 1 << 12


def build_state(scenario: Scenario, record_labels: bool) -> State:
    """Lays out all arrays for one run of a scenario.

    Raises:
        ConfigError: If the scenario's congestion control has no packet-level kernel, or a switch's
            headroom leaves nothing of its buffer.
    """
    kernel = CONGESTION_KERNELS.resolve(scenario.congestion_control.kind)
    config = _build_config(scenario, kernel, record_labels)
    links = _build_links(scenario, config)
    nodes = _build_nodes(scenario, links)
    flows = _build_flows(scenario, config, links)
    slots = _num_slots(config, links)
    routes = scenario.routes
    link_load = np.bincount(routes.data_links, minlength=len(links))
    links["active_start"] = np.concatenate(([0], np.cumsum(link_load)[:-1]))
    state = State(
        control=_build_control(),
        config=config,
        links=links,
        nodes=nodes,
        flows=flows,
        marking=first_stream(len(nodes), scenario.seed),
        congestion=_filled(
            len(flows), kernel.flow_state, kernel.make_flow_state(scenario.congestion_control)
        ),
        congestion_config=_filled(1, kernel.parameters, kernel.make_parameters(scenario)),
        timers=np.zeros((len(flows), kernel.num_timers), np.int32),
        packets=np.zeros(0, layout.PACKET),
        in_band=np.zeros(0, kernel.in_band or np.uint8),
        events=np.zeros(0, layout.EVENT),
        slots=_filled(slots, layout.SLOT, (NONE, NONE)),
        occupied=np.zeros(slots // 64, np.uint64),
        heap=np.zeros(0, layout.FAR_EVENT),
        route_links=np.concatenate((routes.data_links, routes.ack_links)).astype(np.int32),
        host_flows=np.zeros(len(flows), np.int32),
        link_flows=np.zeros(len(routes.data_links) if record_labels else 0, np.int32),
        **label_buffers(len(flows), int(config["longest_route"][0]), record_labels),
    )
    state = grow_pools(state)
    _queue_first_flows(state)
    return state


def grow_pools(state: State) -> State:
    """The same state with room for more packets and events; nothing else changes."""
    control = state.control
    packets, first_packet, new_packets = _grow(
        state.packets, _FIRST_POOL, control["free_packet"][0]
    )
    control["free_packet"] = first_packet
    control["packets_left"] += new_packets
    in_band = state.in_band
    if in_band.dtype.names is not None:
        in_band = np.concatenate((in_band, np.zeros(new_packets, in_band.dtype)))
    # A far event moves into the wheel one day, so the wheel's pool is the larger one.
    heap = np.concatenate(
        (state.heap, np.zeros(max(len(state.heap), _FIRST_POOL), layout.FAR_EVENT))
    )
    least = 2 * _FIRST_POOL
    events, first_event, new_events = _grow(state.events, least, control["free_event"][0])
    control["free_event"] = first_event
    control["events_left"] += new_events
    return state._replace(packets=packets, in_band=in_band, events=events, heap=heap)


def _grow(pool: np.ndarray, least: int, free_head: int) -> tuple[np.ndarray, int, int]:
    """Doubles a pool of records; the new ones stand before the old free list."""
    old = len(pool)
    fresh = np.zeros(max(old, least), pool.dtype)
    fresh["next"] = np.arange(old + 1, old + len(fresh) + 1)
    fresh["next"][-1] = free_head
    return np.concatenate((pool, fresh)), old, len(fresh)


def _filled(length: int, dtype: np.dtype[Any], values: tuple[Any, ...]) -> np.ndarray:
    array = np.zeros(length, dtype)
    array[:] = values
    return array


def _build_control() -> np.ndarray:
    control = np.zeros(1, layout.CONTROL)
    control["free_event"] = NONE
    control["free_packet"] = NONE
    return control


def _build_config(scenario: Scenario, kernel: CongestionKernel, record_labels: bool) -> np.ndarray:
    network, congestion = scenario.config, scenario.congestion_control
    config = np.zeros(1, layout.CONFIG)
    config["payload_bytes"] = network.payload_bytes
    config["data_overhead_bytes"] = kernel.data_overhead_bytes
    config["ack_wire_bytes"] = kernel.ack_wire_bytes
    config["window_bytes"] = congestion.init_window_bytes or 0
    config["variable_window"] = congestion.variable_window
    config["min_rate_bps"] = mbps_to_bps(congestion.min_rate_mbps)
    config["ack_priority"] = congestion.ack_priority
    config["pfc"] = network.pfc
    config["pmax"] = network.ecn.pmax
    config["buffer_alpha"] = network.buffer_alpha
    config["record_labels"] = record_labels
    routes = scenario.routes
    config["longest_route"] = np.max(np.diff(routes.data_ptr), initial=1)
    return config


def _build_links(scenario: Scenario, config: np.ndarray) -> np.ndarray:
    arrays, network = scenario.arrays, scenario.config
    rate, delay = arrays.link_rate_bps, arrays.link_delay_ns
    links = np.zeros(arrays.num_links, layout.LINK)
    for name in ("head", "tail", "priority_head", "priority_tail"):
        links[name] = NONE
    links["src"], links["dst"] = arrays.link_src, arrays.link_dst
    links["from_host"] = arrays.link_src < arrays.num_hosts
    links["to_host"] = arrays.link_dst < arrays.num_hosts
    links["rate_bps"], links["delay_ns"] = rate, delay
    wire_bytes = config["payload_bytes"] + config["data_overhead_bytes"]
    links["full_tx_ns"] = wire_bytes * NS_BITS // rate
    links["ack_tx_ns"] = config["ack_wire_bytes"] * NS_BITS // rate
    reference_bps = int(network.ecn.reference_gbps * NS_PER_S)
    links["kmin_bytes"] = network.ecn.kmin_bytes * rate // reference_bps
    links["kmax_bytes"] = network.ecn.kmax_bytes * rate // reference_bps
    links["headroom_limit_bytes"] = (
        2 * (network.payload_bytes + 48)
        + _HEADROOM_CONSTANT_BYTES
        + 2 * rate * delay // (BITS_PER_BYTE * NS_PER_S)
    )
    return links


def _build_nodes(scenario: Scenario, links: np.ndarray) -> np.ndarray:
    arrays, network = scenario.arrays, scenario.config
    nodes = np.zeros(arrays.num_nodes, layout.NODE)
    nodes["wake_ns"] = NONE
    nodes["uplink"][: arrays.num_hosts] = arrays.host_uplink
    flows_of_host = np.bincount(scenario.workload.src, minlength=arrays.num_nodes)
    nodes["flows_start"] = np.concatenate(([0], np.cumsum(flows_of_host)[:-1]))
    headroom = np.zeros(arrays.num_nodes, np.int64)
    np.add.at(headroom, links["dst"], links["headroom_limit_bytes"] * _QUEUES_WITH_HEADROOM)
    if network.headroom_cap is not None:
        headroom = np.minimum(headroom, int(network.headroom_cap * network.buffer_bytes))
    nodes["pool_limit_bytes"] = network.buffer_bytes - headroom
    nodes["headroom_limit_bytes"] = headroom
    nodes["buffer_limit_bytes"] = network.buffer_bytes
    for switch in range(arrays.num_hosts, arrays.num_nodes):
        if headroom[switch] >= network.buffer_bytes:
            raise ConfigError(
                f"network.buffer_bytes: expected more than the PFC headroom of switch {switch}, "
                f"{headroom[switch]} bytes (got {network.buffer_bytes}); raise it, or set "
                f"network.headroom_cap (0.8, say)"
            )
    return nodes


def _build_flows(scenario: Scenario, config: np.ndarray, links: np.ndarray) -> np.ndarray:
    workload, routes, arrays = scenario.workload, scenario.routes, scenario.arrays
    flows = np.zeros(workload.num_flows, layout.FLOW)
    flows["size_bytes"] = workload.size_bytes
    flows["start_ns"] = workload.start_ns
    flows["src"] = workload.src
    flows["data_position"] = routes.data_ptr[:-1]
    flows["ack_position"] = routes.ack_ptr[:-1] + len(routes.data_links)
    flows["num_links"] = np.diff(routes.data_ptr)
    flows["finish_ns"] = NONE
    flows["nack_seq"] = NONE
    rate = arrays.link_rate_bps[arrays.host_uplink[workload.src]]
    flows["rate_bps"] = flows["line_rate_bps"] = rate
    flows["full_pace_ns"] = links["full_tx_ns"][arrays.host_uplink[workload.src]]
    flows["window_bytes"] = config["window_bytes"]
    return flows


def _num_slots(config: np.ndarray, links: np.ndarray) -> int:
    """Slots so that nearly all events fit: a hop, and the pacing of a flow at the lowest rate."""
    hop_ns = int(np.max(links["full_tx_ns"] + links["delay_ns"]))
    wire_bytes = int(config["payload_bytes"][0] + config["data_overhead_bytes"][0])
    pace_ns = wire_bytes * NS_BITS // max(1, int(config["min_rate_bps"][0]))
    wanted = 1 << (max(hop_ns, pace_ns) + 1).bit_length()
    return min(max(wanted, _MIN_SLOTS), _MAX_SLOTS)


def _queue_first_flows(state: State) -> None:
    """Puts the reading of the first flows into the queue's heap, before everything else."""
    if len(state.flows) == 0:
        return
    first = state.heap[0]
    first["time_ns"] = state.flows["start_ns"][0]
    first["kind"] = layout.FLOWS_READ
    state.control["heap_size"] = 1
