"""Work without end is refused before it begins by every simulator; an option lifts the limit."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import m4graph as m4
from m4graph.core.errors import ConfigError
from m4graph.scenario.cautions import Caution
from m4graph.simulators import build_simulator
from m4graph.simulators.forecast import EventSpeed, check_events, forecast_touched_flows
from m4graph.workload import Workload, generate

SLOW = EventSpeed(events_per_s=1.0, touched_per_s=2.0)


def incast(num_flows: int, gap_ns: int, size_bytes: int = 10_000) -> m4.Scenario:
    network = m4.topology.star(num_hosts=4, gbps=10, delay_ns=1000)
    number = np.arange(num_flows)
    workload = Workload.from_arrays(
        id=number,
        src=number % 3,
        dst=np.full(num_flows, 3),
        size_bytes=np.full(num_flows, size_bytes),
        start_ns=gap_ns * number,
    )
    return m4.Scenario(network, workload, "dctcp")


def test_flows_one_after_the_other_are_alone():
    assert forecast_touched_flows(incast(50, gap_ns=9000)) == 2 * 50


def test_flows_at_once_are_all_together():
    assert forecast_touched_flows(incast(50, gap_ns=0)) == 50 * 51


def test_a_link_that_gets_twice_what_it_carries_has_a_growing_queue():
    # 10 kB take 8000 ns, and come every 4000 ns.
    assert forecast_touched_flows(incast(100, gap_ns=4000)) == pytest.approx(
        100 * 101 / 2, rel=0.05
    )


def test_it_is_less_than_what_the_fluid_simulator_has_at_once():
    network = m4.topology.clos(pods=2, racks=2, hosts=4, planes=1, spines=1, fabric_gbps=10)
    scenario = m4.Scenario(network, generate(network, num_flows=3000, load=0.7, seed=1), "dctcp")
    result = m4.simulate(scenario, "fluid")
    start_ns = scenario.workload.start_ns
    starts, ends = np.sort(start_ns), np.sort(start_ns + result.fct_ns)
    active = np.arange(1, 3001) - np.searchsorted(ends, starts, side="right")
    assert 2 * 3000 <= forecast_touched_flows(scenario) < 2 * active.sum()


def test_events_and_flows_add_up():
    flows = incast(60, gap_ns=0)  # 120 events on 3660 flows
    with pytest.raises(
        ConfigError,
        match=r"max_hours: expected at most 0.5 hours .*1.2e\+02 events that touch 3.7e\+03 flows, "
        r"0.54 hours",
    ):
        check_events("toy", flows, SLOW, max_hours=0.5)
    with pytest.warns(Caution, match="toy: a long run: about 1.2e"):
        check_events("toy", flows, SLOW, max_hours=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_events("toy", incast(60, gap_ns=9000), SLOW, max_hours=0.5)


def test_closed_loops_are_forecast_by_their_events():
    network = m4.topology.star(num_hosts=4, gbps=10, delay_ns=1000)
    block = {"kind": "ring_all_reduce", "size_bytes": 40_000, "hosts": [0, 1, 2, 3]}
    workload = m4.workload.from_config(block, network, 0)
    scenario = m4.Scenario(network, workload, "dctcp")
    assert forecast_touched_flows(scenario) == 2 * scenario.num_flows
    for name in ("fluid", "learned"):
        with pytest.raises(ConfigError, match="max_hours: expected at most 1e-12 hours"):
            m4.simulate(scenario, name, max_hours=1e-12)


@pytest.mark.parametrize("name", ["packet", "fluid", "learned", "parsimon"])
def test_every_simulator_has_the_limit(name):
    few = incast(3, gap_ns=100)
    with pytest.raises(ConfigError, match="max_hours: expected at most 1e-12 hours of work"):
        m4.simulate(few, name, max_hours=1e-12)
    with pytest.raises(ConfigError, match=r"max_hours: expected a number above 0 \(got 0\)"):
        build_simulator(name, max_hours=0)
    assert "max_hours" in type(build_simulator(name)).neutral_options


def test_endless_flows_are_refused_by_parsimon_and_no_work_for_fluid():
    endless = incast(2, gap_ns=10, size_bytes=10**15)
    with pytest.raises(ConfigError, match=r"expected at most 24 hours .*packets on links"):
        m4.simulate(endless, "parsimon")
    assert np.isfinite(m4.simulate(endless, "fluid").slowdown).all()


def test_a_million_flows_at_once_are_too_many_for_a_model():
    with pytest.raises(ConfigError, match="expected at most 24 hours"):
        m4.simulate(incast(10**6, gap_ns=0), "learned")
