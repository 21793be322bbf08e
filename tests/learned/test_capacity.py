"""No set of flows is done before each link can have carried it, whatever a model predicts."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import m4graph as m4
from m4graph.learned import LearnedSimulator
from m4graph.learned.agenda import next_events
from m4graph.scenario.windows import windowed_fct_ns
from m4graph.workload import Workload

from .conftest import generated, random_model, scenario_of

ENGINES = ("torch", "compiled")
HEADER_BYTES, PAYLOAD_BYTES = 48, 1000


def hasty(seed=0):
    """A model that says of every flow that it takes no longer than alone."""
    model = random_model(seed, scale=0.02)
    model.slowdown_head[-1].bias.data.fill_(-5.0)
    return model


LONE = LearnedSimulator(hasty(), "compiled")


def tx_ns(size_bytes, rate_bps):
    return size_bytes * 8 * 10**9 // rate_bps


def busy_ns(size_bytes, rate_bps, header_bytes=HEADER_BYTES):
    """How long a link sends a flow, with the cuts to whole ns that leave the least of it."""
    full, rest = divmod(size_bytes - 1, PAYLOAD_BYTES)
    last = tx_ns(rest + 1 + header_bytes, rate_bps)
    packets = full * tx_ns(PAYLOAD_BYTES + header_bytes, rate_bps) + last
    if not full:
        return packets
    first = tx_ns(PAYLOAD_BYTES + header_bytes, rate_bps)
    rest = tx_ns(size_bytes - PAYLOAD_BYTES, rate_bps) + full * tx_ns(header_bytes, rate_bps)
    return min(packets, first + rest)


def excesses_ns(scenario, start_ns, fct_ns):
    """By how much each set of flows is too early on each link: all sets that matter, one by one."""
    arrays, routes, sizes = scenario.arrays, scenario.routes, scenario.workload.size_bytes
    header = scenario.congestion_control.header_bytes
    on_link = {}
    for flow, (begin, end) in enumerate(pairwise(routes.data_ptr)):
        links = routes.data_links[begin:end]
        rate, delay = arrays.link_rate_bps[links], arrays.link_delay_ns[links]
        first = min(int(sizes[flow]), PAYLOAD_BYTES) + header
        last = (int(sizes[flow]) - 1) % PAYLOAD_BYTES + 1 + header
        for hop, link in enumerate(links.tolist()):
            before = sum(tx_ns(first, int(r)) for r in rate[:hop]) + sum(delay[:hop].tolist())
            behind = sum(tx_ns(last, int(r)) for r in rate[hop + 1 :]) + sum(delay[hop:].tolist())
            busy = busy_ns(int(sizes[flow]), int(rate[hop]), header)
            start, finish = int(start_ns[flow]), int(start_ns[flow] + fct_ns[flow])
            on_link.setdefault(link, []).append((start, finish, busy, before, behind))
    for flows in on_link.values():
        start, finish, busy, before, behind = np.array(flows, np.int64).T
        for first in set(start.tolist()):
            for last in set(finish.tolist()):
                inside = (start >= first) & (finish <= last)
                if inside.any():
                    needed = first + before.min() + busy[inside].sum() + behind.min()
                    yield int(needed - finish[inside].max())


def incast(num_senders, size_bytes=2800, start_ns=0, gbps=25):
    network = m4.topology.star(num_hosts=num_senders + 1, gbps=gbps, delay_ns=1000)
    ids = np.arange(num_senders)
    workload = Workload.from_arrays(
        ids, ids, 0 * ids + num_senders, 0 * ids + size_bytes, 0 * ids + start_ns
    )
    return m4.Scenario(network, workload, "dctcp", config={"headroom_cap": 0.5})


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("kind", "flow_ns"), [("dctcp", 941), ("timely", 947), ("hpcc", 980)])
def test_an_incast_takes_what_its_last_link_takes(engine, kind, flow_ns):
    """Headers included: 48, 56 and 90 bytes of each packet."""
    scenario = incast(20).replace(congestion_control=kind)
    result = m4.simulate(scenario, LearnedSimulator(hasty(), engine))
    exact = m4.simulate(scenario, "packet").fct_ns.max()
    header_bytes = scenario.congestion_control.header_bytes
    assert exact == 20 * flow_ns + tx_ns(1000 + header_bytes, 25 * 10**9) + 2 * 1000
    assert result.fct_ns.max() == exact
    assert max(excesses_ns(scenario, scenario.workload.start_ns, result.fct_ns)) <= 0


@pytest.mark.parametrize("kind", ["dctcp", "dcqcn", "timely", "hpcc", "newreno"])
def test_what_packets_do_obeys_it(kind):
    for scenario in (generated(0, load=0.9).replace(congestion_control=kind), incast(10)):
        result = m4.simulate(scenario, "packet")
        assert max(excesses_ns(scenario, scenario.workload.start_ns, result.fct_ns)) <= 0


@pytest.mark.parametrize("engine", ENGINES)
def test_a_burst_behind_a_long_flow_is_no_faster(engine):
    """The link has been busy since long before the burst: its own bytes count, all the same."""
    flows = [(0, 3, 10**7, 0), *((i % 3, 3, 20_000, 10**6) for i in range(30))]
    scenario = scenario_of(flows)
    result = m4.simulate(scenario, LearnedSimulator(hasty(), engine))
    assert result.fct_ns[1:].max() >= 30 * busy_ns(20_000, 10**10) + 838 + 2000
    assert max(excesses_ns(scenario, scenario.workload.start_ns, result.fct_ns)) <= 0


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("seed", range(4))
def test_no_set_of_flows_is_too_early_on_any_link(seed, engine):
    scenario = generated(seed, num_flows=80, load=0.9)
    result = m4.simulate(scenario, LearnedSimulator(hasty(seed), engine))
    assert max(excesses_ns(scenario, scenario.workload.start_ns, result.fct_ns)) == 0


@pytest.mark.parametrize("engine", ENGINES)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(
            st.integers(0, 2), st.just(3), st.integers(1, 30_000), st.sampled_from([0, 900, 7000])
        ),
        min_size=1,
        max_size=20,
    )
)
def test_starts_in_any_order(engine, flows):
    scenario = scenario_of(flows)
    result = m4.simulate(scenario, LearnedSimulator(hasty(), engine))
    assert max(excesses_ns(scenario, scenario.workload.start_ns, result.fct_ns)) <= 0


@pytest.mark.parametrize("engine", ENGINES)
def test_what_can_be_is_left_as_it_is(engine, monkeypatch):
    """A run without the bound that obeys it comes out the same with it."""
    slow = random_model(0)
    slow.slowdown_head[-1].bias.data.fill_(1.0)
    # Under TCP, as other flows that are alone leave just when their links can have carried them.
    scenario = generated(1).replace(congestion_control="newreno")
    with_bound = m4.simulate(scenario, LearnedSimulator(slow, engine)).fct_ns
    assert max(excesses_ns(scenario, scenario.workload.start_ns, with_bound)) < 0
    if engine == "torch":
        monkeypatch.setattr(
            "m4graph.learned.torch_engine.next_possible_events",
            lambda agenda, capacity, events: next_events(agenda, events),
        )
        assert (m4.simulate(scenario, LearnedSimulator(slow, engine)).fct_ns == with_bound).all()


@pytest.mark.parametrize("engine", ENGINES)
def test_sessions_obey_it_too(engine):
    """Flows that are admitted one after the other, each half when the one before is done."""
    scenario = incast(12, size_bytes=50_000)
    session = LearnedSimulator(hasty(), engine).open_session(scenario)
    for src in range(12):
        session.add_flow(src, 12, 50_000, 0)
    for done in session.run():
        if session.num_flows < 24:
            session.add_flow(done.src, 12, 50_000)
    ids = np.arange(24)
    src = np.array([each % 12 for each in ids])
    added = Workload.from_arrays(ids, src, 0 * ids + 12, 0 * ids + 50_000, session.start_ns)
    fct_ns = (session.finish_ns - session.start_ns)[added.id]
    replayed = scenario.replace(workload=added)
    assert max(excesses_ns(replayed, added.start_ns, fct_ns)) <= 0
    assert fct_ns.max() >= 12 * busy_ns(50_000, 25 * 10**9)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("control", ["dctcp", "dcqcn", "timely"])
def test_no_flow_is_faster_than_its_window(engine, control):
    network = m4.topology.star(num_hosts=2, gbps=10, delay_ns=100_000)
    workload = Workload.from_arrays([0], [0], [1], [10**6], [0])
    if control == "timely":  # which takes such cables for queues
        control = {"kind": control, "t_low_us": 1000, "t_high_us": 2000}
    scenario = m4.Scenario(network, workload, control, config={"headroom_cap": 0.8})
    exact = m4.simulate(scenario, "packet").fct_ns[0]
    for model in (hasty(), hasty(1)):
        assert m4.simulate(scenario, LearnedSimulator(model, engine)).fct_ns[0] >= exact
    session = LearnedSimulator(hasty(), engine).open_session(scenario)
    session.add_flow(0, 1, 10**6)
    assert next(iter(session.run())).fct_ns >= exact


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example(392_000_000_001, 0, 1, None, 0)  # alone, it takes no whole nanosecond
@example(392_000_000_001, 1, 1, None, 0)  # and here none but those of the cables
@given(
    st.integers(10**6, 10**13),
    st.integers(0, 10**9),
    st.integers(1, 10**8),
    st.one_of(st.none(), st.integers(1, 10**15)),
    st.integers(0, 10**15),
)
def test_a_lone_flow_of_any_kind_takes_the_least_time(rate, delay, size, window_bytes, start):
    """A hasty model says no more than the formula of rounds, whatever the start."""
    network = m4.topology.star(num_hosts=2, gbps=10, delay_ns=1000)
    for _, _, cable in network.edges(data=True):
        cable["rate_bps"], cable["delay_ns"] = rate, delay
    flow = Workload.from_arrays([0], [0], [1], [size], [start])
    control = {"kind": "dctcp", "init_window_bytes": window_bytes}
    scenario = m4.Scenario(network, flow, control)
    least_ns = windowed_fct_ns(scenario.arrays, flow, scenario.routes, window_bytes, 1000)[0]
    assert m4.simulate(scenario, LONE).fct_ns[0] == least_ns


def test_a_lone_flow_of_tcp_takes_its_slow_start():
    """A hasty model says no less than the round trips in which the window grows."""
    network = m4.topology.star(num_hosts=2, gbps=100, delay_ns=20_000)
    flow = Workload.from_arrays([0], [0], [1], [150_000], [0])
    scenario = m4.Scenario(network, flow, {"kind": "newreno", "initial_rto_us": 1e6})
    fct_ns = m4.simulate(scenario, LONE).fct_ns[0]
    true_ns = m4.simulate(scenario, "packet").fct_ns[0]
    assert 0.99 * true_ns < fct_ns <= true_ns
    assert true_ns > 3 * scenario.ideal_fct_ns[0]
