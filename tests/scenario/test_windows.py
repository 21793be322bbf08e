"""Least times with a window that grows, against the packet simulator's lone flows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import m4graph as m4
from m4graph.scenario.ideal import HEADER_BYTES
from m4graph.scenario.tcp import TcpControl
from m4graph.scenario.windows import growing_window_fct_ns, windowed_fct_ns
from m4graph.workload import Workload

PAYLOAD_BYTES = 1000
ACKS = 0.98  # TCP's are a little larger than those of the formula

rates = st.sampled_from([10**9, 10**10, 10**11])
delays = st.sampled_from([0, 1000, 20_000, 1_000_000])
kinds = st.sampled_from(["newreno", "dctcp_window"])
first_windows = st.integers(PAYLOAD_BYTES, 20 * PAYLOAD_BYTES)
largest_windows = st.one_of(st.none(), st.integers(PAYLOAD_BYTES, 200 * PAYLOAD_BYTES))


def scenario_of(size_bytes, rate_bps, delay_ns, kind, first, largest=None, **control):
    network = m4.topology.star(num_hosts=2, gbps=10, delay_ns=1000)
    for _, _, cable in network.edges(data=True):
        cable["rate_bps"], cable["delay_ns"] = rate_bps, delay_ns
    # No timer expires, nothing is marked or dropped.
    control |= {"kind": kind, "initial_rto_us": 1e6, "min_rto_us": 1e6}
    control |= {"init_window_bytes": first, "advertised_window_bytes": largest}
    config = {
        "pfc": False,
        "headroom_cap": 0.5,
        "ecn": {"kmin_bytes": 10**12, "kmax_bytes": 10**12},
    }
    flow = Workload.from_arrays([0], [0], [1], [size_bytes], [0])
    return m4.Scenario(network, flow, control, config=config)


def least_ns(scenario, header_bytes=TcpControl.header_bytes):
    control = scenario.congestion_control
    windows = control.slow_start_bytes, control.largest_window_bytes
    where = scenario.arrays, scenario.workload, scenario.routes
    least = growing_window_fct_ns(*where, *windows, PAYLOAD_BYTES, header_bytes=header_bytes)
    return int(least[0])


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 300), rates, delays, kinds, first_windows, largest_windows)
def test_slow_start_takes_its_rounds(packets, rate, delay, kind, first, largest):
    """Of full packets on links of one rate, with nobody else."""
    scenario = scenario_of(packets * PAYLOAD_BYTES, rate, delay, kind, first, largest)
    fct_ns = m4.simulate(scenario, "packet").fct_ns[0]
    assert ACKS * fct_ns <= least_ns(scenario) <= fct_ns


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 200_000), rates, delays, first_windows, st.booleans())
def test_no_flow_is_faster(size, rate, delay, first, delayed_ack):
    """Of any size, with delayed ACKs too, which let the window grow more slowly."""
    scenario = scenario_of(size, rate, delay, "newreno", first, delayed_ack=delayed_ack)
    assert least_ns(scenario) <= m4.simulate(scenario, "packet").fct_ns[0]


def test_rounds_by_hand():
    """35 packets from a window of 5: 5, 10 and the other 20 leave in three round trips."""
    scenario = scenario_of(35_000, 10**11, 1_000_000, "newreno", 5 * PAYLOAD_BYTES + 999)
    last = scenario_of(20_000, 10**11, 1_000_000, "newreno", 5 * PAYLOAD_BYTES)
    trip_ns = 2 * (2 * 1_000_000 + 83 + 4)  # of a packet of 1048 bytes, and of an ACK of 60
    assert least_ns(scenario, HEADER_BYTES) == 2 * trip_ns + last.ideal_fct_ns[0]
    assert scenario.ideal_fct_ns[0] < trip_ns


def test_one_round_is_what_it_was():
    """Where the pipe is full at once, or the window cannot grow."""
    full = scenario_of(500_000, 10**9, 0, "newreno", 20 * PAYLOAD_BYTES)
    assert least_ns(full, HEADER_BYTES) == full.ideal_fct_ns[0]
    fixed = scenario_of(500_000, 10**11, 20_000, "newreno", 4000, 4000)
    expected = windowed_fct_ns(fixed.arrays, fixed.workload, fixed.routes, 4000, PAYLOAD_BYTES)
    assert least_ns(fixed, HEADER_BYTES) == expected[0] > 100 * fixed.ideal_fct_ns[0]


def test_a_window_holds_a_packet():
    """Smaller ones, which a plug-in may give, count as one."""
    scenario = scenario_of(10_000, 10**11, 20_000, "newreno", PAYLOAD_BYTES)
    where = scenario.arrays, scenario.workload, scenario.routes
    small = [growing_window_fct_ns(*where, 1, each, PAYLOAD_BYTES)[0] for each in (None, 1)]
    whole = [growing_window_fct_ns(*where, 1000, each, PAYLOAD_BYTES)[0] for each in (None, 1000)]
    assert small == whole
    assert small[1] > 2 * small[0]


def test_flows_side_by_side():
    """Each has its own rounds."""
    sizes = np.array([700, 9000, 35_000, 35_001, 2_000_000])
    one = scenario_of(1, 10**11, 50_000, "newreno", 5000)
    flows = Workload.from_arrays(range(5), [0] * 5, [1] * 5, sizes, [0] * 5)
    together = m4.Scenario(one.network, flows, one.congestion_control, config=one.config)
    where = together.arrays, flows, together.routes
    found = growing_window_fct_ns(*where, 5000, None, PAYLOAD_BYTES)
    scenarios = [scenario_of(int(size), 10**11, 50_000, "newreno", 5000) for size in sizes]
    alone = [least_ns(each, HEADER_BYTES) for each in scenarios]
    assert found.tolist() == alone
    assert (np.diff(found) > 0).all()


@pytest.mark.parametrize("kind", ["dctcp", "dcqcn", "hpcc", "timely"])
def test_others_do_not_grow_by_acks(kind):
    network = m4.topology.star(num_hosts=2, gbps=10, delay_ns=1000)
    flow = Workload.from_arrays([0], [0], [1], [1000], [0])
    assert m4.Scenario(network, flow, kind).congestion_control.slow_start_bytes is None
