"""The retransmission timeout of the RDMA transport, off by default."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import m4graph as m4
from m4graph.simulators.packet.build import build_state
from m4graph.simulators.packet.driver import PacketRun
from m4graph.workload import Workload

DELAY_NS = 100_000


def narrow() -> nx.Graph:
    """Host 0, a link of 80 Gb/s, a switch, a link of 8 Gb/s, host 1."""
    graph = nx.Graph(name="narrow")
    graph.add_nodes_from((0, 1), kind="host")
    graph.add_node(2, kind="switch")
    graph.add_edge(0, 2, rate_bps=80_000_000_000, delay_ns=DELAY_NS)
    graph.add_edge(1, 2, rate_bps=8_000_000_000, delay_ns=DELAY_NS)
    return graph


def lone(size_bytes: int) -> Workload:
    return Workload.from_arrays(*(np.array([value]) for value in (0, 0, 1, size_bytes, 0)))


def scenario(size_bytes, queue, **parameters):
    control = {"kind": "dctcp", "init_window_bytes": 6000, **parameters}
    return m4.Scenario(narrow(), lone(size_bytes), control, config={"queue": queue})


def test_a_lost_tail_is_sent_again_after_a_period_without_progress():
    """Five of six packets arrive, so the first period saw progress and the second did not."""
    four = {"kind": "drop_tail", "capacity_packets": 4}
    assert m4.simulate(scenario(6000, four), "packet").num_finished == 0
    result = m4.simulate(scenario(6000, four, retransmit_timeout_us=1000.0), "packet")
    assert result.fct_ns.tolist() == [2_000_000 + 104 + 1048 + 2 * DELAY_NS]


def test_it_changes_nothing_where_nothing_is_lost():
    roomy = {"kind": "drop_tail", "capacity_packets": 1000}
    plain, timed = (
        m4.simulate(scenario(500_000, roomy, **given), "packet")
        for given in ({}, {"retransmit_timeout_us": 1000.0})
    )
    assert plain.fct_ns.tolist() == timed.fct_ns.tolist()


def test_a_flow_gives_up_after_so_many_periods():
    control = {"retransmit_timeout_us": 1000.0, "retransmit_limit": 5}
    dead = scenario(1000, {"kind": "drop_tail", "capacity_bytes": 1}, **control)
    run = PacketRun(dead, build_state(dead))
    run.run_to_end()
    assert run.state.control["num_finished"][0] == 0
    assert run.counts["packets_dropped"] == 6
    assert run.now_ns == 6_000_000


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_every_flow_finishes_whatever_is_lost(seed, ack_priority):
    """Data both ways through queues of two packets; ACKs are lost, too, without a priority."""
    rng = np.random.default_rng(seed)
    src = rng.integers(0, 4, 12)
    workload = Workload.from_arrays(
        np.arange(12),
        src,
        (src + rng.integers(1, 4, 12)) % 4,
        rng.integers(1, 30_000, 12),
        np.sort(rng.integers(0, 20_000, 12)),
    )
    control = {
        "kind": "dctcp",
        "retransmit_timeout_us": 200.0,
        "retransmit_limit": 1000,
        "ack_priority": ack_priority,
    }
    network = m4.topology.star(num_hosts=4, gbps=10, delay_ns=500)
    config = {"queue": {"kind": "drop_tail", "capacity_packets": 2}}
    result = m4.simulate(m4.Scenario(network, workload, control, config=config), "packet")
    assert result.num_finished == 12


def test_bad_timeouts():
    with pytest.raises(m4.M4GraphError, match=r"retransmit_timeout_us: expected at least 0.001"):
        scenario(1, "shared", retransmit_timeout_us=0.0)
