"""First windows as bursts, and what they wait for."""

from __future__ import annotations

import math

import numpy as np
import pytest

import m4graph as m4
from m4graph.workload import Workload

from .run import DELAY_NS, LONG, PACKET, TRIP_NS, Run, scenario_of, star


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
