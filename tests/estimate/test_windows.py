"""Windows that circulate, and queues between events."""

from __future__ import annotations

import math

import pytest
from scipy.optimize import brentq

import m4graph as m4

from .run import LONG, PACKET, TRIP_NS, Run, long_flows, scenario_of, star

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
