"""A mimic without traffic: alone, a flow takes its ideal time; among others, it is faster."""

from __future__ import annotations

import numpy as np
import pytest

import m4graph as m4
from m4graph.mimic import Mimic, MimicSimulator, Pods
from m4graph.mimic.conditions import conditions_of
from m4graph.mimic.models.constant import Constant
from m4graph.workload import Workload
from tests.mimic.scenes import CONTROLS, clos, scene


def constant(scenario: m4.Scenario) -> MimicSimulator:
    pods = Pods.of(scenario.network, scenario.arrays)
    return MimicSimulator(Mimic(Constant(), conditions_of(scenario, pods), {}))


@pytest.mark.parametrize("control", ["newreno", "dctcp"])
@pytest.mark.parametrize("tick", ["ns", "ps"])
def test_a_lone_flow_takes_its_ideal_time(control, tick):
    """Flows one after the other, of odd sizes, from and to pod 0 and inside it."""
    kind, config = CONTROLS[control]
    pairs = [(0, 8), (9, 1), (2, 23), (21, 7), (3, 6), (15, 0), (4, 16), (5, 4)]
    src, dst = np.array(pairs).T
    size_bytes = np.array([1, 700, 1460, 1461, 2921, 1000, 5000, 37_777])
    gap_ns = 10**9
    workload = Workload.from_arrays(
        np.arange(8), src, dst, size_bytes, gap_ns * np.arange(8, dtype=np.int64)
    )
    scenario = m4.Scenario(clos(3, control), workload, kind, config={**config, "tick": tick})
    result = m4.simulate(scenario, constant(scenario))
    packet = m4.simulate(scenario, "packet")
    np.testing.assert_array_equal(result.fct_ns, packet.fct_ns)
    if control == "dctcp":
        # Of longer ones, the last packet catches up with the others.
        is_one = size_bytes <= 1000
        np.testing.assert_array_equal(result.fct_ns[is_one], scenario.ideal_fct_ns[is_one])


def test_a_busy_network_is_slower_than_an_empty_one():
    scenario = scene(4, num_flows=300)
    mimic, packet = m4.simulate(scenario, constant(scenario)), m4.simulate(scenario, "packet")
    truth = packet.of_flows_of(mimic)
    assert mimic.fct_ns.mean() < truth.fct_ns.mean()
    assert mimic.extra["packets_dropped"] < packet.extra["packets_dropped"]
