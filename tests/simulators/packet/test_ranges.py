"""A lone flow over the whole range of allowed values, against whole numbers of any size.

1 Mb/s to 10 Tb/s, 0 to 1 s of delay, any window, threshold, buffer and start: nothing may wrap.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import m4graph as m4
from m4graph.simulators.packet.build import build_state
from m4graph.workload import Workload

HEADER_BYTES, ACK_BYTES, PAYLOAD_BYTES = 48, 60, 1000
MAX_START_NS = 10**15
TRIALS = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

rates = st.one_of(
    st.integers(10**6, 10**13),
    st.sampled_from([10**6, 10**9, 10**11, 923 * 10**8, 2_264 * 10**9, 10**13]),
)
delays = st.one_of(st.integers(0, 10**9), st.sampled_from([0, 1, 25, 1000, 46_000_000, 10**9]))
sizes = st.one_of(st.integers(1, 60_000), st.sampled_from([1, 999, 1000, 1001, 48_000]))
windows = st.one_of(
    st.none(),
    st.integers(1, 10**15),
    st.sampled_from([1, 1000, 18_000, 92_300_000, 923_000_000, 10**12, 10**15]),
)


def lone_flow_ticks(size_bytes, rate_bps, delay_ns, window_bytes, ticks_per_ns):
    """The time of one flow from host to host over one switch, in whole numbers of Python."""
    per_byte = 8 * 10**9 * ticks_per_ns
    delay = delay_ns * ticks_per_ns
    nic_free = port_free = sent_bytes = acked_bytes = 0
    acks: list[tuple[int, int]] = []  # When an ACK is back, and what it acknowledges.
    while True:
        payload = min(PAYLOAD_BYTES, size_bytes - sent_bytes)
        tx = (payload + HEADER_BYTES) * per_byte // rate_bps
        start = nic_free
        while window_bytes is not None and sent_bytes - acked_bytes >= window_bytes:
            back, acked_bytes = acks.pop(0)
            start = max(start, back)
        while acks and acks[0][0] <= start:
            acked_bytes = acks.pop(0)[1]
        sent_bytes += payload
        nic_free = start + tx
        port_free = max(port_free, nic_free + delay) + tx
        arrives = port_free + delay
        ack_tx = ACK_BYTES * per_byte // rate_bps
        acks.append((arrives + 2 * (ack_tx + delay), sent_bytes))
        if sent_bytes == size_bytes:
            return arrives


def simulate(kind, size_bytes, rate_bps, delay_ns, start_ns=0, tick="ns", **parameters):
    network = m4.topology.star(num_hosts=2, gbps=10, delay_ns=1000)
    for _, _, cable in network.edges(data=True):
        cable["rate_bps"], cable["delay_ns"] = rate_bps, delay_ns
    flow = Workload.from_arrays(*(np.array([v]) for v in (0, 0, 1, size_bytes, start_ns)))
    ecn = {"kmin_bytes": 10**15, "kmax_bytes": 10**15}
    config = {"tick": tick, "ecn": ecn, "headroom_cap": 0.5, **parameters.pop("config", {})}
    control = {
        "kind": kind,
        "min_rate_mbps": rate_bps // 10 / 10**6,
        "ack_priority": True,
        **parameters,
    }
    return m4.simulate(m4.Scenario(network, flow, control, config=config), "packet").fct_ns[0]


def expected_ns(size_bytes, rate_bps, delay_ns, window_bytes, tick):
    ticks_per_ns = 1 if tick == "ns" else 1000
    ticks = lone_flow_ticks(size_bytes, rate_bps, delay_ns, window_bytes, ticks_per_ns)
    return (ticks + ticks_per_ns // 2) // ticks_per_ns


@pytest.mark.parametrize("kind", ["dctcp", "dcqcn"])
@TRIALS
@given(sizes, rates, delays, windows, st.integers(0, MAX_START_NS))
def test_a_lone_flow_takes_its_time(kind, size, rate_bps, delay_ns, window_bytes, start_ns):
    tick = "ns" if rate_bps <= 2 * 10**12 else "ps"
    fct_ns = simulate(
        kind, size, rate_bps, delay_ns, start_ns, tick, init_window_bytes=window_bytes
    )
    assert fct_ns == expected_ns(size, rate_bps, delay_ns, window_bytes, tick)


@TRIALS
@given(rates, delays, st.integers(1, 10**15))
def test_headroom_does_not_wrap(rate_bps, delay_ns, buffer_bytes):
    network = m4.topology.star(num_hosts=2, gbps=10, delay_ns=1000)
    for _, _, cable in network.edges(data=True):
        cable["rate_bps"], cable["delay_ns"] = rate_bps, delay_ns
    flow = Workload.from_arrays(*(np.array([value]) for value in (0, 0, 1, 5000, 0)))
    scenario = m4.Scenario(network, flow, "dctcp", config={"buffer_bytes": buffer_bytes})
    in_flight = 2 * rate_bps * delay_ns // (8 * 10**9)
    needed = 2 * 2 * (2 * (PAYLOAD_BYTES + HEADER_BYTES) + 3860 + in_flight)
    if needed < buffer_bytes:
        build_state(scenario)
    else:
        with pytest.raises(m4.M4GraphError, match=f"headroom of switch 2, {needed} bytes"):
            build_state(scenario)
