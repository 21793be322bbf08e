"""Faults: exact times and losses that follow by hand, and what holds in every run."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import m4graph as m4
from m4graph.core.errors import ConfigError
from m4graph.simulators import build_simulator
from m4graph.workload import Workload

STAR = m4.topology.star(num_hosts=5, gbps=10, delay_ns=1000)
SWITCH = 5
LEAF_SPINE = m4.topology.leaf_spine(
    num_leaves=2, hosts_per_leaf=2, num_spines=2, host_gbps=10, fabric_gbps=10, delay_ns=500
)
LEAVES, SPINES = (4, 5), (6, 7)


def flows(*rows: tuple[int, int, int, int]) -> Workload:
    """A workload of rows (src, dst, bytes, start_ns)."""
    src, dst, size_bytes, start_ns = (np.array(column) for column in zip(*rows, strict=True))
    return Workload.from_arrays(np.arange(len(rows)), src, dst, size_bytes, start_ns)


def run(workload, *faults, network=STAR, recording=None, **changes):
    scenario = m4.Scenario(network, workload, "dctcp", faults=faults, **changes)
    return m4.simulate(scenario, "packet", recording=recording)


def fault(kind, a, b, **keys):
    return {"kind": kind, "link": [a, b], **keys}


TEN_PACKETS = flows((0, 1, 10_000, 0))


@pytest.mark.parametrize("rate", [{"factor": 0.5}, {"rate_gbps": 5.0}])
def test_a_link_at_half_its_rate(rate):
    """Packets 0 to 3 start by 3000 ns; the fourth is done at 3352, six more take 1676 each."""
    result = run(TEN_PACKETS, fault("slow", 0, SWITCH, at_us=3.0, **rate))
    assert result.fct_ns[0] == 3352 + 6 * 1676 + 1000 + 838 + 1000
    assert result.extra["packets_lost"] == 0


def test_a_link_is_slow_for_a_while():
    """Packet 4 starts at 3352, is done at 5028, when the link is itself again; five are left."""
    result = run(TEN_PACKETS, fault("slow", 0, SWITCH, at_us=3, until_us=5, factor=0.5))
    assert result.fct_ns[0] == 5028 + 5 * 838 + 1000 + 838 + 1000


def test_a_link_is_down_for_a_microsecond():
    """Packets 2, 3 and 4 are on the wire from 3000 to 4000 ns. Packet 5 makes the receiver ask
    for packet 2: at 7866, and the NACK is back at 7866 + 2 * 1048."""
    result = run(TEN_PACKETS, fault("down", 0, SWITCH, at_us=3, until_us=4))
    assert result.extra["packets_lost"] == 3
    assert result.fct_ns[0] == 9962 + 8 * 838 + 1000 + 838 + 1000


def test_a_packet_half_sent_when_the_link_comes_back_is_lost():
    """Packet 0 is sent from 0 to 838 ns: its first bits are gone at 400, its last ones are not."""
    result = run(TEN_PACKETS, fault("down", 0, SWITCH, until_us=0.4))
    assert result.extra["packets_lost"] == 1
    later = run(TEN_PACKETS, fault("down", 0, SWITCH, at_us=0.9, until_us=1.0))
    assert later.extra["packets_lost"] == 2  # One on its way, one being sent.


def test_a_black_hole_swallows_the_first_window():
    workload = flows((0, 1, 100_000, 0), (2, 3, 10_000, 0))
    result = run(workload, fault("down", SWITCH, 1))
    assert result.extra["packets_lost"] == 18
    assert result.finished.tolist() == [False, True]
    assert result.fct_ns[1] == 11_218


def test_one_direction_only():
    """The flow's ACKs are lost, which it does not need: seven are due before it ends."""
    result = run(TEN_PACKETS, fault("down", 0, SWITCH, direction="backward"))
    assert (result.fct_ns[0], result.extra["packets_lost"]) == (11_218, 7)
    same = run(TEN_PACKETS, fault("down", SWITCH, 0, direction="forward"))
    assert (same.fct_ns[0], same.extra["packets_lost"]) == (11_218, 7)


def test_several_faults_of_one_link():
    """The slowest rate counts; a fault that ends leaves the others."""
    both = [
        fault("slow", 0, SWITCH, factor=0.5),
        fault("slow", 0, SWITCH, rate_gbps=1.0, until_us=2),
    ]
    # The first packet takes 8384 ns, the others 1676.
    assert run(TEN_PACKETS, *both).fct_ns[0] == 8384 + 9 * 1676 + 1000 + 838 + 1000


LONE_PACKETS = flows(*((0, 1, 1000, 2000 * i) for i in range(4000)))


