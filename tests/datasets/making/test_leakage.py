from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from m4graph import Scenario, topology, workload
from m4graph.core.errors import InputError
from m4graph.core.rng import EVALUATION_SEEDS, TRAIN_SEEDS
from m4graph.core.schema import KeyProblem
from m4graph.datasets.making.config import GenerateConfig
from m4graph.datasets.making.generation import GenerationError, generate
from m4graph.datasets.making.leakage import (
    check_training_seed,
    check_training_seeds,
    refuse_reserved,
    reserved_scenarios,
    scenario_hash,
)
from m4graph.runs.flow_network import FlowNetwork
from m4graph.runs.labelled_run import LabelledRun
from m4graph.scenario.files import load_scenario

SCRIPT = Path(__file__).parents[3] / "datasets" / "reserve_scenarios.py"


def scenario(seed=0, load=0.5, control="dctcp", delay_ns=1000, routing=None):
    network = topology.leaf_spine(2, 2, 2, delay_ns=delay_ns)
    flows = workload.generate(network, load=load, num_flows=10, seed=seed)
    return Scenario(network, flows, control, routing=routing)


def test_hash_sees_traffic_links_and_routes():
    others = [
        scenario(seed=1),
        scenario(load=0.4),
        scenario(delay_ns=1001),
        scenario(routing={"seed": 7}),
    ]
    hashes = {scenario_hash(each) for each in [scenario(), *others]}
    assert len(hashes) == 5


def test_hash_sees_no_algorithm():
    control = {"kind": "dctcp", "init_window_bytes": 5000}
    assert scenario_hash(scenario(control=control)) == scenario_hash(scenario())


def test_hash_is_the_same_for_scenario_network_and_run(root):
    run = LabelledRun.load(root / "raw" / "run_000000.npz")
    built = load_scenario(root / "raw" / "run_000000.yaml")
    assert scenario_hash(run) == scenario_hash(run.network) == scenario_hash(built)
    assert scenario_hash(FlowNetwork.from_scenario(built)) == scenario_hash(built)


@pytest.mark.parametrize("seed", [EVALUATION_SEEDS[0], EVALUATION_SEEDS[-1]])
def test_evaluation_seeds_are_refused(seed):
    with pytest.raises(KeyProblem, match=rf"workload\.seed: expected .* \(got {seed}\)"):
        check_training_seed(seed, "workload.seed")


def test_evaluation_seeds_written_as_floats_are_refused():
    with pytest.raises(KeyProblem, match=r"workload\.seed: expected a seed outside"):
        check_training_seeds({"workload": {"seed": float(EVALUATION_SEEDS[0])}})


@pytest.mark.parametrize("seed", [TRAIN_SEEDS[0], TRAIN_SEEDS[-1], EVALUATION_SEEDS.stop])
def test_other_seeds_are_fine(seed):
    check_training_seed(seed, "seed")


def test_reserved_file_is_up_to_date():
    """Run ``python datasets/reserve_scenarios.py`` if this fails on purpose."""
    spec = importlib.util.spec_from_file_location("reserve_scenarios", SCRIPT)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    expected, written = script.hashes(), reserved_scenarios()
    assert list(expected.values()) == list(written.values())
    # Log-normal gaps end in a rounding to ns, which may go the other way on another processor.
    assert len(expected.keys() - written.keys()) <= 0.02 * len(written)


def test_evaluated_scenarios_are_refused():
    network = topology.fat_tree(k=4, host_gbps=10, fabric_gbps=40, delay_ns=1000)
    flows = workload.generate(
        network, sizes="cache_follower", load=0.6, num_flows=2000, seed=EVALUATION_SEEDS[0]
    )
    digest = scenario_hash(Scenario(network, flows, "dctcp"))
    with pytest.raises(InputError, match="here: expected a scenario that no evaluation uses"):
        refuse_reserved(digest, "here")


def test_generate_refuses_a_reserved_scenario(config, root, tmp_path, monkeypatch):
    digest = scenario_hash(LabelledRun.load(root / "raw" / "run_000001.npz"))
    monkeypatch.setattr(
        "m4graph.datasets.making.leakage.reserved_scenarios",
        lambda: {digest: "a suite's scenario 7"},
    )
    with pytest.raises(
        GenerationError, match=r"scenario 1: tiny_000001: expected .*got that of a suite's"
    ):
        generate(GenerateConfig.parse(config), tmp_path / "out", jobs=1)
    assert not (tmp_path / "out" / "raw" / "run_000001.npz").exists()
