"""TCP by hand: slow start, delayed ACKs, fast retransmit, partial ACKs, timeouts, marks."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

import m4graph as m4
from m4graph.results import UNFINISHED
from m4graph.simulators.packet.build import build_state
from m4graph.simulators.packet.driver import PacketRun
from m4graph.workload import Workload

DELAY_NS = 100_000
SEGMENT_NS = 1058
"""A byte takes a nanosecond at 8 Gb/s; a segment of 1000 bytes has 58 bytes of headers."""
ACK_NS = 64
FAST_NS, FAST_ACK_NS = 100, 6
"""The same at 84.64 Gb/s, the link from the sender in :data:`NARROW`."""
RTT_NS = 4 * DELAY_NS + 2 * SEGMENT_NS + 2 * ACK_NS


def star(num_hosts: int = 3) -> nx.Graph:
    return m4.topology.star(num_hosts=num_hosts, gbps=8, delay_ns=DELAY_NS)


def narrow() -> nx.Graph:
    """Host 0, a fast link, a switch, a link of 8 Gb/s, host 1."""
    graph = nx.Graph(name="narrow")
    graph.add_nodes_from((0, 1), kind="host")
    graph.add_node(2, kind="switch")
    graph.add_edge(0, 2, rate_bps=84_640_000_000, delay_ns=DELAY_NS)
    graph.add_edge(1, 2, rate_bps=8_000_000_000, delay_ns=DELAY_NS)
    return graph


def flows(*rows: tuple[int, int, int, int]) -> Workload:
    """A workload of rows (src, dst, bytes, start_ns)."""
    columns = (np.array(column) for column in zip(*rows, strict=True))
    return Workload.from_arrays(np.arange(len(rows)), *columns)


def tcp(network, workload, kind="newreno", queue="shared", marking=None, **parameters):
    config = {"queue": queue, "ecn": marking or {}}
    return m4.Scenario(network, workload, {"kind": kind, **parameters}, config=config)


def fct_ns(scenario) -> list[int]:
    return m4.simulate(scenario, "packet").fct_ns.tolist()


def final_state(scenario):
    run = PacketRun(scenario, build_state(scenario))
    run.run_to_end()
    return run.state


@pytest.mark.parametrize("kind", ["newreno", "dctcp_window"])
def test_slow_start_doubles_the_window_each_round_trip(kind):
    """Rounds of 2, 4 and 8 segments, each back to back."""
    lone = flows((0, 1, 14_000, 0))
    expected = 2 * RTT_NS + 9 * SEGMENT_NS + 2 * DELAY_NS
    assert fct_ns(tcp(star(), lone, kind, init_window_bytes=2000)) == [expected]


def test_first_window_is_that_of_rfc_6928():
    control = tcp(star(), flows((0, 1, 1, 0))).congestion_control
    assert control.init_window_bytes == 10_000
    for payload_bytes, window_bytes in ((1460, 14_600), (4000, 14_600), (9000, 18_000)):
        resolved = m4.Scenario(
            star(), flows((0, 1, 1, 0)), "newreno", config={"payload_bytes": payload_bytes}
        )
        assert resolved.congestion_control.init_window_bytes == window_bytes


def test_advertised_window_holds_the_sender_back():
    """Two segments a round trip, whatever the congestion window."""
    scenario = tcp(star(), flows((0, 1, 10_000, 0)), advertised_window_bytes=2000)
    expected = 4 * RTT_NS + 3 * SEGMENT_NS + 2 * DELAY_NS
    assert fct_ns(scenario) == [expected]


# Six segments come at once; one goes out, four wait, the last is lost. The receiver's window keeps
# the rounds after that from losing more.
ONE_LOSS = {
    "queue": {"kind": "drop_tail", "capacity_packets": 4},
    "init_window_bytes": 6000,
    "advertised_window_bytes": 7000,
}
FIRST_ACK_NS = FAST_NS + SEGMENT_NS + ACK_NS + FAST_ACK_NS + 4 * DELAY_NS
THIRD_DUPLICATE_NS = FIRST_ACK_NS + FAST_NS + 3 * SEGMENT_NS + ACK_NS + FAST_ACK_NS + 4 * DELAY_NS
ONE_WAY_NS = FAST_NS + SEGMENT_NS + 2 * DELAY_NS


@pytest.mark.parametrize("kind", ["newreno", "dctcp_window"])
def test_third_duplicate_retransmits(kind):
    scenario = tcp(narrow(), flows((0, 1, 12_000, 0)), kind, **ONE_LOSS)
    result = m4.simulate(scenario, "packet")
    assert result.extra["packets_dropped"] == 1
    assert result.fct_ns.tolist() == [THIRD_DUPLICATE_NS + ONE_WAY_NS]


def test_partial_ack_retransmits_the_next_loss():
    more = {"init_window_bytes": 7000, "advertised_window_bytes": 8000}
    scenario = tcp(narrow(), flows((0, 1, 13_000, 0)), **ONE_LOSS | more)
    result = m4.simulate(scenario, "packet")
    assert result.extra["packets_dropped"] == 2
    back_ns = ACK_NS + FAST_ACK_NS + 2 * DELAY_NS
    assert result.fct_ns.tolist() == [THIRD_DUPLICATE_NS + 2 * ONE_WAY_NS + back_ns]


@pytest.mark.parametrize("min_rto_us", [1.0, 10_000.0])
def test_lost_tail_waits_for_the_timeout(min_rto_us):
    """The timer runs from the last ACK; the one round trip measured gives three of them."""
    scenario = tcp(narrow(), flows((0, 1, 6000, 0)), min_rto_us=min_rto_us, **ONE_LOSS)
    rto_ns = max(FIRST_ACK_NS + 4 * (FIRST_ACK_NS // 2), int(min_rto_us * 1000))
    last_ack_ns = FIRST_ACK_NS + 4 * SEGMENT_NS
    assert fct_ns(scenario) == [last_ack_ns + rto_ns + ONE_WAY_NS]


def test_dead_route_ends_in_an_unfinished_flow():
    """Nothing fits into the queue: one try and five more, each after twice the time."""
    scenario = tcp(
        star(),
        flows((0, 1, 1000, 0)),
        queue={"kind": "drop_tail", "capacity_bytes": 1},
        initial_rto_us=1000.0,
        retransmit_limit=5,
    )
    state = final_state(scenario)
    assert state.flows["finish_ticks"].tolist() == [UNFINISHED]
    assert state.control["packets_dropped"][0] == 6
    assert state.control["now"][0] == (1 + 2 + 4 + 8 + 16 + 32) * 1_000_000


@pytest.mark.parametrize(("num_segments", "num_acks"), [(10, 5), (11, 6)])
def test_delayed_ack_answers_every_second_segment(num_segments, num_acks):
    """A second flow, much later, lets all ACKs of the first one arrive."""
    workload = flows((0, 1, 1000 * num_segments, 0), (2, 1, 1, 10**9))
    for delayed, acks in ((True, num_acks), (False, num_segments)):
        scenario = tcp(star(), workload, delayed_ack=delayed, init_window_bytes=20_000)
        hops = m4.simulate(scenario, "packet").packet_hops
        # Two more for the other segment; if its ACK is not delayed, that has just left.
        assert hops == 2 * num_segments + 2 * acks + 2 + (not delayed)


def test_lone_segment_is_acknowledged_after_the_delay():
    scenario = tcp(
        star(),
        flows((0, 1, 2000, 0)),
        delayed_ack=True,
        delayed_ack_timeout_us=700.0,
        init_window_bytes=1000,
    )
    one_way_ns = 2 * (SEGMENT_NS + DELAY_NS)
    assert fct_ns(scenario) == [RTT_NS + 700_000 + one_way_ns]


def test_alpha_falls_by_a_sixteenth_in_a_window_without_marks():
    scenario = tcp(star(), flows((0, 1, 14_000, 0)), "dctcp_window", init_window_bytes=2000)
    assert final_state(scenario).congestion["alpha"].tolist() == [(15 / 16) ** 2]


def test_a_mark_cuts_dctcp_by_alpha_and_newreno_by_half():
    """Of ten segments only the second leaves more than seven behind; then the window is small."""
    more = {"init_window_bytes": 10_000, "queue": "drop_tail"}
    more["marking"] = {"kmin_bytes": 7 * 1058, "kmax_bytes": 7 * 1058, "reference_gbps": 8.0}
    eighteen = flows((0, 1, 18_000, 0))
    state = final_state(tcp(narrow(), eighteen, "dctcp_window", **more))
    # The first ACK ends a window without a mark, the eleventh one with a mark in ten segments.
    assert state.congestion["ssthresh_bytes"].tolist() == [int(11_000 * (1 - 15 / 32))]
    assert state.congestion["alpha"][0] == pytest.approx((15 / 16) ** 2 + 0.1 / 16)
    state = final_state(tcp(narrow(), eighteen, ecn=True, **more))
    assert state.congestion["ssthresh_bytes"].tolist() == [5500]
    assert not state.congestion["echo"][0]  # the sender has said that it heard
    state = final_state(tcp(narrow(), eighteen, **more))
    assert state.congestion["ssthresh_bytes"].tolist() == [2**62]


def test_congestion_avoidance_adds_a_segment_each_round_trip():
    """Above the threshold of 5500 bytes, each ACK adds 1000 x 1000 / cwnd."""
    more = {"init_window_bytes": 10_000, "queue": "drop_tail", "ecn": True}
    more["marking"] = {"kmin_bytes": 7 * 1058, "kmax_bytes": 7 * 1058, "reference_gbps": 8.0}
    state = final_state(tcp(narrow(), flows((0, 1, 40_000, 0)), **more))
    cwnd_bytes = 5500
    while cwnd_bytes < state.congestion["cwnd_bytes"][0]:
        cwnd_bytes += 1_000_000 // cwnd_bytes
    assert cwnd_bytes == state.congestion["cwnd_bytes"][0] > 7500


def test_bad_windows_are_refused():
    for key in ("init_window_bytes", "advertised_window_bytes"):
        with pytest.raises(m4.M4GraphError, match=rf"{key}: expected at least network.payload_b"):
            tcp(star(), flows((0, 1, 1, 0)), **{key: 999})
    with pytest.raises(m4.M4GraphError, match=r"min_rate_mbps: unknown key"):
        tcp(star(), flows((0, 1, 1, 0)), min_rate_mbps=100.0)
