"""A lone flow over the whole range of allowed values, against whole numbers of any size.

1 Mb/s to 10 Tb/s, 0 to 1 s of delay, any window, threshold, buffer and start: nothing may wrap.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import m4graph as m4
from m4graph.scenario.windows import windowed_fct_ns
from m4graph.simulators.packet.build import build_state
from m4graph.workload import Workload

HEADER_BYTES, ACK_BYTES, PAYLOAD_BYTES = 48, 60, 1000
MAX_START_NS = 10**15
KINDS = pytest.mark.parametrize("kind", ["dctcp", "dcqcn"])
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
small_windows = st.integers(1, 60_000)
starts = st.integers(0, MAX_START_NS)
chains = st.lists(st.tuples(rates, delays), min_size=2, max_size=4)


def tx_ticks(wire_bytes, rate_bps, ticks_per_ns):
    return wire_bytes * 8 * 10**9 * ticks_per_ns // rate_bps


def round_trip_ticks(chain, ticks_per_ns):
    """From a full packet's first byte on the first link until its ACK is back."""
    return sum(
        2 * delay_ns * ticks_per_ns
        + tx_ticks(PAYLOAD_BYTES + HEADER_BYTES, rate_bps, ticks_per_ns)
        + tx_ticks(ACK_BYTES, rate_bps, ticks_per_ns)
        for rate_bps, delay_ns in chain
    )


def lone_flow_ticks(size_bytes, chain, window_bytes, ticks_per_ns):
    """The time of one flow over links ``(rate_bps, delay_ns)``, in whole numbers of Python."""
    free = [0] * len(chain)
    sent_bytes = acked_bytes = 0
    acks: list[tuple[int, int]] = []  # When an ACK is back, and what it acknowledges.
    while True:
        payload = min(PAYLOAD_BYTES, size_bytes - sent_bytes)
        time = free[0]
        while window_bytes is not None and sent_bytes - acked_bytes >= window_bytes:
            back, acked_bytes = acks.pop(0)
            time = max(time, back)
        while acks and acks[0][0] <= time:
            acked_bytes = acks.pop(0)[1]
        sent_bytes += payload
        for hop, (rate_bps, delay_ns) in enumerate(chain):
            free[hop] = max(free[hop], time) + tx_ticks(
                payload + HEADER_BYTES, rate_bps, ticks_per_ns
            )
            time = free[hop] + delay_ns * ticks_per_ns
        if sent_bytes == size_bytes:
            return time
        back = sum(d * ticks_per_ns + tx_ticks(ACK_BYTES, r, ticks_per_ns) for r, d in chain)
        acks.append((time + back, sent_bytes))


def chain_network(chain):
    """Two hosts, joined by links one after the other."""
    network = m4.topology.star(num_hosts=2, gbps=10, delay_ns=1000)
    network.remove_edge(1, 2)
    nodes = [0, *range(2, 1 + len(chain)), 1]
    for switch in nodes[2:-1]:
        network.add_node(switch, kind="switch")
    for (a, b), (rate_bps, delay_ns) in zip(pairwise(nodes), chain, strict=True):
        network.add_edge(a, b, rate_bps=rate_bps, delay_ns=delay_ns)
    return network


def scenario_of(kind, size_bytes, chain, start_ns=0, tick="ns", config=None, **parameters):
    flow = Workload.from_arrays(*(np.array([v]) for v in (0, 0, 1, size_bytes, start_ns)))
    ecn = {"kmin_bytes": 10**15, "kmax_bytes": 10**15}
    slowest_nic_bps = min(chain[0][0], chain[-1][0])
    control = {
        "kind": kind,
        "min_rate_mbps": slowest_nic_bps // 10 / 10**6,
        "ack_priority": True,
        **parameters,
    }
    given = {"tick": tick, "ecn": ecn, "headroom_cap": 0.5, **(config or {})}
    return m4.Scenario(chain_network(chain), flow, control, config=given)


def simulate(*arguments, **keys):
    return m4.simulate(scenario_of(*arguments, **keys), "packet").fct_ns[0]


def rounded(ticks, tick):
    return ticks if tick == "ns" else (ticks + 500) // 1000


def expected_ns(size_bytes, chain, window_bytes, tick):
    ticks_per_ns = 1 if tick == "ns" else 1000
    return rounded(lone_flow_ticks(size_bytes, chain, window_bytes, ticks_per_ns), tick)


def tick_for(*rates_bps):
    return "ns" if max(rates_bps) <= 2 * 10**12 else "ps"