def test_losses_come_with_their_probability():
    result = run(LONE_PACKETS, fault("loss", 0, SWITCH, probability=0.1, direction="forward"))
    lost = result.extra["packets_lost"]
    assert abs(lost - 400) < 5 * np.sqrt(4000 * 0.1 * 0.9)
    assert result.num_finished == 4000 - lost
    assert set(result.fct_ns.tolist()) == {-1, 3676}
    # No streaks: of the packets after a lost one, as many are lost as of all.
    is_lost = ~result.finished
    after_lost = is_lost[1:][is_lost[:-1]]
    assert abs(after_lost.mean() - 0.1) < 5 * np.sqrt(0.1 * 0.9 / len(after_lost))


def test_two_losses_on_one_link_are_independent():
    half = fault("loss", 0, SWITCH, probability=0.5, direction="forward")
    lost = run(LONE_PACKETS, half, half).extra["packets_lost"]
    assert abs(lost - 3000) < 5 * np.sqrt(4000 * 0.75 * 0.25)
    always = fault("loss", 0, SWITCH, probability=1.0)
    assert run(LONE_PACKETS, always).extra["packets_lost"] == 4000


def test_losses_follow_the_seed():
    lossy = fault("loss", 0, SWITCH, probability=0.1)
    first = run(LONE_PACKETS, lossy, seed=1)
    np.testing.assert_array_equal(first.fct_ns, run(LONE_PACKETS, lossy, seed=1).fct_ns)
    assert (first.fct_ns != run(LONE_PACKETS, lossy, seed=2).fct_ns).any()


def test_a_lossy_link_changes_nothing_elsewhere():
    """Neither marks drawn at random, nor the losses of another link."""
    rows = [(i % 2, 2, 300_000, 0) for i in range(6)] + [(3, 4, 1000, 2000 * i) for i in range(200)]
    ecn = {"ecn": {"kmin_bytes": 5000, "kmax_bytes": 60_000, "pmax": 0.5}}
    well = run(flows(*rows), config=ecn)
    lossy = fault("loss", 3, SWITCH, probability=0.2)
    ill = run(flows(*rows), lossy, config=ecn)
    np.testing.assert_array_equal(well.fct_ns[:6], ill.fct_ns[:6])
    assert ill.extra["packets_lost"] > 10
    worse = run(flows(*rows), fault("loss", 4, SWITCH, probability=0.2), lossy, config=ecn)
    assert set(np.flatnonzero(~ill.finished)) < set(np.flatnonzero(~worse.finished))


def spine_of(workload) -> tuple[int, int]:
    """The spine that flow 0 takes, and the other one."""
    scenario = m4.Scenario(LEAF_SPINE, workload, "dctcp")
    mine = int(scenario.arrays.link_dst[scenario.routes.data_route(0)[1]])
    return mine, sum(SPINES) - mine


def test_later_flows_are_routed_around():
    workload = flows((0, 2, 10_000, 100_000))
    dead, _ = spine_of(workload)
    down = fault("down", LEAVES[0], dead, at_us=10)
    options = {"network": LEAF_SPINE}
    assert run(workload, down, **options).num_finished == 0
    rerouted = run(workload, down, routing={"convergence_us": 50.0}, **options)
    assert rerouted.slowdown.tolist() == [1.0]
    too_late = run(workload, down, routing={"convergence_us": 200.0}, **options)
    assert too_late.num_finished == 0


def test_an_active_flow_moves_to_the_other_spine_and_back():
    workload = flows((0, 2, 400_000, 0))
    dead, alive = spine_of(workload)
    down = fault("down", LEAVES[0], dead, at_us=40, until_us=41)
    result = run(
        workload,
        down,
        network=LEAF_SPINE,
        routing={"convergence_us": 0.5},
        recording={"taps": [[LEAVES[0], dead], [LEAVES[0], alive]]},
    )
    assert result.num_finished == 1
    assert result.extra["packets_lost"] > 0
    rows = result.extra["recording"].packets
    left = rows[(rows["event"] == "leave") & (rows["kind"] == "data")]
    # Packets that wait at the leaf, or are on their way to it, keep the route they have.
    hop_ns = 838 + 500
    detour = left[left["b"] == alive]
    assert len(detour) > 0
    assert detour["time_ns"].between(40_500, 41_500 + 2 * hop_ns).all()
    assert left[left["b"] == dead]["time_ns"].max() > 41_500 + 2 * hop_ns


def test_a_flow_that_is_cut_off_keeps_its_route():
    workload = flows((0, 2, 10_000, 100_000), (0, 1, 10_000, 100_000))
    cuts = [fault("down", LEAVES[0], spine) for spine in SPINES]
    result = run(workload, *cuts, network=LEAF_SPINE, routing={"convergence_us": 1.0})
    assert result.finished.tolist() == [False, True]


