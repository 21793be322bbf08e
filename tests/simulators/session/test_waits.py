"""Batches of flows that wait for each other and start by themselves."""

from __future__ import annotations

import numpy as np
import pytest

import m4graph as m4
from m4graph.simulators.packet.session import PacketSession
from m4graph.simulators.session import Session, Waits
from m4graph.workload.collectives import CollectiveFlows

from .conftest import leaf_spine, star


def chain(num_flows, lag_ns=0, ready_ns=0):
    """Each flow waits for the one before."""
    ptr = np.minimum(np.arange(num_flows + 1), num_flows - 1)
    num_open = (np.arange(num_flows) > 0).astype(np.int64)
    lag, ready = (np.full(num_flows, time_ns) for time_ns in (lag_ns, ready_ns))
    return Waits(num_open, ptr, np.arange(1, num_flows), lag, ready)


def announced(session, src, dst, size_bytes, waits):
    src, dst = np.asarray(src), np.asarray(dst)
    routes = session._flows.router.route(src, dst)
    return session.announce(src, dst, np.asarray(size_bytes), routes, waits)


def test_a_chain_is_as_long_as_its_flows_and_lags(simulator):
    session = m4.open_session(star(), simulator, "dctcp")
    flows = announced(session, [0, 1, 2], [1, 2, 0], [20_000, 30_000, 40_000], chain(3, 500, 70))
    done = list(session.run())
    assert [each.flow_id for each in done] == [flows[-1]]
    start_ns, finish_ns = session.times_of(flows)
    assert start_ns[0] == 70
    assert (start_ns[1:] == finish_ns[:-1] + 500).all()
    assert done[0] == session.completion_of(2)
    assert session.unfinished == []


def test_batches_and_single_flows_side_by_side(simulator):
    """The last of each batch comes back, and each flow that belongs to none."""
    session = m4.open_session(star(), simulator, "dctcp")
    single = session.add_flow(0, 3, 900_000)
    first = announced(session, [0, 1], [1, 2], [5000, 5000], chain(2))
    second = announced(session, [2, 3], [3, 0], [8000, 8000], chain(2, ready_ns=100_000))
    found = [each.flow_id for each in session.run(until_ns=90_000)]
    assert found == [first[-1]]
    assert session.now_ns == 90_000
    assert {each.flow_id for each in session.run()} == {single, second[-1]}


class ByPython(PacketSession):
    """The same, with starts that come from Python."""

    _let_wait = Session._let_wait
    _follow = Session._follow


def random_batches(seed):
    """Flows between random hosts; each waits for a few that come before it."""
    generator = np.random.default_rng(seed)
    for _ in range(4):
        num_flows = 40
        src = generator.integers(8, size=num_flows)
        dst = (src + generator.integers(1, 8, size=num_flows)) % 8
        waiting = np.repeat(np.arange(1, num_flows), generator.integers(3, size=num_flows - 1))
        awaited = generator.integers(waiting)
        pairs = np.unique(np.stack((waiting, awaited)), axis=1)
        sizes = generator.integers(1, 60_000, size=num_flows)
        flows = CollectiveFlows.of(src, dst, sizes, 0, (pairs[0], pairs[1]))
        lag_ns, ready_ns = (generator.integers(5000, size=num_flows) for _ in range(2))
        num_open = np.diff(flows.after_ptr)
        yield src, dst, sizes, Waits(num_open, *flows.followers, lag_ns, ready_ns)


@pytest.mark.parametrize("tick", ["ns", "ps"])
@pytest.mark.parametrize("seed", range(5))
def test_the_loop_starts_flows_as_python_does(tick, seed):
    network = leaf_spine()
    config = m4.scenario.NetworkConfig(tick=tick, buffer_bytes=200_000)
    none = m4.workload.Workload.empty()
    scenario = m4.Scenario(network, none, "dctcp", config=config)
    times = []
    for kind in (PacketSession, ByPython):
        session = kind(scenario)
        batches = [announced(session, *batch) for batch in random_batches(seed)]
        later = list(session.run(until_ns=40_000))
        later += session.run()
        assert {each.flow_id for each in later} <= {flow for batch in batches for flow in batch}
        assert len(later) == len(batches)
        times.append((session.start_ns, session.finish_ns, session.packet_hops, session.now_ns))
        assert (session.finish_ns > session.start_ns).all()
    for in_loop, by_python in zip(*times, strict=True):
        assert np.array_equal(in_loop, by_python)
