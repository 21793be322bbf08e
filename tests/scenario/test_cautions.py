from __future__ import annotations

import warnings

import numpy as np
import pytest

import m4graph as m4
from m4graph.scenario.cautions import Caution, cautions, without_cautions
from m4graph.simulators import Runner
from m4graph.workload import Workload


def scenario(gbps=10.0, delay_ns=1000, sizes=(10**6,), control="dctcp", **config):
    network = m4.topology.star(num_hosts=2, gbps=gbps, delay_ns=delay_ns)
    ids = np.arange(len(sizes))
    flows = Workload.from_arrays(7 + ids, 0 * ids, 1 + 0 * ids, np.array(sizes), 0 * ids)
    return m4.Scenario(network, flows, control, config=config)


def test_nothing_to_say():
    assert list(cautions(scenario())) == []
    assert list(cautions(scenario(gbps=2000, delay_ns=10))) == []


def test_a_tick_that_is_too_coarse_names_the_link():
    (caution,) = cautions(scenario(gbps=2001, delay_ns=10))
    assert caution.startswith("link 0-2: ")
    assert "2001 Gb/s" in caution
    assert "tick: ps" in caution
    assert list(cautions(scenario(gbps=2001, delay_ns=10, tick="ps"))) == []


def test_a_window_below_the_bandwidth_delay_product():
    # 2 * (838 + 48) ns and four delays of 10 us, at 10 Gb/s; flow 7 fits into the window.
    (caution,) = cautions(scenario(delay_ns=10_000, sizes=(18_000, 18_001, 10**6)))
    assert "18000 bytes is below" in caution
    assert "2 of 3 flows" in caution
    assert f"flow 8: {round((2 * (838 + 48) + 40_000) * 1.25)} bytes" in caution


def test_the_window_that_is_just_large_enough():
    # 838 ns a packet: 50 packets last longer than the round trip of 41772 ns, 49 do not.
    def said(window_bytes):
        control = {"kind": "dctcp", "init_window_bytes": window_bytes}
        return len(list(cautions(scenario(delay_ns=10_000, control=control))))

    assert [said(49_000), said(49_001), said(50_000)] == [1, 0, 0]


@pytest.mark.parametrize(
    "control", ["newreno", {"kind": "dctcp", "init_window_bytes": None}, "dctcp_window"]
)
def test_without_a_window_that_lasts_nothing_is_said(control):
    assert list(cautions(scenario(delay_ns=10**6, control=control))) == []


def test_a_receivers_window_counts():
    control = {"kind": "newreno", "advertised_window_bytes": 65_535}
    (caution,) = cautions(scenario(delay_ns=10**6, control=control))
    assert "65535 bytes" in caution


def heard(run):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run()
    return [str(each.message) for each in caught if issubclass(each.category, Caution)]


def test_whoever_simulates_a_scenario_hears_it_once():
    small = scenario(delay_ns=10_000)
    assert len(heard(lambda: m4.simulate(small, "fluid"))) == 1
    assert heard(lambda: Runner("fluid", "fluid").run(small)) == []
    assert len(heard(lambda: Runner("fluid", "fluid").run(scenario(delay_ns=10_000)))) == 1
    two = [scenario(delay_ns=10_000), scenario(delay_ns=10_000)]
    assert len(heard(lambda: m4.simulate_batch(two, "fluid"))) == 2


def test_flows_that_did_not_finish_are_told_each_time():
    stopped = scenario().replace(stop_ns=1000)
    for run in (lambda: m4.simulate(stopped, "fluid"), lambda: Runner("a", "fluid").run(stopped)):
        (line,) = heard(run)
        assert "1 of 1 flows did not finish: the stop time, 1000 ns, came first" in line


def test_those_who_simulate_many_may_do_without():
    def quietly():
        with without_cautions():
            m4.simulate(scenario(delay_ns=10_000).replace(stop_ns=1000), "fluid")

    assert heard(quietly) == []
