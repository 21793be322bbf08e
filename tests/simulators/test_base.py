from __future__ import annotations

import numpy as np
import pytest

import m4graph as m4
from m4graph.core.errors import ConfigError
from m4graph.results import SimulationResult
from m4graph.simulators import SIMULATORS, Simulator, build_simulator


class Constant(Simulator):
    """Every flow takes the same time."""

    name = "constant"

    def __init__(self, fct_ns: int = 10_000, *, unused: str = "") -> None:
        self.fct_ns = fct_ns

    def run(self, scenario, progress=None):
        if progress is not None:
            progress(scenario.num_flows, scenario.num_flows)
        return SimulationResult(
            simulator=self.name,
            flow_id=scenario.workload.id,
            fct_ns=np.full(scenario.num_flows, self.fct_ns),
            ideal_fct_ns=scenario.ideal_fct_ns,
            num_events=2 * scenario.num_flows,
            wall_s=0.0,
            compile_s=0.0,
            packet_hops=None,
            scenario=scenario,
        )


class Bare(Constant):
    def __init__(self) -> None:
        super().__init__()


@pytest.fixture
def scenario():
    network = m4.topology.star(num_hosts=2, gbps=10, delay_ns=0)
    return m4.Scenario(network, m4.workload.generate(network, num_flows=3), "dctcp")


def test_by_class_with_options_and_by_instance(scenario):
    assert m4.simulate(scenario, Constant, fct_ns=5).fct_ns.tolist() == [5, 5, 5]
    assert m4.simulate(scenario, Constant(7)).fct_ns.tolist() == [7, 7, 7]


def test_batches_keep_their_order(scenario):
    other = scenario.replace(name="other")
    results = m4.simulate_batch([scenario, other], Constant, fct_ns=5)
    assert [each.scenario for each in results] == [scenario, other]


def test_progress_is_passed_on(scenario):
    seen = []
    m4.simulate(scenario, Constant, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(3, 3)]


def test_unknown_names_and_options():
    with pytest.raises(ConfigError, match=r"one of .*fluid.*packet.*\(got 'pakcet'\)"):
        build_simulator("pakcet")
    with pytest.raises(ConfigError, match=r"'Constant': unknown option 'fct' \(expected one of "):
        build_simulator(Constant, fct=3)
    with pytest.raises(ConfigError, match=r"unknown option 'fct' \(expected no key\)"):
        build_simulator(Bare, fct=3)
    with pytest.raises(ConfigError, match="expected none with an instance"):
        build_simulator(Constant(), fct_ns=3)


def test_the_names_of_the_contract_are_registered():
    assert {"packet", "fluid", "learned"} <= set(SIMULATORS.names())
