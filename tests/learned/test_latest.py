"""The latest departures: a lone flow loses no time, links with something to send send it, and what
is under way arrives.
"""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import m4graph as m4
from m4graph.graph.tracker_state import make_tracker_state
from m4graph.learned.compiled import CompiledEngine, export_weights
from m4graph.learned.torch_engine import TorchEngine
from m4graph.nn import FlowLinkModel
from m4graph.runs import FlowNetwork, LabelledRun
from m4graph.training.episode import Episode

from .conftest import follow, scenario_of

MB = 10**6
NO_WINDOW = {"kind": "dctcp", "init_window_bytes": None}
LATENCY_AND_TRIP_NS = 15_000
"""Of a star of 10 Gb/s: no more than that."""

NS_PER_BYTE = 0.8 * 1.048


def slow_model(log_factor):
    """A model that takes every flow for so much slower than the estimate does."""
    model = FlowLinkModel()
    torch.nn.init.constant_(model.slowdown_head[-1].bias, log_factor)
    return model


def compiled(model, network):
    return CompiledEngine(export_weights(model), network)


def torch_engine(model, network, plain=False):
    engine = TorchEngine(model, [network])
    engine._agenda.plain[:] = plain
    return engine


def fct_ns(engine):
    """Of all flows but the later one."""
    while engine.run(1000):
        pass
    return engine.fct_ns()[0][:-1]


# None is predicted to take longer than all flows of a network one after the other.
LATER_FLOW = (3, 0, 100 * MB, 10**10)


def network_of(flows, kind=NO_WINDOW):
    return FlowNetwork.from_scenario(scenario_of([*flows, LATER_FLOW], kind=kind))


INCAST = [(0, 3, 4 * MB, 0), (1, 3, 4 * MB, 0), (2, 3, 4 * MB, 0)]


@pytest.mark.parametrize("engine", [compiled, torch_engine])
def test_flows_leave_when_their_link_has_sent_all_that_it_has(engine):
    took_ns = fct_ns(engine(slow_model(1.0), network_of(INCAST)))
    drained_ns = 12 * MB * NS_PER_BYTE
    assert took_ns.max() <= drained_ns + LATENCY_AND_TRIP_NS
    assert took_ns.max() >= drained_ns


def test_without_the_rule_they_do_not():
    took_ns = fct_ns(torch_engine(slow_model(1.0), network_of(INCAST), plain=True))
    assert took_ns.max() > 2 * 12 * MB * NS_PER_BYTE


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 12), st.integers(100_000, 20 * MB), st.floats(0.05, 2.0))
def test_equal_flows_take_what_their_link_takes_for_all(num_flows, size_bytes, factor):
    """However slow a model takes them to be."""
    flows = [(flow % 3, 3, size_bytes, 0) for flow in range(num_flows)]
    took_ns = fct_ns(compiled(slow_model(factor), network_of(flows)))
    drained_ns = num_flows * size_bytes * NS_PER_BYTE
    assert drained_ns * 0.99 <= took_ns.max() <= drained_ns * 1.01 + LATENCY_AND_TRIP_NS


def test_a_window_below_the_pipe_is_left_to_the_model():
    """Its rounds may leave links idle."""
    small = {"kind": "dctcp", "init_window_bytes": 4000}
    took_ns = fct_ns(compiled(slow_model(1.0), network_of(INCAST, small)))
    assert took_ns.max() > 2 * 12 * MB * NS_PER_BYTE


# A flow has sent its last byte, and a model takes it for a little late. Another one comes the other
# way, so that it does not have its links to itself.
SIZE = 200_000
AGAINST = (1, 0, 10 * MB, 0)
LATE = [AGAINST, (0, 1, SIZE, 1), (0, 2, SIZE, 1 + round(SIZE * NS_PER_BYTE) + 4_000)]


@pytest.mark.parametrize("engine", [compiled, torch_engine])
def test_what_is_under_way_is_not_put_off(engine):
    model = slow_model(0.04)
    before_ns = fct_ns(engine(model, network_of(LATE[:2])))[1]
    assert LATE[2][3] < before_ns  # It is still under way when the other one arrives.
    assert fct_ns(engine(model, network_of(LATE)))[1] == before_ns


def test_without_the_rule_it_is():
    model = slow_model(0.04)
    before_ns = fct_ns(torch_engine(model, network_of(LATE[:2]), plain=True))[1]
    assert fct_ns(torch_engine(model, network_of(LATE), plain=True))[1] > before_ns + 1000


SIZES = [700, 30_000, 400_000, 3 * MB, 50 * MB]


@pytest.mark.parametrize("engine", ["compiled", "torch"])
@pytest.mark.parametrize("kind", ["dctcp", "dcqcn", "timely"])
def test_a_flow_with_its_links_to_itself_is_as_fast_as_in_the_packet_simulator(kind, engine):
    """To the nanosecond, whatever the model: headers of each algorithm included."""
    flows = [(0, 3, size_bytes, i * 10**9) for i, size_bytes in enumerate(SIZES)]
    scenario = scenario_of(flows, kind=kind)
    model = slow_model(0.5)
    learned = m4.simulate(scenario, "learned", model=model, engine=engine)
    assert learned.fct_ns.tolist() == m4.simulate(scenario, "packet").fct_ns.tolist()


