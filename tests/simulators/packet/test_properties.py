"""What must hold in any run: bytes are conserved, nothing is left behind, no link is overfull."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import m4graph as m4
from m4graph.simulators.packet.build import build_state
from m4graph.simulators.packet.driver import PacketRun
from m4graph.simulators.packet.simulator import PacketSimulator
from m4graph.simulators.packet.state import State
from m4graph.workload import Workload

ALGORITHMS = ("dctcp", "dcqcn", "timely", "hpcc")
PFC_FRAME_BYTES = 43
OVERHEAD_BYTES = {"dctcp": 48, "dcqcn": 48, "timely": 56, "hpcc": 90}
ACK_BYTES = {"dctcp": 60, "dcqcn": 60, "timely": 60, "hpcc": 88}

gbps = st.sampled_from([10, 25, 40, 100])
delay = st.integers(0, 5000)


@st.composite
def networks(draw):
    kind = draw(st.sampled_from(["star", "leaf_spine", "fat_tree", "dumbbell", "parking_lot"]))
    rates = {"host_gbps": draw(gbps), "fabric_gbps": draw(gbps), "delay_ns": draw(delay)}
    if kind == "star":
        return m4.topology.star(num_hosts=5, gbps=draw(gbps), delay_ns=draw(delay))
    if kind == "leaf_spine":
        return m4.topology.leaf_spine(3, 2, 2, **rates)
    if kind == "fat_tree":
        return m4.topology.fat_tree(4, **rates)
    if kind == "dumbbell":
        return m4.topology.dumbbell(3, 3, draw(gbps), draw(gbps), draw(delay))
    return m4.topology.parking_lot(4, 2, draw(gbps), draw(gbps), draw(delay))


@st.composite
def scenarios(draw, kind: str):
    network = draw(networks())
    hosts = sum(node == "host" for _, node in network.nodes(data="kind"))
    num_flows = draw(st.integers(1, 40))
    # Few starts, sizes and pairs: many ties, and incasts.
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    src = rng.integers(0, hosts, num_flows)
    workload = Workload.from_arrays(
        id=np.arange(num_flows),
        src=src,
        dst=(src + rng.integers(1, min(hosts, draw(st.integers(2, 8))), num_flows)) % hosts,
        size_bytes=rng.choice([1, 999, 1000, 1001, 20_000, 100_000], num_flows),
        start_ns=np.sort(rng.integers(0, draw(st.integers(1, 100_000)), num_flows)),
    )
    control = {
        "kind": kind,
        "init_window_bytes": draw(st.sampled_from([1000, 18_000, 200_000])),
        "variable_window": draw(st.booleans()),
        "ack_priority": draw(st.booleans()),
    }
    kmin = draw(st.integers(0, 40_000))
    config = {
        "payload_bytes": draw(st.sampled_from([300, 1000, 1460])),
        "buffer_bytes": draw(st.sampled_from([120_000, 500_000, 3_072_000])),
        "buffer_alpha": draw(st.sampled_from([0.1, 1.0, 8.0])),
        "headroom_cap": 0.8,
        "pfc": draw(st.booleans()),
        "ecn": {
            "kmin_bytes": kmin,
            "kmax_bytes": kmin + draw(st.integers(0, 50_000)),
            "pmax": draw(st.floats(0.01, 1.0)),
        },
    }
    return m4.Scenario(network, workload, control, config, seed=draw(st.integers(0, 5)))


def run_dry(scenario) -> State:
    """Runs on after the last flow, until nothing is left to happen."""
    run = PacketRun(scenario, build_state(scenario))
    run.state.control["stop_at"] = -1
    run.run_to_end()
    return run.state


@pytest.mark.parametrize("kind", ALGORITHMS)
@settings(max_examples=40, deadline=None, derandomize=True)
@given(data=st.data())
def test_nothing_is_left_behind(kind, data):
    scenario = data.draw(scenarios(kind))
    state = run_dry(scenario)
    control, links = state.control[0], state.links
    assert control["packets_left"] == len(state.packets)
    for name in ("queue_bytes", "ingress_bytes", "headroom_bytes", "pause_sent", "paused"):
        if name != "paused" or scenario.config.pfc:
            assert not links[name].any(), name
    assert not state.nodes["buffer_bytes"].any()
    assert not state.nodes["headroom_bytes"].any()
    flows = state.flows
    finished = flows["finish_ticks"] >= 0
    assert (flows["rcv_nxt"][finished] == flows["size_bytes"][finished]).all()
    assert (flows["rcv_nxt"] <= flows["snd_nxt"]).all()
    if control["packets_dropped"] == 0:
        assert finished.all()
        assert links["sent_bytes"].sum() == expected_bytes(scenario, control)


def expected_bytes(scenario, control) -> int:
    """Every packet once over each link of its route, its ACK back, and the frames of PFC."""
    kind = scenario.congestion_control.kind
    size_bytes, routes = scenario.workload.size_bytes, scenario.routes
    packets = -(-size_bytes // scenario.config.payload_bytes)
    data = (size_bytes + packets * OVERHEAD_BYTES[kind]) * np.diff(routes.data_ptr)
    acks = packets * ACK_BYTES[kind] * np.diff(routes.ack_ptr)
    frames = 2 * int(control["pauses_sent"]) * PFC_FRAME_BYTES
    return int(data.sum() + acks.sum()) + frames


@pytest.mark.parametrize("kind", ALGORITHMS)
@settings(max_examples=25, deadline=None, derandomize=True)
@given(data=st.data())
def test_no_link_carries_more_than_its_rate(kind, data):
    scenario = data.draw(scenarios(kind))
    state = run_dry(scenario)
    first_ns = int(scenario.workload.start_ns.min())
    elapsed_ns = int(state.control["now"][0]) - first_ns
    # Each packet's time is truncated to a nanosecond.
    packets = state.links["sent_bytes"] / ACK_BYTES["dctcp"]
    busy_ns = state.links["sent_bytes"] * 8e9 / state.links["rate_bps"] - packets
    assert (busy_ns <= elapsed_ns).all()


@pytest.mark.parametrize("kind", ALGORITHMS)
@settings(max_examples=15, deadline=None, derandomize=True)
@given(data=st.data())
def test_the_same_scenario_gives_the_same_bits_and_no_flow_beats_the_wire(kind, data):
    scenario = data.draw(scenarios(kind))
    once, again = (PacketSimulator().run(scenario) for _ in range(2))
    assert np.array_equal(once.fct_ns, again.fct_ns)
    assert once.packet_hops == again.packet_hops
    assert (once.fct_ns >= least_ns(scenario))[once.finished].all()


def least_ns(scenario) -> np.ndarray:
    """All delays of the route, and all bytes over its slowest link; a tick less for each packet."""
    arrays, routes, begin = scenario.arrays, scenario.routes, scenario.routes.data_ptr[:-1]
    delay_ns = np.add.reduceat(arrays.link_delay_ns[routes.data_links], begin)
    slowest_bps = np.minimum.reduceat(arrays.link_rate_bps[routes.data_links], begin)
    packets = -(-scenario.workload.size_bytes // scenario.config.payload_bytes)
    wire_bytes = scenario.workload.size_bytes + 48 * packets
    return delay_ns + wire_bytes * 8 * 10**9 // slowest_bps - packets
