"""Evaluation stays out of data sets, and comes in by its name."""

from __future__ import annotations

import shutil

import pytest

from m4graph import Scenario, simulate
from m4graph.core.errors import InputError
from m4graph.core.rng import EVALUATION_SEEDS
from m4graph.core.schema import KeyProblem
from m4graph.core.yaml_file import read_yaml, write_yaml
from m4graph.datasets import FlowEventDataset, SnapshotDataset, scenario_hash
from m4graph.datasets.making.leakage import check_training_seeds, reserved_scenarios, suite_of
from m4graph.evaluation.suites import SUITES, Case, Suite
from m4graph.runs import LabelledRun
from m4graph.training.fit import train

SEEDS = EVALUATION_SEEDS[900_000:900_002]


def small_case(number):
    blocks = {
        "topology": {"kind": "star", "num_hosts": 3 + number},
        "workload": {"kind": "generated", "sizes": "web_server", "load": 0.5, "num_flows": 12},
        "congestion_control": "dctcp",
        "seed": SEEDS[number],
    }
    return Case(f"{number}-star", blocks)


@pytest.fixture
def suite(monkeypatch):
    """A suite of two small scenarios, reserved as those of the package are."""
    cases = (small_case(0), small_case(1))
    monkeypatch.setitem(SUITES._objects, "small", lambda: Suite("small", cases))
    monkeypatch.setitem(SUITES._display, "small", "small")
    reserved = {scenario_hash(case.build()): f"suite small, {case.name}" for case in cases}
    monkeypatch.setattr("m4graph.datasets.making.leakage.reserved_scenarios", lambda: reserved)
    return "small"


@pytest.fixture
def evaluated(suite, tmp_path):
    """The folder of the suite's runs."""
    FlowEventDataset(tmp_path / "suite", suite=suite, jobs=1)
    shutil.rmtree(tmp_path / "suite" / "processed")
    return tmp_path / "suite"


def test_by_name(evaluated, suite):
    dataset = SnapshotDataset(evaluated, suite=suite)
    assert len(dataset) == 2 * 24
    for run, index in enumerate((0, 24)):
        scenario = small_case(run).build()
        assert dataset.hashes[index] == scenario_hash(scenario)
        expected = simulate(scenario, "packet").fct_ns
        assert dataset.run(index).fct_ns.tolist() == expected.tolist()
    assert read_yaml(evaluated / "raw" / "run_000001.yaml")["name"] == "1-star"


def test_missing_runs_are_simulated(evaluated, suite):
    (evaluated / "raw" / "run_000001.npz").unlink()
    assert len(FlowEventDataset(evaluated, suite=suite, jobs=1)) == 2


def test_without_its_name(evaluated):
    with pytest.raises(InputError, match=r"run_000000\.yaml: seed: expected a seed outside"):
        FlowEventDataset(evaluated)


def test_processed_by_name_does_not_open_the_door(evaluated, suite):
    SnapshotDataset(evaluated, suite=suite)
    with pytest.raises(InputError, match=r"run_000000\.yaml: seed: expected a seed outside"):
        SnapshotDataset(evaluated)


def test_renamed_and_renumbered(evaluated, root):
    """Under a training run's number and description, the traffic itself gives it away."""
    shutil.copy(evaluated / "raw" / "run_000001.npz", root / "raw" / "run_000003.npz")
    (root / "manifest.json").unlink()
    with pytest.raises(InputError, match=r"run_000003\.npz: .*got that of suite small, 1-star"):
        SnapshotDataset(root)


def test_under_another_algorithm(suite, root):
    scenario = small_case(0).build()
    other = Scenario(scenario.network, scenario.workload, "hpcc")
    LabelledRun.from_result(simulate(other, "packet", labels=True)).save(
        root / "raw" / "run_000000.npz"
    )
    (root / "manifest.json").unlink()
    with pytest.raises(InputError, match=r"run_000000\.npz: .*got that of suite small, 0-star"):
        FlowEventDataset(root)


def test_others_than_the_suites(root, suite):
    with pytest.raises(InputError, match=r"run_000000\.npz: expected a scenario of suite small"):
        FlowEventDataset(root, suite=suite)


def test_not_in_the_file(evaluated, suite, monkeypatch):
    """A suite of another package, none of whose scenarios is reserved."""
    monkeypatch.setattr("m4graph.datasets.making.leakage.reserved_scenarios", dict)
    assert len(FlowEventDataset(evaluated, suite=suite)) == 2


def test_training_refuses(evaluated, tmp_path):
    with pytest.raises(InputError, match="expected a seed outside"):
        train(None, evaluated, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_closed_loops_have_no_labels(tmp_path, monkeypatch):
    blocks = dict(small_case(0).description)
    blocks["workload"] = {"kind": "closed_loop", "flows": blocks["workload"], "limit_per_rack": 2}
    suite = Suite("closed", (Case("a", blocks),))
    monkeypatch.setitem(SUITES._objects, "closed", lambda: suite)
    with pytest.raises(InputError, match="scenario a: labels: expected false in"):
        FlowEventDataset(tmp_path / "closed", suite="closed", jobs=1)


@pytest.mark.parametrize("where", ["workload.flows.seed", "workload.seed", "routing.seed", "seed"])
def test_evaluation_seed_at_any_depth(where):
    blocks = {"workload": {"kind": "closed_loop", "flows": {"seed": 1}}, "routing": {}, "seed": 0}
    check_training_seeds(blocks)
    *path, name = where.split(".")
    inner = blocks
    for part in path:
        inner = inner[part]
    inner[name] = SEEDS[0]
    with pytest.raises(KeyProblem, match=rf"^scenario\.{where}: expected a seed outside"):
        check_training_seeds(blocks, "scenario")


def test_seed_of_a_closed_loops_flows_is_refused(root):
    file = root / "raw" / "run_000001.yaml"
    description = read_yaml(file)
    description["workload"] = {"kind": "closed_loop", "flows": {"seed": SEEDS[0]}}
    write_yaml(file, description)
    with pytest.raises(InputError, match=r"run_000001\.yaml: workload\.flows\.seed: expected"):
        FlowEventDataset(root)


def test_suites_of_the_file():
    suites = {suite_of(digest) for digest in reserved_scenarios()}
    # Flows of collectives wait for each other from the start: these scenarios have no hash.
    assert set(SUITES.names()) - {"collectives"} <= suites
    assert None in suites  # of examples/fattree_eval.py
    assert suite_of("0") is None


def test_raw_file_is_whole(evaluated):
    assert LabelledRun.load(evaluated / "raw" / "run_000000.npz").num_events == 24
    assert sorted(path.name for path in (evaluated / "raw").iterdir()) == [
        "run_000000.npz",
        "run_000000.yaml",
        "run_000001.npz",
        "run_000001.yaml",
    ]
