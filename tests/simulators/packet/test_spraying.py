"""Packets of a flow on several paths: cases that one can reckon by hand, and what must not change.

At 10 Gb/s a full packet, 1048 bytes on the wire, takes 838 ns.
"""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

import m4graph as m4
from m4graph.core.errors import ConfigError
from m4graph.scenario.cautions import Caution
from m4graph.simulators.packet import PacketSimulator
from m4graph.simulators.packet.driver import Watcher

PACKET_NS = 838
CONTROL = {"kind": "dctcp", "init_window_bytes": None}
FAT_TREE = m4.topology.fat_tree(k=4)
TWO_SPINES = m4.topology.leaf_spine(
    num_leaves=2, hosts_per_leaf=2, num_spines=2, host_gbps=10, fabric_gbps=10, delay_ns=1000
)
SPRAYS = [{"kind": "spray", "choice": "random"}, {"kind": "spray", "choice": "round_robin"}]


def workload(pairs, size_bytes, start_ns=0):
    src, dst = np.array(pairs).T
    count = len(pairs)
    sizes, starts = np.broadcast_to(size_bytes, count), np.broadcast_to(start_ns, count)
    return m4.workload.Workload.from_arrays(np.arange(count), src, dst, sizes, starts)


def scenario(routing, pairs, size_bytes=100_000, network=TWO_SPINES, control=CONTROL, **keys):
    return m4.Scenario(network, workload(pairs, size_bytes), control, routing=routing, **keys)


def busy(routing, control=CONTROL, **keys):
    flows = m4.workload.generate(FAT_TREE, sizes="hadoop", load=0.5, num_flows=100, seed=2)
    return m4.Scenario(FAT_TREE, flows, control, routing=routing, **keys)


class Looks(Watcher):
    """Keeps the state of a run."""

    def finish(self, run):
        self.state = run.state
        return {}


def looked_at(given):
    """The result of a run, and its state at the end."""
    looks = Looks()
    return PacketSimulator(watchers=[looks]).run(given), looks.state


def unequal_spines(slow_delay_ns):
    """Hosts 0 and 1, leaves 2 and 3, spines 4 and 5 of which the second is far away."""
    graph = nx.Graph()
    graph.add_nodes_from((0, 1), kind="host")
    graph.add_nodes_from(range(2, 6), kind="switch")
    for a, b in ((0, 2), (1, 3), (2, 4), (3, 4)):
        graph.add_edge(a, b, rate_bps=10**10, delay_ns=1000)
    for a, b in ((2, 5), (3, 5)):
        graph.add_edge(a, b, rate_bps=10**10, delay_ns=slow_delay_ns)
    return graph


@pytest.mark.parametrize("routing", SPRAYS)
@pytest.mark.parametrize("size_bytes", [1, 1000, 64_000, 10**6])
def test_a_lone_flow_over_equal_paths_is_as_fast_as_on_one(routing, size_bytes):
    given = scenario(routing, [(0, 15)], size_bytes, network=FAT_TREE)
    assert given.ideal_fct_ns.tolist() == m4.simulate(given, "packet").fct_ns.tolist()


def test_a_small_last_packet_overtakes_the_one_before_on_another_path():
    """It waits for the others at the sender's NIC and at the receiver's only: in the fabric it has
    a path for itself. So it is there a moment after the last full packet.
    """
    given = scenario(SPRAYS[1], [(0, 15)], 64_001, network=FAT_TREE)
    full = scenario(SPRAYS[1], [(0, 15)], 64_000, network=FAT_TREE)
    last_ns = 49 * 8 // 10
    fct_ns = m4.simulate(given, "packet").fct_ns[0]
    assert fct_ns == full.ideal_fct_ns[0] + last_ns


def test_two_flows_that_ecmp_has_on_one_spine_are_both_at_full_rate():
    pairs = [(0, 2), (1, 3)]
    for seed in range(50):
        ecmp = scenario({"kind": "ecmp", "seed": seed}, pairs)
        first, second = ecmp.routes.data_route(0)[1], ecmp.routes.data_route(1)[1]
        if first == second:
            break
    collided = m4.simulate(ecmp, "packet").fct_ns
    assert collided.max() > 1.9 * ecmp.ideal_fct_ns[0] - 5 * PACKET_NS
    sprayed = scenario({"kind": "spray", "choice": "round_robin", "seed": seed}, pairs)
    late = m4.simulate(sprayed, "packet").fct_ns - sprayed.ideal_fct_ns
    # Both begin on the same spine, and take turns from then on: one is a packet behind the other.
    assert sorted(late.tolist()) == [0, PACKET_NS]


