"""Hosts with several NICs in the packet engine: cases that one can reckon by hand."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

import m4graph as m4
from m4graph import topology
from m4graph.core.errors import ConfigError
from m4graph.routing import Routes
from m4graph.simulators.packet.build import build_state
from m4graph.simulators.packet.driver import Watcher

WIRE_BYTES = 9048
CONFIG = {"tick": "ps", "payload_bytes": 9000}
DUAL = {"servers": 2, "gpus_per_server": 2, "gpus_per_tor": 2, "tors": 2, "planes": 2, "spines": 2}
"""GPUs 0-3, NVSwitches 4-5, first ToRs 6-7, second ToRs 8-9, spines 10-11."""
CONTROL = {"kind": "dctcp", "init_window_bytes": None}


def workload(pairs, size_bytes):
    flows = np.arange(len(pairs))
    src, dst = np.array(pairs).T
    sizes = np.broadcast_to(size_bytes, len(pairs))
    return m4.workload.Workload.from_arrays(
        id=flows, src=src, dst=dst, size_bytes=sizes, start_ns=flows * 0
    )


def scenario(pairs, size_bytes=10**7, routing=None, control=CONTROL, config=CONFIG, **keys):
    routing = {"kind": "simai", "nic": "rail", **(routing or {})}
    flows = workload(pairs, size_bytes)
    return m4.Scenario(topology.rail(**DUAL), flows, control, config, routing, **keys)


def times(*args, **keys):
    given = scenario(*args, **keys)
    return m4.simulate(given, "packet").fct_ns, given.ideal_fct_ns


def test_a_flow_on_each_nic_is_as_fast_as_alone():
    fct, ideal = times([(0, 2)] * 2)
    assert fct.tolist() == ideal.tolist()


def test_all_on_one_plane_have_half_the_rate():
    fct, ideal = times([(0, 2)] * 2, routing={"nic": "given", "nics": [0] * 4})
    # They take turns, so that the second one ends with the last packet.
    once_ns = WIRE_BYTES * 8 / 200 + 2 * 500
    assert fct.max() == pytest.approx(2 * ideal[0] - once_ns, abs=3)


def test_a_dead_tor_doubles_the_time():
    dead = [{"link": [gpu, 6], "kind": "down"} for gpu in (0, 2)]
    routing = {"convergence_us": 0}
    alive, _ = times([(0, 2)] * 2, routing=routing)
    left, _ = times([(0, 2)] * 2, routing=routing, faults=dead)
    once_ns = WIRE_BYTES * 8 / 200 + 2 * 500
    assert left.max() == pytest.approx(2 * alive.max() - once_ns, abs=3)


def test_a_nic_that_dies_hands_its_flows_on():
    """Flow 0 on the NIC to ToR 6 until 100 us: what is lost is sent again over the other NIC."""
    dead = [{"link": [gpu, 6], "kind": "down", "at_us": 100} for gpu in (0, 2)]
    control = {**CONTROL, "retransmit_timeout_us": 50}
    routing = {"convergence_us": 10}
    fct, ideal = times([(0, 2)] * 2, routing=routing, control=control, faults=dead)
    # Flow 0 has sent a quarter in 100 us, and then shares the other NIC, or waits for its timer.
    assert (fct > 1.4 * ideal).all()
    assert (fct < 2.1 * ideal).all()


def test_a_flow_that_has_not_started_moves_too():
    dead = [{"link": [gpu, 6], "kind": "down", "at_us": 1} for gpu in (0, 2)]
    given = scenario([(0, 2)], routing={"convergence_us": 1}, faults=dead)
    late = given.workload.start_ns + 10_000
    flows = m4.workload.Workload(
        given.workload.id, given.workload.src, given.workload.dst, given.workload.size_bytes, late
    )
    moved = given.replace(workload=flows)
    assert m4.simulate(moved, "packet").fct_ns.tolist() == given.ideal_fct_ns.tolist()


def test_nvlink_and_nics_do_not_share():
    fct, ideal = times([(0, 1), (0, 2), (3, 2)])
    assert fct.tolist() == ideal.tolist()
    assert fct[1] > 14 * fct[0]


def two_nics():
    """Host 0 with cables to switches 3 and 4, hosts 1 and 2 at one of them each, at 10 Gb/s."""
    graph = nx.Graph()
    graph.add_nodes_from(range(3), kind="host")
    graph.add_nodes_from((3, 4), kind="switch")
    for ends in ((0, 3), (0, 4), (1, 3), (2, 4)):
        graph.add_edge(*ends, rate_bps=10**10, delay_ns=1000)
    return graph


class _Pause(Watcher):
    """Pauses a link from 50 us to 150 us, as a frame of its switch would."""

    def __init__(self, link: int) -> None:
        self._link = link

    def begin(self, run):
        for time_ns, paused in ((50_000, True), (150_000, False)):
            run.call_at(time_ns, lambda run, paused=paused: self._set(run, paused))

    def _set(self, run, paused):
        run.state.links["paused"][self._link] = paused
        if not paused:
            run.wake_nics(run.state.links["src"][[self._link]])


@pytest.mark.parametrize("far", [3, 4])
def test_a_pause_on_one_nic_leaves_the_other_at_full_rate(far):
    network = two_nics()
    given = m4.Scenario(network, workload([(0, 1), (0, 2)], 10**6), CONTROL)
    link = given.arrays.link_id(0, far)
    simulator = m4.simulators.packet.PacketSimulator(watchers=[_Pause(link)])
    fct = simulator.run(given).fct_ns
    paused, free = (0, 1) if far == 3 else (1, 0)
    ideal = given.ideal_fct_ns
    assert fct[free] == ideal[free]
    # Stopped at the end of a packet, for 100 us but for the rest of that packet.
    assert 100_000 - 839 <= fct[paused] - ideal[paused] <= 100_000 + 839


def test_acks_return_over_their_own_nic():
    """Data from host 0 by switch 3, ACKs of host 1 by switch 4: reckoned by hand."""
    graph = two_nics()
    graph.add_edge(1, 4, rate_bps=10**9, delay_ns=5000)
    arrays = topology.validate(graph)
    data = arrays.link_ids(np.array([0, 3]), np.array([3, 1]))
    ack = arrays.link_ids(np.array([1, 4]), np.array([4, 0]))
    routes = Routes(np.array([10000]), [0, 2], data, [0, 2], ack)
    control = {"kind": "dctcp", "init_window_bytes": 1000, "variable_window": False}
    given = m4.Scenario(graph, workload([(0, 1)], 3000), control, routing=routes)
    packet_ns = 838 + 1000 + 838 + 1000
    ack_ns = 480 + 5000 + 48 + 1000
    assert m4.simulate(given, "packet").fct_ns.tolist() == [3 * packet_ns + 2 * ack_ns]


def test_line_rate_is_that_of_the_nic():
    graph = two_nics()
    graph.edges[0, 4]["rate_bps"] = 10**9
    given = m4.Scenario(graph, workload([(0, 1), (0, 2)], 10**5), CONTROL)
    state = build_state(given)
    assert state.flows["line_rate_bps"].tolist() == [10**10, 10**9]
    assert m4.simulate(given, "packet").fct_ns.tolist() == given.ideal_fct_ns.tolist()


def test_each_nic_takes_its_flows_in_turn():
    """Two flows on the one NIC, one on the other: halves there, the whole here."""
    given = m4.Scenario(two_nics(), workload([(0, 1), (0, 1), (0, 2)], 10**6), CONTROL)
    fct, ideal = m4.simulate(given, "packet").fct_ns, given.ideal_fct_ns
    assert fct[2] == ideal[2]
    assert fct[:2].min() > 1.99 * ideal[0]


def incast(kind):
    """Three hosts at one node, two of which send to the third."""
    graph = nx.star_graph(3)
    graph = nx.relabel_nodes(graph, {0: 3, 3: 0})
    nx.set_edge_attributes(graph, 10**10, "rate_bps")
    nx.set_edge_attributes(graph, 1000, "delay_ns")
    nx.set_node_attributes(graph, {0: "host", 1: "host", 2: "host", 3: kind}, "kind")
    config = {"buffer_bytes": 200_000, "ecn": {"kmin_bytes": 10**9, "kmax_bytes": 10**9}}
    return m4.Scenario(graph, workload([(0, 2), (1, 2)], 10**6), CONTROL, config)


def test_an_nvswitch_neither_marks_nor_pauses():
    switch = m4.simulate(incast("switch"), "packet")
    assert switch.extra["pfc_pauses_sent"] > 0
    given = incast("nvswitch")
    state = build_state(given)
    result = m4.simulate(given, "packet")
    assert result.extra["pfc_pauses_sent"] == 0
    assert result.extra["packets_dropped"] > 0
    assert (state.links["kmin_bytes"][given.arrays.link_src == 3] > 10**12).all()


def test_windows_by_pair():
    """NVLink of 2880 Gb/s and 25 ns: 150 ns and 54000 bytes, as SimAI prints them."""
    pairs = [(0, 1), (0, 2), (0, 3)]
    given = scenario(pairs, control={"kind": "dcqcn", "init_window_bytes": "pair"})
    windows = build_state(given).flows["window_bytes"].tolist()
    assert windows == [54_000, 200 * (2 * 1000 + 2 * 360) // 8, 200 * (4000 + 720 + 360) // 8]
    fct = m4.simulate(given, "packet").fct_ns
    assert fct[0] == given.ideal_fct_ns[0]


@pytest.mark.parametrize("kind", ["dctcp", "timely", "dcqcn"])
def test_a_window_by_pair_is_one_window_where_all_pairs_are_alike(kind):
    """Bit by bit, with a window that follows the rate."""
    network = topology.star(4)
    flows = m4.workload.generate(network, sizes="web_search", load=0.9, num_flows=60, seed=2)
    pair = m4.Scenario(network, flows, {"kind": kind, "init_window_bytes": "pair"})
    window = 10 * (2 * 2000 + 2 * 800) // 8
    assert (build_state(pair).flows["window_bytes"] == window).all()
    same = m4.Scenario(network, flows, {"kind": kind, "init_window_bytes": window})
    times = [m4.simulate(each, "packet").fct_ns.tolist() for each in (pair, same)]
    assert times[0] == times[1]


def test_a_session_takes_several_nics():
    session = m4.open_session(
        topology.rail(**DUAL), "packet", CONTROL, CONFIG, {"kind": "simai", "nic": "rail"}
    )
    for _ in range(2):
        session.add_flow(src=0, dst=2, size_bytes=10**6, start_ns=0)
    done = [flow.fct_ns for flow in session.run()]
    assert done[0] == done[1]


def test_hpcc_wants_switches_with_telemetry():
    with pytest.raises(ConfigError, match="node 4: expected no NVSwitch with hpcc"):
        times([(0, 1)], control={"kind": "hpcc"})


def test_hpcc_on_two_nics():
    given = m4.Scenario(two_nics(), workload([(0, 1), (0, 2)], 10**6), "hpcc")
    alone = m4.Scenario(topology.star(3), workload([(0, 1)], 10**6), "hpcc")
    fct = m4.simulate(given, "packet").fct_ns
    assert fct.tolist() == 2 * m4.simulate(alone, "packet").fct_ns.tolist()
