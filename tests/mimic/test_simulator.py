"""The mimic simulator: which flows it answers, what it refuses, and how it is compared."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

import m4graph as m4
from m4graph.core.errors import ConfigError, SimulationError
from m4graph.core.yaml_file import read_yaml
from m4graph.evaluation import compare
from m4graph.mimic import Mimic, MimicSimulator, Pods
from m4graph.mimic.compose import is_visible
from m4graph.mimic.conditions import conditions_of
from m4graph.mimic.models.constant import Constant
from m4graph.mimic.models.oracle import Oracle
from m4graph.scenario.suite import Case, Suite
from m4graph.simulators import make_runners
from m4graph.simulators.base import SIMULATORS
from m4graph.workload import closed_loop
from tests.mimic.scenes import clos, scene, traced


def mimic_of(scenario, model) -> Mimic:
    return Mimic(model, conditions_of(scenario, Pods.of(scenario.network, scenario.arrays)), {})


@pytest.fixture(scope="module")
def run():
    """A scenario in full, and an exact mimic of it."""
    scenario = scene(3, num_flows=150, seed=2)
    pods, full, traces = traced(scenario)
    return scenario, pods, full, mimic_of(scenario, Oracle.of(traces))


def test_visible_flows_are_answered_and_others_counted(run, tmp_path):
    scenario, pods, full, mimic = run
    result = m4.simulate(scenario, MimicSimulator(mimic))
    seen = is_visible(scenario, pods)
    assert result.simulator == "mimic"
    np.testing.assert_array_equal(result.flow_id, scenario.workload.id[seen])
    np.testing.assert_array_equal(result.fct_ns, full.fct_ns[seen])
    assert result.num_not_simulated == (~seen).sum() > 0
    result.write_summary(tmp_path / "summary.json")
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["num_not_simulated"] == (~seen).sum()
    assert summary["num_flows"] == seen.sum()
    hosts = result.extra["end_to_end"].throughput["host"]
    assert set(hosts) <= set(range(8))
    assert len(result.extra["end_to_end"].rtt) > 100


def test_the_result_is_a_scenario_that_gives_itself(run):
    scenario, _, _, mimic = run
    result = m4.simulate(scenario, MimicSimulator(mimic))
    again = m4.simulate(result.scenario, MimicSimulator(mimic))
    np.testing.assert_array_equal(result.fct_ns, again.fct_ns)
    assert again.num_not_simulated == 0


def test_it_is_compared_on_its_own_flows(run, tmp_path):
    """The oracle has no errors; others are measured on all flows, in the same table."""
    scenario, pods, full, mimic = run
    result = m4.simulate(scenario, MimicSimulator(mimic))
    fluid = m4.simulate(scenario, "fluid")
    rows = compare(full, fluid, result).to_frame().set_index("simulator")
    assert rows.loc["mimic", "mean_error"] == 0
    assert rows.loc["mimic", "num_compared"] == is_visible(scenario, pods).sum()
    assert rows.loc["fluid", "num_compared"] == scenario.num_flows
    compare(full, fluid, result).save(tmp_path / "comparison")
    fluid_of = full.of_flows_of(result)
    assert fluid_of.scenario.num_flows == result.num_flows
    np.testing.assert_array_equal(fluid_of.ideal_fct_ns, result.ideal_fct_ns)
    np.testing.assert_array_equal(fluid_of.scenario.ideal_fct_ns, result.ideal_fct_ns)
    stranger = dataclasses.replace(result, flow_id=result.flow_id + 1000)
    with pytest.raises(SimulationError, match="expected results of flows that packet has, too"):
        compare(full, stranger)


def test_a_suite_keeps_its_results(run, tmp_path, monkeypatch):
    """They come back from the cache with the flows that they had."""
    from m4graph.evaluation.suites.run import run_suite

    monkeypatch.setenv("M4GRAPH_CACHE", str(tmp_path / "cache"))
    scenario = run[0]
    mimic_of(scenario, Constant()).save(tmp_path / "constant")
    m4.save_scenario(scenario, tmp_path / "scenario")
    blocks = read_yaml(tmp_path / "scenario" / "scenario.yaml")
    suite = Suite("one", (Case("one", blocks, tmp_path / "scenario"),))
    runners = make_runners(["packet", "mimic"], [str(tmp_path / "constant")])
    first = run_suite(suite, runners)
    assert [row["simulator"] for row in first[0].rows] == ["packet", "mimic"]
    assert first[0].rows[1]["num_compared"] < first[0].rows[0]["num_compared"]
    second = run_suite(suite, runners)
    assert second[0].rows[1] == first[0].rows[1]
    assert second[0].sizes == first[0].sizes


def test_the_seed_is_that_of_the_scenario():
    assert SIMULATORS.resolve("mimic").resolve_options({"model": "x"}) == {
        "model": "x",
        "seed": None,
    }
    with pytest.raises(ConfigError, match="seed: expected an integer of 0 or above"):
        MimicSimulator(mimic_of(scene(2, num_flows=2), Constant()), seed=-1)
    with pytest.raises(ConfigError, match="model: expected the folder of a mimic"):
        MimicSimulator()


class Strict(Constant):
    """A model that takes nothing else than it was fitted for."""

    kind = "strict"
    takes = frozenset({"network.ecn"})


def other(**changes):
    return scene(2, num_flows=4).replace(**changes)


@pytest.mark.parametrize(
    ("scenario", "message"),
    [
        (
            other(network=m4.topology.clos(3, 2, 4, 2, 1, 0.1, 0.1, 500_000)),
            r"shape.spines: expected 2, as mimic strict was fitted with it \(got 1\)",
        ),
        (
            other(network=m4.topology.clos(2, 2, 4, 2, 2, 0.1, 0.2, 500_000)),
            r"shape.agg_rate_bps: expected 100000000, as .* \(got 200000000\)",
        ),
        (
            other(
                config={
                    "payload_bytes": 1460,
                    "queue": {"kind": "drop_tail", "capacity_packets": 50},
                }
            ),
            r"network.queue.capacity_packets: expected 100, as .* \(got 50\)",
        ),
        (
            other(congestion_control="dctcp_window"),
            r"congestion_control.advertised_window_bytes: expected 65535, as ",
        ),
    ],
)
def test_what_a_mimic_was_not_fitted_for_is_refused(scenario, message):
    simulator = MimicSimulator(mimic_of(scene(2, num_flows=4), Strict()))
    with pytest.raises(ConfigError, match=message) as error:
        simulator.run(scenario)
    assert "\n" not in str(error.value)


def test_what_a_model_takes_may_differ():
    config = {**scene(2, num_flows=4).config.model_dump(), "ecn": {"kmin_bytes": 1}}
    scenario = other(config=config)
    simulator = MimicSimulator(mimic_of(scene(2, num_flows=4), Strict()))
    assert simulator.run(scenario).num_finished == simulator.run(scenario).num_flows


@pytest.mark.parametrize(
    ("scenario", "message"),
    [
        (
            m4.Scenario(clos(2), closed_loop(scene(2, num_flows=4).workload, 1), "dctcp"),
            r"workload: expected an open loop with mimics",
        ),
        (
            other(faults=[{"kind": "down", "link": [8, 18], "at_us": 5}]),
            r"faults.0: expected a cable of pod 0, .* \(got 8-18\)",
        ),
        (other(congestion_control="hpcc"), r"congestion_control.kind: expected one .* \(got hpcc"),
        (
            m4.Scenario(m4.topology.star(16), scene(2, num_flows=1).workload, "dctcp"),
            "topology: expected a Clos network or fat-tree",
        ),
    ],
)
def test_what_no_mimic_can_do_is_refused(scenario, message):
    simulator = MimicSimulator(mimic_of(scene(2, num_flows=4), Constant()))
    with pytest.raises(ConfigError, match=message) as error:
        simulator.run(scenario)
    assert "\n" not in str(error.value)


def test_faults_in_pod_0_act():
    scenario = scene(2, num_flows=20)
    loss = {"kind": "loss", "link": [0, 16], "probability": 0.3}
    simulator = MimicSimulator(mimic_of(scenario, Constant()))
    assert simulator.run(scenario.replace(faults=[loss])).extra["packets_lost"] > 0