@pytest.mark.parametrize("num_packets", [1, 2, 9, 10])
def test_paths_of_unequal_delay_end_with_the_last_byte_of_the_slow_one(num_packets):
    # The slow path is four packets longer, and of every two packets one takes it.
    extra_ns = 4 * PACKET_NS
    network = unequal_spines(1000 + extra_ns // 2)
    routing = {"kind": "spray", "choice": "round_robin"}
    given = scenario(routing, [(0, 1)], num_packets * 1000, network=network)
    begins_slow = 5 in given.arrays.link_dst[given.routes.data_route(0)]
    first_ns = 4 * (PACKET_NS + 1000)
    slow = [number for number in range(num_packets) if (number % 2 == 0) == begins_slow]
    arrivals = [first_ns + n * PACKET_NS + extra_ns * (n in slow) for n in range(num_packets)]
    taps = {"taps": [[3, 1]]}
    result = PacketSimulator(recording=taps).run(given)
    assert result.fct_ns.tolist() == [max(arrivals)]
    rows = result.extra["recording"].packets
    arrived = rows[(rows["event"] == "enter") & (rows["kind"] == "data")]
    expected = sorted(range(num_packets), key=lambda number: arrivals[number])
    assert (arrived["seq"] // 1000).tolist() == expected
    assert arrived["time_ns"].tolist() == sorted(arrivals)


@pytest.mark.parametrize("kind", ["dctcp", "dcqcn"])
def test_flowlets_of_flows_that_never_pause_are_ecmp_to_the_bit(kind):
    one = m4.simulate(busy({"kind": "ecmp"}, kind), "packet")
    other = m4.simulate(busy({"kind": "flowlet", "gap_us": 10**6}, kind), "packet")
    assert one.num_finished == 100
    assert one.fct_ns.tolist() == other.fct_ns.tolist()
    assert one.packet_hops == other.packet_hops


@pytest.mark.parametrize("choice", ["random", "round_robin"])
def test_flowlets_without_a_gap_are_spraying_to_the_bit(choice):
    one = m4.simulate(busy({"kind": "spray", "choice": choice}), "packet")
    gaps = {"kind": "flowlet", "gap_us": 0, "choice": choice}
    other = m4.simulate(busy(gaps), "packet")
    assert one.fct_ns.tolist() == other.fct_ns.tolist()
    assert one.fct_ns.tolist() != m4.simulate(busy({"kind": "ecmp"}), "packet").fct_ns.tolist()


def test_a_flow_changes_path_where_it_pauses():
    """A window of one packet: the next one leaves when the ACK is back, 12.7 us after the first."""
    control = {"kind": "dctcp", "init_window_bytes": 1000}
    spines = {}
    for gap_us in (10, 13):
        routing = {"kind": "flowlet", "gap_us": gap_us, "choice": "round_robin"}
        given = scenario(routing, [(0, 2)], 4000, control=control)
        leaf = int(given.arrays.link_dst[given.routes.data_route(0)[0]])
        taps = {"taps": [[leaf, 6], [leaf, 7]]}
        rows = PacketSimulator(recording=taps).run(given).extra["recording"].packets
        sent = rows[(rows["event"] == "leave") & (rows["kind"] == "data")]
        spines[gap_us] = sent["b"].tolist()
    assert spines[10] in ([6, 7, 6, 7], [7, 6, 7, 6])
    assert spines[13] in ([6] * 4, [7] * 4)


def test_one_seed_one_result():
    routing = SPRAYS[0]
    one, again = (m4.simulate(busy(routing, seed=3), "packet").fct_ns for _ in range(2))
    assert one.tolist() == again.tolist()
    assert one.tolist() != m4.simulate(busy(routing, seed=4), "packet").fct_ns.tolist()


def test_a_session_gives_the_bits_of_a_run():
    given = busy(SPRAYS[0], seed=5)
    session = m4.open_session(FAT_TREE, "packet", CONTROL, routing=SPRAYS[0], seed=5)
    flows = given.workload
    columns = (flows.src, flows.dst, flows.size_bytes, flows.start_ns)
    for row, flow in enumerate(zip(*(column.tolist() for column in columns), strict=True)):
        session.add_flow(*flow)
        if row == 10:
            list(session.run(until_ns=0))
    list(session.run())
    fct_ns = session.finish_ns - session.start_ns
    assert fct_ns.tolist() == m4.simulate(given, "packet").fct_ns.tolist()


@pytest.mark.parametrize("routing", [*SPRAYS, {"kind": "flowlet", "gap_us": 5}])
@pytest.mark.parametrize("tick", ["ns", "ps"])
def test_every_byte_is_received_and_acknowledged_once(routing, tick):
    given = busy(routing, "dcqcn", config={"tick": tick})
    result, state = looked_at(given)
    assert result.num_finished == given.num_flows
    for name in ("rcv_nxt", "snd_nxt"):
        assert state.flows[name].tolist() == given.workload.size_bytes.tolist()
    packets = -(-given.workload.size_bytes // 1000)
    arrived, acknowledged = np.bitwise_count(state.packet_bits).sum(axis=0)
    # With the last byte the run ends: some ACKs are under way.
    assert packets.sum() == arrived > acknowledged > arrived - 20
    hops = (packets * (np.diff(given.routes.data_ptr) + np.diff(given.routes.ack_ptr))).sum()
    assert hops - 100 < result.packet_hops < hops


def test_a_spray_uses_its_paths_evenly():
    taps = {"links": "all"}
    given = scenario(SPRAYS[1], [(0, 15)], 10**6, network=FAT_TREE)
    links = PacketSimulator(recording=taps).run(given).extra["recording"].links
    sent = links.groupby(["a", "b"])["sent_bytes"].sum()
    core = [sent[a, b] for a, b in sent.index if b >= 32 and sent[a, b] > 100_000]
    assert core == [250 * 1048] * 4


def test_marks_slow_senders_and_pfc_loses_nothing():
    """Fifteen hosts send to one, in a switch with little buffer beyond its headroom."""
    pairs = [(host, 15) for host in range(15)]
    config = {"buffer_bytes": 140_000}
    given = scenario(SPRAYS[0], pairs, 200_000, network=FAT_TREE, control="dcqcn", config=config)
    result, state = looked_at(given)
    assert result.num_finished == 15
    assert result.extra["pfc_pauses_sent"] > 0
    assert result.extra["packets_dropped"] == 0
    assert (state.flows["rate_bps"] < state.flows["line_rate_bps"]).all()


LOSSES = [{"kind": "loss", "link": [4, spine], "probability": 0.1} for spine in (6, 7)]


def test_what_is_lost_is_sent_again_after_a_timeout_and_nothing_else():
    control = {**CONTROL, "retransmit_timeout_us": 100}
    given = scenario(SPRAYS[0], [(0, 2)], 200_500, control=control, faults=LOSSES)
    result, state = looked_at(given)
    lost = result.extra["packets_lost"]
    assert lost > 10
    assert result.num_finished == 1
    assert state.flows["rcv_nxt"].tolist() == [200_500]
    # Each loss costs the hops of its way once more, up to where it was lost; ACKs are lost, too.
    hops_of_all = 201 * 8
    assert hops_of_all < result.packet_hops < hops_of_all + 8 * lost
    assert result.fct_ns[0] > given.ideal_fct_ns[0] + 100_000


def test_without_a_timer_what_is_lost_stays_lost():
    given = scenario(SPRAYS[0], [(0, 2)], 200_500, faults=LOSSES)
    with pytest.warns(Caution, match="no timer notices the loss"):
        result = m4.simulate(given, "packet")
    assert result.num_finished == 0


def test_buffers_that_drop_are_recovered_from():
    pairs = [(host, 15) for host in range(15)]
    control = {"kind": "dcqcn", "init_window_bytes": None, "retransmit_timeout_us": 200}
    config = {"queue": {"kind": "drop_tail", "capacity_packets": 20}}
    given = scenario(SPRAYS[0], pairs, 100_000, FAT_TREE, control, config=config)
    result, state = looked_at(given)
    assert result.extra["packets_dropped"] > 0
    assert result.num_finished == 15
    assert (state.flows["rcv_nxt"] == 100_000).all()


@pytest.mark.parametrize("convergence_us", [None, 10])
def test_a_dead_spine_is_left_where_routing_knows(convergence_us):
    control = {**CONTROL, "retransmit_timeout_us": 100, "retransmit_limit": 3}
    dead = [{"kind": "down", "link": [4, 6], "at_us": 50}]
    routing = {**SPRAYS[1], "convergence_us": convergence_us}
    given = scenario(routing, [(0, 2), (2, 0)], 10**6, control=control, faults=dead)
    result, state = looked_at(given)
    if convergence_us is None:
        # Every second packet is lost, on the way there or back, at any try.
        assert result.extra["packets_lost"] > 300
        return
    assert result.num_finished == 2
    assert state.sprays["num_paths"].tolist() == [1, 1]
    assert result.extra["packets_lost"] < 30


def test_hpcc_is_refused():
    given = scenario({"kind": "spray"}, [(0, 2)], 10_000, control="hpcc")
    with pytest.raises(ConfigError, match=r"routing.kind: .* with hpcc, whose packets report"):
        m4.simulate(given, "packet")


@pytest.mark.parametrize("kind", ["newreno", "dctcp_window"])
def test_tcp_is_refused(kind):
    with pytest.raises(ConfigError, match=rf"with {kind}, which takes packets that overtake"):
        m4.simulate(scenario({"kind": "spray"}, [(0, 2)], control=kind), "packet")


@pytest.mark.parametrize(
    ("key", "options"),
    [("labels", {"labels": True}), ("recording.rtt", {"recording": {"rtt": "all"}})],
)
def test_what_counts_on_one_route_is_refused(key, options):
    with pytest.raises(ConfigError, match=rf"^{key}: expected none with packets of a flow on"):
        PacketSimulator(**options).run(scenario({"kind": "spray"}, [(0, 2)]))


@pytest.mark.parametrize("simulator", ["fluid", "parsimon"])
@pytest.mark.parametrize("kind", ["spray", "flowlet"])
def test_simulators_of_one_route_say_so(simulator, kind):
    with pytest.raises(ConfigError, match=rf"routing.kind: .* the {simulator} .* \(got '{kind}'\)"):
        m4.simulate(scenario({"kind": kind}, [(0, 2)]), simulator)


def test_sessions_of_one_route_say_so():
    with pytest.raises(ConfigError, match="gives each flow one route; packet has others"):
        m4.open_session(TWO_SPINES, "fluid", CONTROL, routing={"kind": "spray"})