@pytest.mark.parametrize(
    ("kind", "labels", "message"),
    [
        ("hpcc", False, "routing.convergence_us: expected null with hpcc"),
        ("dctcp", True, "routing.convergence_us: expected null where labels are recorded"),
    ],
)
def test_what_cannot_be_rerouted(kind, labels, message):
    scenario = m4.Scenario(
        LEAF_SPINE,
        TEN_PACKETS,
        kind,
        faults=[fault("down", LEAVES[0], SPINES[0])],
        routing={"convergence_us": 1.0},
    )
    with pytest.raises(ConfigError, match=message):
        m4.simulate(scenario, "packet", labels=labels)


@pytest.mark.parametrize("simulator", ["packet", "fluid"])
def test_sessions_refuse_faults(simulator):
    scenario = m4.Scenario(STAR, TEN_PACKETS, "dctcp", faults=[fault("down", 0, SWITCH)])
    with pytest.raises(ConfigError, match=r"faults: expected none in a session.*got 1"):
        build_simulator(simulator).open_session(scenario)


def test_hundreds_of_faults(monkeypatch):
    """A cable that is down for 10 ns in every 20 us: all fit, and all are over in time."""
    monkeypatch.setattr("m4graph.simulators.packet.build._FIRST_POOL", 100)
    flapping = [
        fault("down", 0, SWITCH, at_us=20 * i + 10, until_us=20 * i + 10.01) for i in range(300)
    ]
    late = flows((0, 1, 1000, 5_000_000), (0, 1, 1000, 5_008_500), (0, 1, 1000, 6_100_000))
    result = run(late, *flapping)
    assert result.finished.tolist() == [True, False, True]


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_no_packet_is_forgotten(data):
    """What starts on a link arrives, is lost, or is still on it; what is recorded changes nothing.

    A host's packet ends at a host, in a queue, on a wire, dropped or lost: once.
    """
    row = st.tuples(
        st.integers(0, 3), st.integers(1, 3), st.integers(1, 40_000), st.integers(0, 40_000)
    )
    rows = data.draw(st.lists(row, min_size=1, max_size=12))
    workload = flows(*((src, (src + step) % 4, size, start) for src, step, size, start in rows))
    cable = st.sampled_from([(0, 4), (2, 5), (4, 6), (4, 7), (5, 6), (5, 7)])
    faults = []
    for a, b in data.draw(st.lists(cable, max_size=4)):
        keys = data.draw(
            st.sampled_from(
                [
                    {"kind": "down"},
                    {"kind": "loss", "probability": 0.2},
                    {"kind": "slow", "factor": 0.3},
                ]
            )
        )
        at_us = data.draw(st.integers(0, 30))
        until_us = data.draw(st.sampled_from([None, at_us + 1, at_us + 10]))
        faults.append({"link": [a, b], "at_us": at_us, "until_us": until_us, **keys})
    changes = {
        "network": LEAF_SPINE,
        "config": {"buffer_bytes": data.draw(st.sampled_from([60_000, 3_072_000])), "pfc": False},
        "routing": {"convergence_us": data.draw(st.sampled_from([None, 2.0]))},
    }
    plain = run(workload, *faults, **changes)
    result = run(workload, *faults, recording={"taps": "all", "links": "all"}, **changes)
    np.testing.assert_array_equal(plain.fct_ns, result.fct_ns)
    packets, links = result.extra["recording"].packets, result.extra["recording"].links
    counts = packets["event"].value_counts()
    assert counts["lost"] == links["lost"].sum() == result.extra["packets_lost"]
    assert counts["drop"] == links["drops"].sum() == result.extra["packets_dropped"]
    left, came = packets[packets["event"] == "leave"], packets[packets["event"] == "enter"]
    end_ns = links["time_ns"].max()
    on_the_wire = (left["time_ns"] + left["tx_ns"] + 500 > end_ns).sum()
    due_now = (left["time_ns"] + left["tx_ns"] + 500 == end_ns).sum()
    missing = len(left) - len(came) - counts["lost"]
    assert on_the_wire <= missing <= on_the_wire + due_now
    packets = packets[packets["packet"] >= 0]  # Without PFC frames.
    left, came = packets[packets["event"] == "leave"], packets[packets["event"] == "enter"]
    ended = packets[packets["event"].isin(["lost", "drop"])]["packet"]
    assert ended.is_unique
    at_host = came[came["b"] < 4]["packet"]
    assert at_host.is_unique
    assert not set(at_host) & set(ended)
    sent = left[left["a"] < 4]["packet"]
    assert sent.is_unique
    assert set(at_host) | set(ended) <= set(sent)
