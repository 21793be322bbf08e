"""The option ``window_limit``: no flow is faster than its window in a base round trip."""

from __future__ import annotations

import numpy as np
import pytest

import m4graph as m4
from m4graph.simulators.fluid import FluidSimulator, build_engine
from m4graph.workload import Workload

TRIP_NS = 2 * (838 + 48) + 4 * 100_000


def scenario(flows, window_bytes=18_000, delay_ns=100_000, num_hosts=3):
    network = m4.topology.star(num_hosts=num_hosts, gbps=10, delay_ns=delay_ns)
    src, dst, size_bytes, start_ns = np.array(flows).T
    workload = Workload.from_arrays(np.arange(len(flows)), src, dst, size_bytes, start_ns)
    control = {"kind": "dctcp", "init_window_bytes": window_bytes}
    return m4.Scenario(network, workload, control, config={"headroom_cap": 0.5})


def rates_of(engine):
    engine.run(1)
    return engine.rates


def test_a_lone_flow_sends_a_window_in_a_round_trip():
    engine = build_engine(scenario([(0, 1, 10**7, 0)]), window_limit=True)
    assert rates_of(engine) == pytest.approx(18 * 1048 / TRIP_NS)
    result = m4.simulate(scenario([(0, 1, 10**7, 0)]), "fluid", window_limit=True)
    assert result.fct_ns[0] == pytest.approx(223_192_678, rel=0.002)  # what packet says


def test_what_a_window_leaves_goes_to_others():
    """The last flow fits into a window, and has no limit: it gets what the two others leave."""
    flows = [(0, 3, 10**7, 0), (1, 3, 10**7, 0), (2, 3, 50_000, 0)]
    engine = build_engine(scenario(flows, 100_000, num_hosts=4), window_limit=True)
    own = 100 * 1048 / TRIP_NS
    assert rates_of(engine) == pytest.approx([own, own, 1.25 - 2 * own])
    # Two windows that are no limit: all share.
    engine = build_engine(scenario(flows, 400_000, num_hosts=4), window_limit=True)
    assert rates_of(engine) == pytest.approx([1.25 / 3] * 3)


@pytest.mark.parametrize("window_bytes", [None, 10**6])
def test_a_window_that_is_large_enough_changes_nothing(window_bytes):
    flows = [(0, 1, 10**7, 0), (2, 1, 10**6, 1000), (0, 1, 500, 2000)]
    given = scenario(flows, window_bytes)
    limited = m4.simulate(given, "fluid", window_limit=True)
    assert (limited.fct_ns == m4.simulate(given, "fluid").fct_ns).all()


def test_a_flow_that_fits_into_its_window_is_free():
    given = scenario([(0, 1, 18_000, 0)])
    assert m4.simulate(given, "fluid", window_limit=True).slowdown[0] == 1.0


def test_it_is_off_by_default():
    assert FluidSimulator.resolve_options({})["window_limit"] is False
    assert m4.simulate(scenario([(0, 1, 10**7, 0)]), "fluid").slowdown[0] == 1.0


@pytest.mark.parametrize("scope", ["affected", "component", "full"])
def test_sessions_and_scopes_say_the_same(scope):
    rng = np.random.default_rng(0)
    src = rng.integers(0, 8, 60)
    dst = (src + rng.integers(1, 8, 60)) % 8
    sizes, starts = rng.integers(1, 400_000, 60), np.sort(rng.integers(0, 10**6, 60))
    flows = np.stack((src, dst, sizes, starts), 1)
    given = scenario(flows.tolist(), 20_000, delay_ns=10_000, num_hosts=8)
    simulator = FluidSimulator(scope, window_limit=True)
    wanted = m4.simulate(given, simulator).fct_ns
    assert (wanted > m4.simulate(given, "fluid").fct_ns).any()
    session = simulator.open_session(given)
    for row in flows.tolist():
        list(session.run(until_ns=row[3]))
        session.add_flow(*row)
    list(session.run())
    assert (session.finish_ns - session.start_ns == wanted).all()
