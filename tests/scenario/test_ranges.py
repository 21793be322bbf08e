from __future__ import annotations

import pytest

import m4graph as m4
from m4graph.core.errors import InputError, SimulationError, TopologyError, WorkloadError
from m4graph.scenario.ranges import MAX_TIME_NS
from m4graph.workload import ClosedLoopWorkload, Workload


def star(rate_bps=10**10):
    network = m4.topology.star(num_hosts=2, gbps=10, delay_ns=1000)
    for _, _, cable in network.edges(data=True):
        cable["rate_bps"] = rate_bps
    return network


def flows(size_bytes=1000, start_ns=0):
    return Workload.from_arrays([3], [0], [1], [size_bytes], [start_ns])


def test_the_last_start():
    m4.Scenario(star(), flows(start_ns=MAX_TIME_NS), "dctcp")
    with pytest.raises(WorkloadError, match=f"flow 3: expected start_ns of at most {MAX_TIME_NS} "):
        m4.Scenario(star(), flows(start_ns=MAX_TIME_NS + 1), "dctcp")


def test_the_largest_flow_takes_eleven_days_on_the_slowest_link():
    scenario = m4.Scenario(star(10**6), flows(125 * 10**9), "dctcp")
    assert MAX_TIME_NS <= scenario.ideal_fct_ns[0] < 1.1 * MAX_TIME_NS
    with pytest.raises(WorkloadError, match=r"flow 3: expected bytes of at most 125000000000, "):
        m4.Scenario(star(10**6), flows(125 * 10**9 + 1), "dctcp")
    with pytest.raises(WorkloadError, match="flow 3: expected bytes of at most"):
        m4.Scenario(star(), flows(2**62), "dctcp")


def test_the_slowest_link():
    with pytest.raises(TopologyError, match=r"cable 0-2: expected rate_bps of at least 1000 \(got"):
        m4.Scenario(star(999), flows(), "dctcp")


@pytest.mark.parametrize("name", ["ready_ns", "delay_ns"])
def test_the_times_of_a_closed_loop(name):
    columns = {"src": [0, 0], "dst": [1, 1], "size_bytes": [9, 9], "after_ptr": [0, 0, 1]}
    times = {"ready_ns": [0, 0], "delay_ns": [0, 0]} | {name: [0, MAX_TIME_NS + 1]}
    workload = ClosedLoopWorkload.from_arrays([0, 1], **columns, after=[0], **times)
    with pytest.raises(WorkloadError, match=f"flow 1: expected {name} of at most"):
        m4.Scenario(star(), workload, "dctcp")


def test_a_session_takes_no_larger_flows():
    session = m4.open_session(star(), "fluid")
    with pytest.raises(InputError, match="flow 0: expected a size of at most"):
        session.add_flow(0, 1, 2**61)


@pytest.mark.parametrize(
    ("block", "key", "value"),
    [
        ("congestion_control", "min_rate_mbps", 0.0009),
        ("congestion_control", "init_window_bytes", 10**15 + 1),
        ("config", "buffer_bytes", 10**15 + 1),
        ("config", "ecn", {"kmax_bytes": 10**15 + 1}),
    ],
)
def test_parameters_name_their_key(block, key, value):
    given = {"congestion_control": {"kind": "dctcp"}, "config": {}}
    given[block][key] = value
    with pytest.raises(InputError, match=key):
        m4.Scenario(star(), flows(), **given)


def test_what_a_fault_leaves():
    slow = {"kind": "slow", "link": [0, 2]}
    (fault,) = m4.Scenario(star(), flows(), "dctcp", faults=[{**slow, "factor": 1e-9}]).faults
    assert fault.left_rate_bps(10**10) == 1000
    with pytest.raises(InputError, match="rate_gbps"):
        m4.Scenario(star(), flows(), "dctcp", faults=[{**slow, "rate_gbps": 10_001}])


def test_a_clock_that_runs_over_is_no_answer():
    # A round trip of 40 s for each byte, from the last start on: 3.7e18 ps fit, 1e6 do not.
    network = star()
    for _, _, cable in network.edges(data=True):
        cable["delay_ns"] = 10**10
    workload = flows(size_bytes=200_000, start_ns=MAX_TIME_NS)
    control = {"kind": "dctcp", "init_window_bytes": 1}
    config = {"payload_bytes": 1, "tick": "ps", "headroom_cap": 0.5}
    scenario = m4.Scenario(network, workload, control, config=config)
    with pytest.raises(SimulationError, match="expected the run to end by"):
        m4.simulate(scenario, "packet")