@KINDS
@TRIALS
@given(sizes, rates, delays, windows, starts)
def test_a_lone_flow_takes_its_time(kind, size, rate_bps, delay_ns, window_bytes, start_ns):
    tick, chain = tick_for(rate_bps), [(rate_bps, delay_ns)] * 2
    fct_ns = simulate(kind, size, chain, start_ns, tick, init_window_bytes=window_bytes)
    assert fct_ns == expected_ns(size, chain, window_bytes, tick)


@KINDS
@TRIALS
@given(sizes, chains, windows, starts, st.sampled_from(["ns", "ps"]))
def test_over_links_of_any_rate(kind, size, chain, window_bytes, start_ns, tick):
    # A slow link behind a fast one queues the whole flow: nothing is dropped, paused or marked.
    config = {"pfc": False, "buffer_bytes": 10**9}
    keys = {"init_window_bytes": window_bytes, "config": config}
    fct_ns = simulate(kind, size, chain, start_ns, tick, **keys)
    assert fct_ns == expected_ns(size, chain, window_bytes, tick)


def rounds_ticks(size_bytes, chain, window_bytes, ticks_per_ns):
    """``q`` round trips of ``k`` packets, then the rest as if it were alone."""
    trip = round_trip_ticks(chain, ticks_per_ns)
    round_packets = -(-window_bytes // PAYLOAD_BYTES)
    packet = tx_ticks(PAYLOAD_BYTES + HEADER_BYTES, chain[0][0], ticks_per_ns)
    rounds = (size_bytes - 1) // PAYLOAD_BYTES // round_packets
    if round_packets * packet > trip:
        rounds = 0
    rest = size_bytes - rounds * round_packets * PAYLOAD_BYTES
    return rounds * trip + lone_flow_ticks(rest, chain, None, ticks_per_ns)


@KINDS
@TRIALS
@given(sizes, rates, delays, small_windows, starts)
def test_a_small_window_goes_in_rounds(kind, size, rate_bps, delay_ns, window_bytes, start_ns):
    tick, chain = tick_for(rate_bps), [(rate_bps, delay_ns)] * 2
    ticks_per_ns = 1 if tick == "ns" else 1000
    ticks = rounds_ticks(size, chain, window_bytes, ticks_per_ns)
    last_bytes = (size - 1) % PAYLOAD_BYTES + 1
    if last_bytes < size:
        # A small last packet may come up to the one before it.
        before = rounds_ticks(size - last_bytes, chain, window_bytes, ticks_per_ns)
        ticks = max(ticks, before + tx_ticks(last_bytes + HEADER_BYTES, rate_bps, ticks_per_ns))
    scenario = scenario_of(kind, size, chain, start_ns, tick, init_window_bytes=window_bytes)
    fct_ns = m4.simulate(scenario, "packet").fct_ns[0]
    assert fct_ns == rounded(ticks, tick)
    # The library's closed form cuts header and payload of later packets off each.
    closed_ns = windowed_fct_ns(
        scenario.arrays, scenario.workload, scenario.routes, window_bytes, 1000, ticks_per_ns
    )[0]
    assert closed_ns <= fct_ns + 60
    if last_bytes == PAYLOAD_BYTES:
        assert closed_ns >= fct_ns - 60


@KINDS
@TRIALS
@given(
    rates,
    st.integers(0, 10**15),
    st.integers(0, 10**15),
    st.integers(10_000, 10**15),
    st.floats(1e-3, 10**4),
    st.booleans(),
)
def test_what_nobody_reaches_does_not_matter(kind, rate_bps, low, high, buffer_bytes, gbps, pfc):
    """A lone flow on links of one rate never queues: no threshold or buffer changes its time."""
    ecn = {"kmin_bytes": min(low, high), "kmax_bytes": max(low, high), "reference_gbps": gbps}
    config = {"ecn": ecn, "buffer_bytes": buffer_bytes, "pfc": pfc}
    tick, chain = tick_for(rate_bps), [(rate_bps, 1000)] * 2
    fct_ns = simulate(kind, 20_000, chain, 0, tick, config=config, init_window_bytes=None)
    assert fct_ns == expected_ns(20_000, chain, None, tick)


@TRIALS
@given(rates, delays, st.integers(1, 10**15))
def test_headroom_does_not_wrap(rate_bps, delay_ns, buffer_bytes):
    config = {"buffer_bytes": buffer_bytes, "headroom_cap": None}
    scenario = scenario_of("dctcp", 5000, [(rate_bps, delay_ns)] * 2, config=config)
    in_flight = 2 * rate_bps * delay_ns // (8 * 10**9)
    needed = 2 * 2 * (2 * (PAYLOAD_BYTES + HEADER_BYTES) + 3860 + in_flight)
    if needed < buffer_bytes:
        build_state(scenario)
    else:
        with pytest.raises(m4.M4GraphError, match=f"headroom of switch 2, {needed} bytes"):
            build_state(scenario)
