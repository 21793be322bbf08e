"""From a scenario to the packet simulator's arrays, and their growth while it runs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from m4graph.core.errors import ConfigError
from m4graph.core.products import MOST, multiply_divide
from m4graph.core.units import BITS_PER_BYTE, NS_PER_S, NS_PER_US, mbps_to_bps
from m4graph.routing import Routes
from m4graph.scenario import Scenario
from m4graph.scenario.congestion import MAX_BYTES, PAIR
from m4graph.scenario.headroom import link_headroom_bytes, switch_headroom_bytes
from m4graph.scenario.rdma import RdmaControl
from m4graph.simulators.packet import layout
from m4graph.simulators.packet.congestion import CONGESTION_KERNELS, CongestionKernel
from m4graph.simulators.packet.flows import NewFlows, append_flows, queue_starts
from m4graph.simulators.packet.layout import NONE
from m4graph.simulators.packet.memory import in_lines, zeros
from m4graph.simulators.packet.mrg32k3a import first_stream
from m4graph.simulators.packet.queues import build_queues, configure_queues
from m4graph.simulators.packet.sprayer import Sprayer, check_spraying, configure_spraying
from m4graph.simulators.packet.state import State
from m4graph.simulators.packet.variants import has_recording
from m4graph.simulators.packet.windows import flow_windows
from m4graph.topology import NetworkArrays

_MIN_SLOTS, _MAX_SLOTS = 1 << 10, 1 << 16
_FIRST_POOL = 1 << 12
_FIRST_REQUESTS = 16


def build_state(scenario: Scenario) -> State:
    """Lays out all arrays for one run of a scenario.

    Raises:
        ConfigError: If the scenario's congestion control has no packet-level kernel, or cannot have
            packets on several paths, or a switch's headroom leaves nothing of its buffer.
    """
    workload, routes = scenario.workload, scenario.routes
    check_route_lengths(scenario, routes, workload.id)
    state = build_idle_state(scenario)
    windows = flow_windows(scenario, routes)
    sprayer = Sprayer.of(scenario)
    sprays = None if sprayer is None else sprayer.new(routes)
    flows = NewFlows(workload.size_bytes, routes, windows, sprays)
    kernel = CONGESTION_KERNELS.resolve(scenario.congestion_control.kind)
    new_flow = kernel.make_flow_state(scenario.congestion_control)
    state = append_flows(state, flows, new_flow)
    queue_starts(state, np.arange(workload.num_flows, dtype=np.int32), workload.start_ns)
    state.control["stop_at"] = workload.num_flows
    return state


def build_idle_state(scenario: Scenario) -> State:
    """All arrays of a run without any flow, which nothing observes.

    Raises:
        ConfigError: As :func:`build_state`.
    """
    kernel = CONGESTION_KERNELS.resolve(scenario.congestion_control.kind)
    check_spraying(scenario, kernel)
    config = _build_config(scenario, kernel)
    links = _build_links(scenario, config)
    nodes = _build_nodes(scenario)
    slots = _build_slots(config, links)
    state = State(
        control=_build_control(),
        config=config,
        links=links,
        queues=build_queues(scenario.config.queue, len(links)),
        nodes=nodes,
        flows=np.zeros(0, _flow_type(scenario)),
        marking=first_stream(len(nodes), scenario.seed),
        congestion=np.zeros(0, in_lines(kernel.flow_state)),
        congestion_config=_filled(1, kernel.parameters, kernel.make_parameters(scenario)),
        retries=np.zeros(0, layout.RETRY),
        start_order=np.zeros(0, np.uint32),
        waits=np.zeros(0, layout.WAIT),
        followers=np.zeros(0, np.uint32),
        timers=np.zeros((0, kernel.num_timers), np.int32),
        packets=np.zeros(0, layout.PACKET),
        in_band=np.zeros(0, in_lines(kernel.in_band) if kernel.in_band else np.uint8),
        events=np.zeros(0, layout.EVENT),
        slots=slots,
        occupied=np.zeros(len(slots) // 64, np.uint64),
        heap=np.zeros(0, layout.FAR_EVENT),
        requests=np.zeros(_FIRST_REQUESTS, layout.FAR_EVENT),
        route_links=np.zeros(0, np.uint32),
        host_flows=np.zeros(0, np.uint32),
        link_flows=np.zeros(0, np.int32),
        label_events=np.zeros(0, layout.LABEL_EVENT),
        label_flows=np.zeros(0, np.int32),
        label_remaining_bytes=np.zeros(0, np.int64),
        label_queue_bytes=np.zeros(0, np.int64),
        sprays=zeros(0, layout.SPRAY_OFF if scenario.spraying is None else layout.SPRAY),
        packet_bits=zeros((0, 2), np.uint64),
        wires=np.zeros(0, layout.WIRE_OFF),
        link_hooks=np.zeros(0, layout.LINK_HOOK_OFF),
        meters=np.zeros(0, layout.METER_OFF),
        packet_numbers=np.zeros(0, np.int64),
        tap_rows=np.zeros(0, layout.TAP_ROW),
        hooks=np.zeros(layout.NUM_HOOKS, np.uint64),
    )
    return grow_pools(state)


def check_route_lengths(scenario: Scenario, routes: Routes, flow_id: NDArray[np.int64]) -> None:
    """Checks that the algorithm's packets have room for the switches of all routes.

    Args:
        scenario (Scenario): Tells the algorithm.
        routes (Routes): The routes.
        flow_id (np.ndarray): Ids of their flows, for the message.

    Raises:
        ConfigError: If a route is too long; names the flow.
    """
    kind = scenario.congestion_control.kind
    most = CONGESTION_KERNELS.resolve(kind).max_switches
    if most is None:
        return
    num_switches = np.diff(routes.data_ptr) - 1
    too_long = np.flatnonzero(num_switches > most)
    if len(too_long):
        flow = int(too_long[0])
        raise ConfigError(
            f"flow {flow_id[flow]}: expected at most {most} switches on its route, as many as "
            f"{kind}'s packets have room for (got {num_switches[flow]})"
        )


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
        in_band = _with_zeros(in_band, new_packets)
    # A far event moves into the wheel one day, so the wheel's pool is the larger one.
    heap = _with_zeros(state.heap, max(len(state.heap), _FIRST_POOL))
    least = 2 * _FIRST_POOL
    events, first_event, new_events = _grow(state.events, least, control["free_event"][0])
    control["free_event"] = first_event
    control["events_left"] += new_events
    numbers = state.packet_numbers
    if has_recording(state):
        numbers = np.concatenate((numbers, np.zeros(new_packets, numbers.dtype)))
    return state._replace(
        packets=packets, in_band=in_band, packet_numbers=numbers, events=events, heap=heap
    )


def _grow(pool: np.ndarray, least: int, free_head: int) -> tuple[np.ndarray, int, int]:
    """Doubles a pool of records; the new ones stand before the old free list."""
    old = len(pool)
    more = max(old, least)
    grown = _with_zeros(pool, more)
    grown["next"][old:] = np.arange(old + 1, old + more + 1)
    grown["next"][-1] = free_head
    return grown, old, more


def _with_zeros(array: np.ndarray, more: int) -> np.ndarray:
    grown = zeros(len(array) + more, array.dtype)
    grown[: len(array)] = array
    return grown


def _filled(length: int, dtype: np.dtype[Any], values: tuple[Any, ...]) -> np.ndarray:
    array = np.zeros(length, dtype)
    array[:] = values
    return array


def _build_control() -> np.ndarray:
    control = zeros(1, layout.CONTROL)
    control["free_event"] = NONE
    control["free_packet"] = NONE
    return control


def _build_config(scenario: Scenario, kernel: CongestionKernel) -> np.ndarray:
    network, congestion = scenario.config, scenario.congestion_control
    config = zeros(1, layout.CONFIG)
    config["ticks_per_ns"] = network.ticks_per_ns
    config["byte_ticks"] = BITS_PER_BYTE * NS_PER_S * network.ticks_per_ns
    config["payload_bytes"] = network.payload_bytes
    config["data_overhead_bytes"] = kernel.data_overhead_bytes
    config["ack_wire_bytes"] = kernel.ack_wire_bytes
    config["window_bytes"] = kernel.transport.first_window_bytes(scenario)
    if isinstance(congestion, RdmaControl):
        config["variable_window"] = congestion.variable_window
        config["min_rate_bps"] = mbps_to_bps(congestion.min_rate_mbps)
        timeout_ns = (congestion.retransmit_timeout_us or 0) * NS_PER_US
        config["retransmit_ticks"] = round(timeout_ns * network.ticks_per_ns)
        config["retransmit_limit"] = congestion.retransmit_limit
    config["ecn_capable"] = congestion.ecn_capable
    configure_queues(network.queue, config)
    configure_spraying(scenario, config)
    config["ack_priority"] = congestion.ack_priority
    config["pfc"] = network.pfc
    config["pmax"] = network.ecn.pmax
    config["buffer_alpha"] = network.buffer_alpha
    return config


def _build_links(scenario: Scenario, config: np.ndarray) -> np.ndarray:
    arrays, network = scenario.arrays, scenario.config
    rate, delay = arrays.link_rate_bps, arrays.link_delay_ns
    links = zeros(arrays.num_links, layout.LINK)
    for name in ("head", "tail", "priority_head", "priority_tail", "free_serial"):
        links[name] = NONE
    links["src"], links["dst"] = arrays.link_src, arrays.link_dst
    links["src"][arrays.host_links] = _nics(arrays)
    links["from_host"] = arrays.link_src < arrays.num_hosts
    links["to_host"] = arrays.link_dst < arrays.num_hosts
    links["rate_bps"], links["delay_ticks"] = rate, delay * config["ticks_per_ns"]
    wire_bytes = config["payload_bytes"] + config["data_overhead_bytes"]
    links["full_tx_ticks"] = wire_bytes * config["byte_ticks"] // rate
    links["ack_tx_ticks"] = config["ack_wire_bytes"] * config["byte_ticks"] // rate
    reference_bps = int(network.ecn.reference_gbps * NS_PER_S)
    links["kmin_bytes"] = multiply_divide(network.ecn.kmin_bytes, rate, reference_bps)
    links["kmax_bytes"] = multiply_divide(network.ecn.kmax_bytes, rate, reference_bps)
    if network.queue.kind == "red" or not scenario.congestion_control.ecn_capable:
        links["kmin_bytes"] = links["kmax_bytes"] = MAX_BYTES
    for name in ("kmin_bytes", "kmax_bytes"):
        links[name][np.isin(arrays.link_src, arrays.nvswitches)] = MAX_BYTES
    links["headroom_limit_bytes"] = link_headroom_bytes(arrays, network.payload_bytes)
    return links


def _build_nodes(scenario: Scenario) -> np.ndarray:
    arrays, network = scenario.arrays, scenario.config
    nics = _nics(arrays)
    nodes = zeros(max(arrays.num_nodes, int(nics.max()) + 1), layout.NODE)
    nodes["wake_ticks"] = NONE
    nodes["uplink"][nics] = arrays.host_links
    nodes["sends_no_pause"][arrays.nvswitches] = True
    headroom = np.minimum(switch_headroom_bytes(arrays, network), MOST).astype(np.int64)
    nodes["pool_limit_bytes"][: arrays.num_nodes] = network.buffer_bytes - headroom
    nodes["headroom_limit_bytes"][: arrays.num_nodes] = headroom
    nodes["buffer_limit_bytes"] = network.buffer_bytes
    for switch in range(arrays.num_hosts, arrays.num_nodes):
        if network.queue.kind == "shared" and headroom[switch] >= network.buffer_bytes:
            raise ConfigError(
                f"network.buffer_bytes: expected more than the PFC headroom of switch {switch}, "
                f"{headroom[switch]} bytes (got {network.buffer_bytes}); raise it, or set "
                f"network.headroom_cap (0.8, say)"
            )
    return nodes


def _nics(arrays: NetworkArrays) -> NDArray[np.int64]:
    """The NIC at each of a network's host links: the host, or a number behind all nodes."""
    hosts = arrays.link_src[arrays.host_links].astype(np.int64)
    is_further = np.concatenate(([False], hosts[1:] == hosts[:-1]))
    further = arrays.num_nodes - 1 + np.cumsum(is_further)
    return np.asarray(np.where(is_further, further, hosts))