@pytest.mark.parametrize("sign", [-1, 1])
def test_hpcc_alone_keeps_a_part_of_its_links_free(sign):
    """It starts at line rate; how soon it settles is left to the model, between the two."""
    flows = [(0, 3, size_bytes, i * 10**9) for i, size_bytes in enumerate(SIZES)]
    scenario = scenario_of(flows, kind="hpcc")
    packet = m4.simulate(scenario, "packet")
    learned = m4.simulate(scenario, "learned", model=slow_model(sign * 0.5))
    ratio = learned.fct_ns / packet.fct_ns
    assert ratio[0] == 1.0
    assert ((0.95 < ratio) & (ratio < 1.01)).all()
    assert (ratio[1:] < 1.0 if sign < 0 else ratio[2:] > 1.0).all()


@pytest.mark.parametrize(
    "other", [(0, 2, 20 * MB, 0), (1, 3, 20 * MB, 0), AGAINST], ids=["beside", "into", "against"]
)
def test_a_flow_with_company_is_left_to_the_model(other):
    mine = (0, 1, 100_000, 1000) if other is AGAINST else (0, 3, 100_000, 1000)
    slowdown = m4.simulate(scenario_of([other, mine]), "learned", model=slow_model(0.5)).slowdown
    assert slowdown[1] > 1.05


def test_timely_takes_long_cables_for_queues():
    """Alone, it slows down: nothing is sure. With thresholds above its round trip it does not."""
    for t_low_us, is_sure in ((40, False), (1000, True)):
        kind = {
            "kind": "timely",
            "t_low_us": t_low_us,
            "t_high_us": 2000,
            "init_window_bytes": None,
        }
        scenario = scenario_of([(0, 1, 10 * MB, 0), LATER_FLOW], kind=kind, delay_ns=100_000)
        learned = m4.simulate(scenario, "learned", model=slow_model(1.0)).fct_ns[0]
        packet = m4.simulate(scenario, "packet").fct_ns[0]
        assert (learned == packet) if is_sure else (learned > 2 * scenario.ideal_fct_ns[0])


@pytest.mark.parametrize("size_bytes", [4000, 10 * MB])
def test_a_link_slower_than_the_first_makes_a_queue(size_bytes):
    """Of its own flow, which is marked for it; but for a burst, which has been sent by then."""
    star = m4.topology.star(num_hosts=4, gbps=100, delay_ns=1000)
    slow = star.edges[1, 4]
    slow["rate_bps"] = 10 * 10**9
    flow = m4.Workload.from_arrays([0, 1], [0, 3], [1, 0], [size_bytes, 100 * MB], [0, 10**10])
    scenario = m4.Scenario(star, flow, "dcqcn")
    packet = m4.simulate(scenario, "packet").fct_ns[0]
    learned = m4.simulate(scenario, "learned", model=slow_model(0.01)).fct_ns[0]
    least_ns = scenario.ideal_fct_ns[0]
    assert (learned == packet == least_ns) if size_bytes < MB else (learned > least_ns < packet)


def test_a_flow_that_has_lost_time_does_not_get_it_back():
    """It is alone by now, but was not before."""
    flows = [(0, 1, 3 * MB, 0), (0, 2, MB, 0)]
    took_ns = fct_ns(compiled(slow_model(0.0), network_of(flows)))
    assert took_ns[0] >= 4 * MB * NS_PER_BYTE


def test_hpcc_keeps_a_part_of_each_link_free():
    state = make_tracker_state([network_of(INCAST, {"kind": "hpcc", "eta": 0.8})])
    usable = 0.8 * 838 / 872  # of a packet of 1048 bytes and one of 1090, whole nanoseconds
    assert state.estimate.networks["usable"] == pytest.approx(usable)
    state = make_tracker_state([network_of(INCAST, "dcqcn")])
    assert state.estimate.networks["usable"] == 1.0
    took_ns = fct_ns(compiled(slow_model(1.0), network_of(INCAST, {"kind": "hpcc", "eta": 0.8})))
    drained_ns = 12 * MB * NS_PER_BYTE / usable
    assert drained_ns <= took_ns.max() <= drained_ns + LATENCY_AND_TRIP_NS


def test_tcp_may_wait_for_its_timers():
    took_ns = fct_ns(compiled(slow_model(1.0), network_of(INCAST, "newreno")))
    assert took_ns.max() > 2 * 12 * MB * NS_PER_BYTE


def test_training_runs_free_by_the_same_rule():
    """And leaves departures that are given as they are."""
    scenario = scenario_of([*INCAST, LATER_FLOW], kind=NO_WINDOW)
    result = m4.simulate(scenario, "packet", labels=True)
    run, model = LabelledRun.from_result(result), slow_model(1.0)
    expected = fct_ns(torch_engine(model, run.network))
    for departures in (None, run.fct_ns):
        episode = Episode([run], [departures])
        follow(episode, model)
        took_ns = (episode._agenda.finish_ns - run.network.start_ns)[:-1]
        assert took_ns.tolist() == (expected if departures is None else run.fct_ns[:-1]).tolist()
