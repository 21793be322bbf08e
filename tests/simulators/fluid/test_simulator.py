from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import m4graph as m4
from m4graph.core.errors import ConfigError
from m4graph.estimate.maxmin.volumes import link_bytes_per_ns, volumes_and_latencies
from m4graph.simulators.fluid import FluidSimulator, warm_up


def workload_of(sizes, starts, pairs):
    return m4.workload.Workload.from_arrays(
        np.arange(len(sizes)),
        np.array([src for src, _ in pairs]),
        np.array([dst for _, dst in pairs]),
        np.array(sizes),
        np.array(starts),
    )


@pytest.mark.parametrize("gbps", [1, 10, 25, 40, 100, 400])
@pytest.mark.parametrize("payload_bytes", [1000, 1460, 9000])
def test_lone_flows_have_slowdown_one(gbps, payload_bytes):
    """Flows of 1 byte to 10 GB, one after the other, across 6 links of three rates."""
    network = m4.topology.fat_tree(k=4, host_gbps=gbps, fabric_gbps=4 * gbps, delay_ns=1000)
    sizes = [1, 2, 999, 1000, 1001, 12345, 10**6, 10**8 + 1, 10**10]
    starts = np.arange(len(sizes)) * 10**12 + 17
    workload = workload_of(sizes, starts, [(0, 15), (3, 2), (1, 4)] * 3)
    scenario = m4.Scenario(network, workload, "dctcp", {"payload_bytes": payload_bytes})
    result = m4.simulate(scenario, "fluid")
    assert (result.fct_ns == scenario.ideal_fct_ns).all()
    assert (result.slowdown == 1.0).all()


def test_two_flows_into_one_host():
    """1 MB each over 10 Gb/s in a star: 1000 packets of 1048 bytes. The first packet takes 838 ns,
    the rest 799200 + 999 * 38 ns, so alone 838 + 837162 = 838000 ns for the last link, and 838 ns
    and two delays for the first; together the shared part takes twice as long."""
    network = m4.topology.star(num_hosts=3, gbps=10, delay_ns=1000)
    workload = workload_of([10**6, 10**6], [0, 0], [(0, 2), (1, 2)])
    result = m4.simulate(m4.Scenario(network, workload, "dctcp"), "fluid")
    assert result.ideal_fct_ns.tolist() == [838000 + 838 + 2000] * 2
    assert result.fct_ns.tolist() == [2 * 838000 + 838 + 2000] * 2
    assert (result.num_events, result.num_finished, result.packet_hops) == (4, 2, None)


def test_volume_is_the_bytes_on_the_wire_where_nanoseconds_are_whole():
    """At 8 Gb/s a byte takes a nanosecond, so nothing is cut."""
    network = m4.topology.dumbbell(2, 2, host_gbps=32, bottleneck_gbps=8, delay_ns=500)
    scenario = m4.Scenario(network, workload_of([10500, 1], [0, 0], [(0, 2), (1, 3)]), "dctcp")
    routes = scenario.routes
    volume, latency = volumes_and_latencies(
        scenario.arrays,
        scenario.workload.size_bytes,
        scenario.ideal_fct_ns,
        routes.data_ptr,
        routes.data_links,
        1000,
    )
    assert volume.tolist() == [10500 + 11 * 48, 1 + 48]
    assert latency.tolist() == [1500 + 2 * 1048 // 4, 1500 + 2 * (49 // 4)]
    assert sorted(set(link_bytes_per_ns(scenario.arrays).tolist())) == [1.0, 4.0]


def test_rows_keep_their_ids_when_the_workload_is_not_in_id_order():
    network = m4.topology.star(num_hosts=3, gbps=10, delay_ns=1000)
    workload = m4.workload.Workload.from_arrays(
        np.array([5, 2]),
        np.array([0, 1]),
        np.array([2, 2]),
        np.array([10**6, 10]),
        np.array([9, 0]),
    )
    result = m4.simulate(m4.Scenario(network, workload, "dctcp"), "fluid")
    assert dict(zip(result.flow_id.tolist(), result.fct_ns > 10**5, strict=True)) == {
        5: True,
        2: False,
    }


@pytest.fixture(scope="module")
def scenario():
    network = m4.topology.leaf_spine(
        num_leaves=4, hosts_per_leaf=8, num_spines=2, host_gbps=10, fabric_gbps=20, delay_ns=1000
    )
    workload = m4.workload.generate(network, "web_server", load=0.6, num_flows=2000, seed=3)
    return m4.Scenario(network, workload, "dctcp")


def test_a_loaded_network(scenario):
    result = m4.simulate(scenario, "fluid")
    assert result.finished.all()
    assert (result.slowdown >= 1).all()
    assert result.slowdown.mean() > 1.1
    assert result.num_events == 4000
    assert result.wall_s > 0


@pytest.mark.parametrize("scope", ["component", "full"])
def test_scopes_give_the_same_times(scenario, scope):
    expected = m4.simulate(scenario, "fluid").fct_ns
    assert (m4.simulate(scenario, "fluid", scope=scope).fct_ns == expected).all()


def test_repeated_runs_are_equal_and_leave_the_scenario_alone(scenario):
    first, second = FluidSimulator().run(scenario), FluidSimulator().run(scenario)
    assert (first.fct_ns == second.fct_ns).all()
    assert second.compile_s == warm_up() == 0.0


def test_progress_and_empty_workloads(scenario):
    calls = []
    m4.simulate(scenario, "fluid", progress=lambda done, all: calls.append((done, all)))
    assert calls[-1] == (2000, 2000)
    empty = scenario.replace(workload=workload_of([], [], []))
    assert m4.simulate(empty, "fluid").num_events == 0


def test_unknown_options_are_refused():
    with pytest.raises(ConfigError, match="one of affected, component, full"):
        FluidSimulator(scope="some")


def test_twenty_thousand_flows_on_a_thousand_hosts():
    network = m4.topology.clos(pods=4, racks=16, hosts=16, planes=4, spines=8, fabric_gbps=10)
    workload = m4.workload.generate(network, "web_server", load=0.5, num_flows=20_000, seed=1)
    result = m4.simulate(m4.Scenario(network, workload, "dctcp"), "fluid")
    assert result.finished.all()
    assert result.wall_s < 10  # 0.2 s on an idle core


@settings(max_examples=60, deadline=None)
@given(
    st.integers(10**6, 10**13),
    st.integers(0, 10**9),
    st.integers(1, 10**12),
    st.integers(0, 10**15),
    st.booleans(),
)
def test_a_lone_flow_takes_its_ideal_time_whatever_its_start(rate, delay, size, start, limit):
    network = m4.topology.star(num_hosts=2, gbps=10, delay_ns=1000)
    for _, _, cable in network.edges(data=True):
        cable["rate_bps"], cable["delay_ns"] = rate, delay
    size = min(size, 10**15 * rate // (8 * 10**9))
    flow = m4.workload.Workload.from_arrays([0], [0], [1], [size], [start])
    control = {"kind": "dctcp", "init_window_bytes": 10**15}
    result = m4.simulate(m4.Scenario(network, flow, control), "fluid", window_limit=limit)
    assert result.fct_ns[0] == pytest.approx(result.ideal_fct_ns[0], abs=1, rel=1e-15)
