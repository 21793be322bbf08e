"""The tracker's physics: windows that circulate, queues between events, bursts, congestion control.

On stars of 8 Gb/s, one byte per nanosecond, so that answers can be worked out by hand.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import brentq

import m4graph as m4
from m4graph.graph.advance import advance
from m4graph.graph.schema import FLOW_FEATURES
from m4graph.graph.tracker_state import NUM_FLOWS, make_tracker_state
from m4graph.runs import FlowNetwork
from m4graph.runs.events import ARRIVAL, DEPARTURE, EVENT_RECORD
from m4graph.runs.settings import NAMES, held_wait_ns
from m4graph.workload import Workload

PACKET, DELAY_NS, LONG = 1048, 1000, 10_000_000
# Data and ACK over two links, each with its delay there and back.
TRIP_NS = 2 * (2 * DELAY_NS + PACKET + 60)
UNMARKED = {"ecn": {"kmin_bytes": 10**8, "kmax_bytes": 10**8}}


def scenario_of(network, flows, control, config=None):
    """Flows ``(src, dst, size_bytes)`` that all start at 0."""
    src, dst, size_bytes = np.array(flows).T
    zeros = np.zeros(len(flows), np.int64)
    workload = Workload.from_arrays(np.arange(len(flows)), src, dst, size_bytes, zeros)
    return m4.Scenario(network, workload, control, config=config or UNMARKED)


def star(delays_ns=(DELAY_NS,) * 6):
    """Hosts around one switch, each at its own distance."""
    network = m4.topology.star(num_hosts=len(delays_ns), gbps=8, delay_ns=DELAY_NS)
    for host, delay_ns in enumerate(delays_ns):
        network.edges[host, len(delays_ns)]["delay_ns"] = delay_ns
    return network


class Run:
    """A tracker's state, and events of one network at times of one's own."""

    def __init__(self, scenario):
        network = FlowNetwork.from_scenario(scenario)
        self.arrays = scenario.arrays
        self.configuration = network.configuration
        self.tracker = make_tracker_state([network])
        self.state = self.tracker.estimate
        self.pool_bytes = network.node_pool_bytes

    def arrive(self, flow, time_ns=0):
        self.state.flows["start_ns"][flow] = time_ns
        advance(self.tracker, np.array([(time_ns, flow, ARRIVAL)], EVENT_RECORD))

    def depart(self, flow, time_ns):
        advance(self.tracker, np.array([(time_ns, flow, DEPARTURE)], EVENT_RECORD))

    def into(self, host):
        """The record of the link to a host."""
        return self.state.links[self.arrays.host_downlink[host]]

    def feature(self, flow, name):
        """A feature of a flow that the last event has touched."""
        row = self.tracker.flow_ids[: self.tracker.counts[NUM_FLOWS]].tolist().index(flow)
        return float(self.tracker.flow_x[row, FLOW_FEATURES.index(name)])


def long_flows(count, window_bytes, kind="dctcp", config=None, delays_ns=(DELAY_NS,) * 6, **fields):
    """A run of so many long flows into the last host, each from a host of its own."""
    flows = [(src, len(delays_ns) - 1, LONG) for src in range(count)]
    control = {"kind": kind, "init_window_bytes": window_bytes, **fields}
    return Run(scenario_of(star(delays_ns), flows, control, config))


LONE = {
    "star": lambda: m4.topology.star(num_hosts=4, gbps=8, delay_ns=5000),
    "fat tree": lambda: m4.topology.fat_tree(k=4, host_gbps=10, fabric_gbps=40, delay_ns=3000),
    "parking lot": lambda: m4.topology.parking_lot(num_switches=4, hosts_per_switch=2),
}


@pytest.mark.parametrize("name", LONE)
@pytest.mark.parametrize("window_bytes", [5000, 12_000])
@pytest.mark.parametrize("size_bytes", [1, 5000, 12_000, 36_000, 100_000, 1_234_567])
def test_a_lone_flow_takes_its_windows_as_in_the_packet_simulator(name, window_bytes, size_bytes):
    network = LONE[name]()
    last = m4.topology.validate(network).num_hosts - 1
    control = {"kind": "dctcp", "init_window_bytes": window_bytes}
    scenario = scenario_of(network, [(0, last, size_bytes)], control)
    run = Run(scenario)
    run.arrive(0)
    prior_ns = scenario.ideal_fct_ns[0] * math.exp(run.feature(0, "log_prior"))
    packet_ns = m4.simulate(scenario, "packet").fct_ns[0]
    assert prior_ns == pytest.approx(packet_ns, abs=3, rel=2e-4)
    flow = run.state.flows[0]
    windows = math.ceil(size_bytes / window_bytes)
    if windows > 1 and not flow["fills_pipe"]:
        last_bytes = size_bytes - (windows - 1) * window_bytes
        last_wire = last_bytes + 48 * math.ceil(last_bytes / 1000)
        by_hand = (
            (windows - 1) * flow["rtt_ns"] + last_wire / flow["line_rate"] + flow["latency_ns"]
        )
        # The ideal, and so the volume, drops what is less than a nanosecond of each packet.
        assert prior_ns == pytest.approx(by_hand, abs=size_bytes / 1000)
        assert packet_ns > 1.1 * scenario.ideal_fct_ns[0]


@pytest.mark.parametrize("delays_ns", [(1000,) * 6, (500, 1000, 2000, 4000, 8000, 1000)])
@pytest.mark.parametrize("count", [2, 3, 5])
def test_the_wait_at_rest_solves_the_balance_of_windows(delays_ns, count):
    window = 5 * PACKET
    run = long_flows(count, 5000, delays_ns=delays_ns)
    for flow in range(count):
        run.arrive(flow)
    trips = [2 * (delays_ns[src] + delays_ns[-1] + PACKET + 60) for src in range(count)]

    def excess(wait_ns):
        return sum(window / (trip + wait_ns) for trip in trips) - 1.0

    expected = brentq(excess, 0, count * window) if excess(0) > 0 else 0.0
    assert run.into(len(delays_ns) - 1)["rest_ns"] == pytest.approx(expected, abs=0.5)
    if len(set(trips)) == 1:
        assert expected == pytest.approx(max(0.0, count * window - trips[0]))
    # The rates at rest fill the link, or are those of windows that wait nowhere.
    shares = run.state.flows["rest_rate"][:count]
    assert shares.sum() == pytest.approx(min(1.0, excess(0) + 1.0), rel=1e-4)
    assert shares == pytest.approx([window / (trip + expected) for trip in trips], rel=1e-3)


def test_a_wait_grows_with_the_excess_and_drains_with_the_gap():
    run = long_flows(4, 5000)
    window = 5 * PACKET
    for flow in range(3):
        run.arrive(flow)
    sent = window / TRIP_NS  # bytes/ns of a flow that does not wait
    rest_ns = 3 * window - TRIP_NS
    link = run.into(5)
    assert link["wait_ns"] == 0
    assert link["speed"] == pytest.approx(3 * sent - 1)
    assert link["used"] == pytest.approx(1)
    # Half of the way after half of the time, and no further than where it rests.
    half = round(0.5 * rest_ns / (3 * sent - 1))
    run.arrive(3, half)
    assert link["wait_ns"] == pytest.approx((3 * sent - 1) * half)
    assert link["rest_ns"] == pytest.approx(4 * window - TRIP_NS, abs=0.5)
    grown = link["wait_ns"]
    # All flows now wait that long; what four send beyond the link's rate goes on to queue.
    assert link["speed"] == pytest.approx(4 * window / (TRIP_NS + grown) - 1)
    run.depart(3, 10**6)
    assert link["wait_ns"] == pytest.approx(4 * window - TRIP_NS, abs=0.5)
    # Three flows behind the queue of four send less than the link does.
    full = link["wait_ns"]
    assert link["speed"] == pytest.approx(1 - 3 * window / (TRIP_NS + full))
    run.depart(2, 10**6 + 1000)
    assert link["wait_ns"] == pytest.approx(full - 1000 * (1 - 3 * window / (TRIP_NS + full)))
    assert link["wait_ns"] > link["rest_ns"] == pytest.approx(2 * window - TRIP_NS, abs=0.5)
    run.depart(1, 2 * 10**6)
    assert link["wait_ns"] == pytest.approx(2 * window - TRIP_NS, abs=0.5)
    assert link["rest_ns"] == 0
    assert link["used"] == pytest.approx(window / (TRIP_NS + link["wait_ns"]))


def test_dctcp_holds_a_queue_near_its_threshold():
    kmax = 4000
    run = long_flows(5, 5000, config={"ecn": {"kmin_bytes": kmax, "kmax_bytes": kmax}})
    held_ns = held_wait_ns(run.configuration)
    per_byte_ns = run.configuration[NAMES.index("kmax_ns")] / kmax
    assert held_ns == pytest.approx(0.93 * kmax * per_byte_ns)
    for flow in range(5):
        run.arrive(flow)
    link = run.into(5)
    assert 5 * 5 * PACKET - TRIP_NS > held_ns  # what windows of a fixed size would wait
    assert link["rest_ns"] == pytest.approx(held_ns)
    assert link["squeeze"] == pytest.approx((TRIP_NS + held_ns) / (5 * 5 * PACKET))
    assert run.state.flows["rest_rate"].sum() == pytest.approx(1)
    # Once it is there, every packet is marked, and grants fall to what the link carries.
    run.depart(0, 10**6)
    assert link["wait_ns"] == pytest.approx(held_ns)
    assert link["marking"] == 1
    assert run.state.flows["marking"][1:].tolist() == [1] * 4
    grants = run.state.flows["grant"][1:]
    assert grants == pytest.approx([max(0.3, (TRIP_NS + held_ns) / (4 * 5 * PACKET))] * 4, rel=1e-3)


def test_dctcp_opens_again_by_its_step_per_round_trip():
    step_mbps = 80.0
    run = long_flows(2, 5000, additive_increase_mbps=step_mbps)
    run.arrive(0)
    run.state.flows["grant"][0] = 0.5
    run.arrive(1, 20_000)
    rounds = 20_000 / TRIP_NS
    assert run.state.flows["grant"][0] == pytest.approx(0.5 + rounds * step_mbps / 8000)
    run.depart(1, 10**9)
    assert run.state.flows["grant"][0] == 1


def test_hpcc_fills_a_link_up_to_eta_and_leaves_no_queue():
    run = long_flows(3, 5000, kind="hpcc", eta=0.95)
    for flow in range(3):
        run.arrive(flow)
    link = run.into(5)
    assert link["rest_ns"] == 0
    assert link["marking"] == 1
    # Three windows, each cut to its part of eta; none of them waits.
    offered = 3 * 5 * PACKET / TRIP_NS
    assert offered > 1
    assert run.state.flows["rest_rate"].sum() == pytest.approx(1)
    assert (run.state.flows["grant"] < 1).any()


def test_dcqcn_holds_at_its_lower_threshold_and_recovers_half_way():
    kmin, kmax = 2000, 8000
    ecn = {"kmin_bytes": kmin, "kmax_bytes": kmax, "pmax": 0.2}
    run = long_flows(4, 20_000, kind="dcqcn", config={"ecn": ecn})
    held_ns = held_wait_ns(run.configuration)
    assert held_ns == pytest.approx(run.configuration[NAMES.index("kmax_ns")] * kmin / kmax)
    for flow in range(3):
        run.arrive(flow)
    assert run.into(5)["rest_ns"] == pytest.approx(held_ns)
    # The next event finds the queue there: the flows on it are cut, and remember what they had.
    run.arrive(3, 10**5)
    flow = run.state.flows[0]
    assert flow["marking"] == 1
    cut = float(flow["grant"])
    assert 0.3 <= cut < 1
    # Marked, the timers start, and the first step goes half of the way back to the target.
    flow["target"], flow["stage"], flow["rises"] = 0.9, 0.0, 0.0
    run.into(5)["held_ns"] = math.inf
    run.depart(3, 10**5 + 55_000)
    assert flow["grant"] == pytest.approx(0.5 * (cut + 0.9))


def test_timely_cuts_by_the_excess_over_its_upper_limit():
    run = long_flows(2, 400_000, kind="timely", t_low_us=10.0, t_high_us=50.0, beta=0.8)
    run.arrive(0)
    run.arrive(1)
    before, flow = 1.0, run.state.flows[0]
    assert flow["grant"] == before
    flow["queue_ns"] = 100_000.0
    trip_ns = TRIP_NS + 100_000
    run.depart(1, 2 * trip_ns)
    assert flow["grant"] == pytest.approx((1 - 0.8 * (1 - 50_000 / trip_ns)) ** 2)


def burst_run(flows):
    """A run of flows within one window, on distances of 1000 ns."""
    return Run(scenario_of(star(), flows, {"kind": "dctcp", "init_window_bytes": 100_000}))


def test_two_bursts_at_once_queue_half_of_their_bytes():
    size = 5 * PACKET
    run = burst_run([(0, 5, 5000), (1, 5, 5000), (0, 4, 1), (2, 5, 1), (3, 5, 1)])
    run.arrive(0)
    assert run.state.flows["burst_wait_ns"][0] == 0
    run.arrive(1)
    assert run.state.flows["burst_wait_ns"][1] == size
    assert run.feature(1, "log_burst_wait") == pytest.approx(
        math.log1p(size / run.state.flows["ideal_ns"][1]), rel=1e-5
    )
    # They reach the receiver's link a packet and a delay later, and are in after their length.
    link, at_ns = run.into(5), DELAY_NS + PACKET
    assert link["inflow_bytes"] == 2 * size
    run.depart(0, at_ns + size // 2)
    assert link["burst_bytes"] == link["inflow_bytes"] / 2 == size / 2
    run.depart(1, at_ns + size)
    assert (link["burst_bytes"], link["inflow_bytes"]) == (size, 0)
    # Nothing more comes in: it drains at the link's rate, and a byte's packet waits for the rest.
    now = at_ns + 3 * size // 2
    run.arrive(3, now - DELAY_NS - 49)
    assert run.state.flows["burst_wait_ns"][3] == pytest.approx(size / 2)
    run.arrive(4, now + 10 * size)
    assert run.state.flows["burst_wait_ns"][4] == 0


@pytest.mark.parametrize("starts_ns", [(0, 0), (0, 10_000), (0, 0, 0), (0, 5000, 40_000)])
def test_bursts_that_meet_once_wait_as_in_the_packet_simulator(starts_ns):
    network = m4.topology.star(num_hosts=6, gbps=8, delay_ns=10_000)
    flows = [(src, 5, 20_000) for src in range(len(starts_ns))]
    scenario = scenario_of(network, flows, {"kind": "dctcp", "init_window_bytes": 100_000})
    arrays = scenario.workload.id, *np.array(flows).T, np.array(starts_ns)
    scenario = scenario.replace(workload=Workload.from_arrays(*arrays))
    run, last = Run(scenario), len(starts_ns) - 1
    for flow, start_ns in enumerate(starts_ns):
        run.arrive(flow, start_ns)
    # Only the last to come knows all others.
    prior_ns = scenario.ideal_fct_ns[last] * math.exp(run.feature(last, "log_prior"))
    assert prior_ns == pytest.approx(m4.simulate(scenario, "packet").fct_ns[last], abs=PACKET)


def test_a_burst_on_a_faster_link_does_not_queue_behind_itself():
    control = {"kind": "dctcp", "init_window_bytes": 100_000}
    waits_ns = {}
    for fabric_gbps in (8, 32):
        network = m4.topology.fat_tree(k=4, host_gbps=8, fabric_gbps=fabric_gbps, delay_ns=1000)
        run = Run(scenario_of(network, [(0, 15, 10_000), (1, 14, 10_000)], control))
        run.arrive(0)
        assert run.state.flows["burst_wait_ns"][0] == 0
        run.arrive(1)
        waits_ns[fabric_gbps] = run.state.flows["burst_wait_ns"][1]
    # Two senders together do not fill a link of four times their rate.
    assert waits_ns[8] >= 10 * PACKET
    assert waits_ns[32] < waits_ns[8] / 4


def test_a_nic_serves_flows_in_turn():
    flows = [(0, 1, LONG), (0, 2, LONG), (0, 3, 1000), (0, 4, 5000)]
    run = Run(scenario_of(star(), flows, {"kind": "dctcp", "init_window_bytes": 30_000}))
    run.arrive(0)
    run.arrive(1)
    run.arrive(2, 10**6)
    nic = run.state.links[run.arrays.host_uplink[0]]
    window = 30 * PACKET
    assert nic["wait_ns"] == pytest.approx(2 * window - TRIP_NS, abs=1)
    # One packet waits for one of each of the two others, not for all that is queued there.
    flow = run.state.flows[2]
    assert flow["first_wait_ns"] == pytest.approx(2 * PACKET)
    assert run.feature(2, "log_prior") == pytest.approx(
        math.log1p(2 * PACKET / flow["ideal_ns"]), rel=1e-5
    )
    run.depart(2, 10**6 + 10)
    run.arrive(3, 2 * 10**6)
    assert run.state.flows["first_wait_ns"][3] == pytest.approx(5 * 2 * PACKET)


def test_pool_used_is_what_queues_at_the_ports_of_a_switch():
    flows = [(0, 5, LONG), (1, 5, LONG), (2, 5, LONG), (0, 4, LONG), (1, 4, LONG), (2, 4, LONG)]
    run = Run(scenario_of(star(), flows, {"kind": "dctcp", "init_window_bytes": 5000}))
    for flow in range(3):
        run.arrive(flow)
    assert run.feature(2, "pool_used") == 0
    switch, wait_ns = 6, 3 * 5 * PACKET - TRIP_NS
    run.depart(2, 10**6)
    pool = run.pool_bytes[switch]
    assert run.feature(0, "pool_used") == pytest.approx(wait_ns / pool, abs=1 / pool)
    # It is the switch's, not the port's: another port's queue counts too.
    for flow in (3, 4, 5):
        run.arrive(flow, 10**6)
    run.depart(5, 2 * 10**6)
    both = float(run.into(4)["wait_ns"] + run.into(5)["wait_ns"])
    assert run.into(4)["wait_ns"] > 0
    assert run.feature(3, "pool_used") == pytest.approx(both / pool, rel=1e-5)


def test_waits_end_with_the_flows():
    run = long_flows(5, 5000)
    for flow in range(5):
        run.arrive(flow)
    for flow in range(5):
        run.depart(flow, 10**6 + flow)
    link = run.into(5)
    assert link["wait_ns"] > 0
    assert (link["rest_ns"], link["used"], link["speed"]) == (0, 0, 1)
    # An idle link drains at its rate; a flow much later finds nothing.
    run.arrive(0, 10**8)
    assert link["wait_ns"] == 0
    assert run.state.nodes["queue_bytes"] == pytest.approx(0, abs=1e-6)
