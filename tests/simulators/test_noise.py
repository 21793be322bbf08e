"""The truth again, a little moved: other packets come first, and nothing else changes."""

from __future__ import annotations

import numpy as np
import pytest

import m4graph as m4
from m4graph.core.schema import KeyProblem
from m4graph.simulators.noise import NoiseSimulator
from m4graph.workload import Workload

NETWORK = m4.topology.star(num_hosts=6, gbps=10, delay_ns=1000)


def busy(seed=0):
    flows = m4.workload.generate(NETWORK, sizes="hadoop", load=0.7, num_flows=300, seed=seed)
    return m4.Scenario(NETWORK, flows, "dctcp", seed=seed)


def test_flows_start_up_to_so_much_later_and_keep_their_order():
    scenario = busy()
    truth, noise = m4.simulate(scenario, "packet"), m4.simulate(scenario, "noise", shift_ns=20)
    later_ns = noise.start_ns - truth.start_ns
    assert set(later_ns.tolist()) == set(range(21))
    assert noise.flow_id.tolist() == truth.flow_id.tolist()
    assert noise.scenario is scenario
    moved = Workload.from_arrays(
        scenario.workload.id,
        scenario.workload.src,
        scenario.workload.dst,
        scenario.workload.size_bytes,
        noise.start_ns,
    )
    again = m4.simulate(scenario.replace(workload=moved), "packet")
    by_id = dict(zip(again.flow_id.tolist(), again.fct_ns.tolist(), strict=True))
    assert [by_id[flow] for flow in noise.flow_id.tolist()] == noise.fct_ns.tolist()
    assert 0 < np.mean(noise.fct_ns != truth.fct_ns)


def test_flows_that_change_places_get_their_own_times():
    flows = Workload.from_arrays([4, 7], [0, 1], [2, 3], [1000, 50_000], [0, 1])
    scenario = m4.Scenario(NETWORK, flows, "dctcp")
    for seed in range(20):
        noise = m4.simulate(scenario, "noise", seed=seed)
        assert noise.fct_ns.tolist() == m4.simulate(scenario, "packet").fct_ns.tolist()


def test_no_shift_is_the_truth():
    scenario = busy()
    truth, noise = m4.simulate(scenario, "packet"), m4.simulate(scenario, "noise", shift_ns=0)
    assert noise.fct_ns.tolist() == truth.fct_ns.tolist()


def test_in_a_closed_loop_first_flows_are_moved_and_the_others_follow():
    loop = m4.workload.ring_all_reduce([0, 1, 2, 3], 40_000)
    scenario = m4.Scenario(NETWORK, loop, "dctcp")
    truth, noise = m4.simulate(scenario, "packet"), m4.simulate(scenario, "noise")
    assert noise.flow_id.tolist() == truth.flow_id.tolist()
    first = np.diff(loop.after_ptr) == 0
    assert (noise.start_ns[first] <= 20).all()
    assert (noise.start_ns[first] > 0).any()
    assert abs(noise.completion_time_ns - truth.completion_time_ns) <= 20 + 1


def test_bad_options_are_named():
    with pytest.raises(KeyProblem, match="shift_ns: expected an integer of 0 or above"):
        NoiseSimulator(shift_ns=-1)


def spread_out(routing=None, faults=()):
    """Four flows of two hosts, one after the other, over spines that are far or near."""
    network = m4.topology.leaf_spine(num_leaves=2, hosts_per_leaf=1, num_spines=8)
    for number, (node, other) in enumerate(sorted(network.edges)):
        network.edges[node, other]["delay_ns"] = 10_000 * (number + 1)  # so that routes show
    flows = Workload.from_arrays(range(4), [0] * 4, [1] * 4, [1000] * 4, [0, 1, 2, 3])
    config = {"headroom_cap": 0.5}
    return m4.Scenario(network, flows, "dctcp", config, routing=routing, faults=faults)


@pytest.mark.parametrize("has_fault", [False, True])
def test_flows_that_change_places_keep_their_routes(has_fault):
    """Of several between the same hosts, ECMP gives the first one the first port."""
    scenario = spread_out()
    if has_fault:  # which changes no routes
        late = {"kind": "down", "link": sorted(scenario.network.edges)[0], "at_us": 10_000}
        scenario = spread_out(faults=[late])
    ideal_ns = scenario.ideal_fct_ns
    assert np.ptp(ideal_ns) >= 20_000
    orders = set()
    for seed in range(10):
        noise = m4.simulate(scenario, "noise", seed=seed)
        assert (noise.fct_ns - ideal_ns < 5000).all()  # behind three packets at most
        orders.add(tuple(np.argsort(noise.start_ns).tolist()))
    assert len(orders) > 1


def test_slowdowns_have_the_truths_ideal_times():
    """As those of a kept result have, whatever routes a run had."""
    scenario = spread_out({"kind": "spray", "choice": "random"})
    for seed in range(5):
        noise = m4.simulate(scenario, "noise", seed=seed)
        assert noise.ideal_fct_ns.tolist() == scenario.ideal_fct_ns.tolist()
