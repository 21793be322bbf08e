"""What holds in every run of TCP, and what theory says about long flows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import m4graph as m4
from m4graph.simulators.packet.build import build_state
from m4graph.simulators.packet.driver import PacketRun
from m4graph.simulators.packet.layout import CALLED
from m4graph.workload import Workload

KINDS = ["newreno", "dctcp_window"]


def incast(num_flows: int, size_bytes: int) -> Workload:
    ids = np.arange(num_flows)
    dst, sizes = np.full(num_flows, num_flows), np.full(num_flows, size_bytes)
    return Workload.from_arrays(ids, ids, dst, sizes, 1000 * ids)


def run_dry(scenario):
    """Runs on after the last flow, until nothing is left to happen."""
    run = PacketRun(scenario, build_state(scenario))
    run.state.control["stop_at"] = -1
    run.run_to_end()
    return run.state


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.data())
def test_every_flow_recovers_from_every_loss(data):
    """Random flows through queues of a few packets: all bytes arrive, once, in order, in time."""
    hosts = 6
    network = m4.topology.leaf_spine(
        num_leaves=2, hosts_per_leaf=3, num_spines=2, host_gbps=10, fabric_gbps=10, delay_ns=500
    )
    row = st.tuples(
        st.integers(0, hosts - 1),
        st.integers(1, hosts - 1),
        st.integers(1, 60_000),
        st.integers(0, 40_000),
    )
    rows = data.draw(st.lists(row, min_size=1, max_size=25))
    src, step, size_bytes, start_ns = (np.array(column) for column in zip(*rows, strict=True))
    workload = Workload.from_arrays(
        np.arange(len(rows)), src, (src + step) % hosts, size_bytes, start_ns
    )
    control = {
        "kind": data.draw(st.sampled_from(KINDS)),
        "min_rto_us": data.draw(st.sampled_from([50.0, 1000.0])),
        "initial_rto_us": 1000.0,
        "delayed_ack": data.draw(st.booleans()),
        "delayed_ack_timeout_us": 20.0,
        "advertised_window_bytes": data.draw(st.sampled_from([None, 3000, 65_535])),
        "retransmit_limit": 1000,
    }
    queue = {"kind": "drop_tail", "capacity_packets": data.draw(st.integers(1, 12))}
    scenario = m4.Scenario(network, workload, control, config={"queue": queue})
    state = run_dry(scenario)
    flows = state.flows
    assert state.control["packets_left"][0] == len(state.packets)
    assert (flows["snd_una"] == workload.size_bytes).all()
    assert (flows["rcv_nxt"] == workload.size_bytes).all()
    assert (state.congestion["first_range"] == -1).all()
    finish_ns = flows["finish_ticks"]
    assert (finish_ns - workload.start_ns >= scenario.ideal_fct_ns - 1).all()
    for ends in (workload.src, workload.dst):
        for host in np.unique(ends):
            mine = ends == host
            span_ns = finish_ns[mine].max() - workload.start_ns[mine].min()
            assert workload.size_bytes[mine].sum() * 8 / 10 <= span_ns
    np.testing.assert_array_equal(run_dry(scenario).flows, flows)


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_is_resumable_and_pools_grow_without_a_trace(kind, monkeypatch):
    network = m4.topology.star(num_hosts=9, gbps=10, delay_ns=1000)
    config = {"queue": {"kind": "drop_tail", "capacity_packets": 20}}
    scenario = m4.Scenario(network, incast(8, 200_000), kind, config=config)
    whole = m4.simulate(scenario, "packet")
    assert whole.extra["packets_dropped"] > 0
    monkeypatch.setattr("m4graph.simulators.packet.build._FIRST_POOL", 80)
    monkeypatch.setattr("m4graph.simulators.packet.driver.EVENTS_A_TURN", 501)
    np.testing.assert_array_equal(whole.fct_ns, m4.simulate(scenario, "packet").fct_ns)


def test_a_session_is_the_same_run():
    """Flows added one by one give the bits of a workload that is known from the start."""
    network = m4.topology.star(num_hosts=9, gbps=10, delay_ns=1000)
    workload = incast(8, 100_000)
    session = m4.open_session(network, "packet", {"kind": "newreno"})
    for src, dst, start_ns in zip(workload.src, workload.dst, workload.start_ns, strict=True):
        session.add_flow(int(src), int(dst), 100_000, int(start_ns))
    fct_ns = {done.flow_id: done.fct_ns for done in session.run()}
    whole = m4.simulate(m4.Scenario(network, workload, "newreno"), "packet")
    assert [fct_ns[flow_id] for flow_id in range(8)] == whole.fct_ns.tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_the_lossless_fabric_carries_tcp(kind):
    """A small shared buffer: PFC instead of loss, and no timeout."""
    network = m4.topology.star(num_hosts=9, gbps=10, delay_ns=1000)
    config = {"buffer_bytes": 250_000}
    scenario = m4.Scenario(network, incast(8, 400_000), kind, config=config)
    result = m4.simulate(scenario, "packet")
    assert result.num_finished == 8
    assert result.extra["packets_dropped"] == 0
    assert (result.extra["pfc_pauses_sent"] > 0) == (kind == "newreno")
    assert result.fct_ns.max() < 1.1 * 8 * 400 * 847


def sampled(scenario, interval_ns, num_samples):
    """The state of a run at equal intervals, the same arrays each time."""
    run = PacketRun(scenario, build_state(scenario))
    for index in range(num_samples):
        run.call_at((index + 1) * interval_ns, lambda run: None)
        while run.turn(10**6) != CALLED:
            pass
        yield run.state


@pytest.mark.parametrize("num_flows", [4, 16])
def test_throughput_follows_the_square_root_of_the_loss(num_flows):
    """Mathis, Semke, Mahdavi and Ott, CCR 1997: a segment a round trip, times sqrt(1.5 / p)."""
    network = m4.topology.star(num_hosts=num_flows + 1, gbps=8, delay_ns=100_000)
    queue = {"kind": "red", "min_packets": 10, "max_packets": 1000, "max_p": 0.1}
    scenario = m4.Scenario(
        network,
        incast(num_flows, 10**9),
        "newreno",
        config={"queue": queue | {"capacity_packets": 2000}},
    )
    # Slow start loses a whole window at once, so the first samples are left out.
    segments, drops, queues = [], [], []
    for state in sampled(scenario, 10_000_000, 60):
        segments.append(state.flows["rcv_nxt"].sum() / 1000)
        drops.append(int(state.control["packets_dropped"][0]))
        queues.append(state.queues["average"].max())
    segments, drops = segments[-1] - segments[9], drops[-1] - drops[9]
    assert drops > 50
    rtt_s = (400_000 + 2 * 1058 + 2 * 64 + np.mean(queues[10:]) * 1058) / 1e9
    rate = segments / 0.5 / num_flows
    assert rate * rtt_s * np.sqrt(drops / segments / 1.5) == pytest.approx(1.0, abs=0.2)


@pytest.mark.parametrize("num_flows", [2, 8])
def test_dctcp_keeps_the_queue_near_its_threshold(num_flows):
    """Alizadeh et al., section 3.3: at most K and a segment of each flow; never empty."""
    network = m4.topology.star(num_hosts=num_flows + 1, gbps=10, delay_ns=5000)
    ecn = {"kmin_bytes": 60_000, "kmax_bytes": 60_000}
    scenario = m4.Scenario(
        network, incast(num_flows, 10**8), "dctcp_window", config={"ecn": ecn, "queue": "drop_tail"}
    )
    to_receiver = np.flatnonzero(scenario.arrays.link_dst == num_flows)[0]
    samples = sampled(scenario, 50_000, 400)
    queue_bytes = np.array([state.links["queue_bytes"][to_receiver] for state in samples])[100:]
    assert 0.6 * 60_000 < queue_bytes.mean() < 60_000 + 1058 * num_flows
    assert queue_bytes.max() <= 60_000 + 2 * 1058 * num_flows
    assert queue_bytes.min() > 0