def _flow_type(scenario: Scenario) -> np.dtype[Any]:
    is_pair = scenario.congestion_control.init_window_bytes == PAIR
    return layout.FLOW_WITH_WINDOW if is_pair else layout.FLOW


def _build_slots(config: np.ndarray, links: np.ndarray) -> np.ndarray:
    """A wheel that holds nearly all events: a hop, and the pacing of a flow at the lowest rate."""
    ticks_per_ns = int(config["ticks_per_ns"][0])
    hop_ticks = int(np.max(links["full_tx_ticks"] + links["delay_ticks"]))
    wire_bytes = int(config["payload_bytes"][0] + config["data_overhead_bytes"][0])
    byte_ticks, min_rate_bps = int(config["byte_ticks"][0]), int(config["min_rate_bps"][0])
    pace_ticks = wire_bytes * byte_ticks // min_rate_bps if min_rate_bps > 0 else 0
    longest_ns = max(hop_ticks, pace_ticks) // ticks_per_ns
    num_slots = min(max(1 << (longest_ns + 1).bit_length(), _MIN_SLOTS), _MAX_SLOTS)
    slots = zeros(num_slots, layout.SLOT if ticks_per_ns == 1 else layout.FINE_SLOT)
    slots["head"] = slots["tail"] = NONE
    return slots
