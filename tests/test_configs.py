"""Every file in configs/ that this list of folders knows runs, for one step."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from m4graph.core.yaml_file import Override
from m4graph.datasets.making.config import load_config
from m4graph.datasets.making.generation import generate
from m4graph.datasets.making.produce import run_hash
from m4graph.evaluation.suites import load_suite, make_runners, run_suite
from m4graph.jobs import load_job, simulate_job
from m4graph.runs import LabelledRun
from m4graph.scenario.files import load_scenario
from m4graph.simulators import simulate

ROOT = Path(__file__).parents[1]


def files(folder):
    found = sorted((ROOT / "configs" / folder).glob("*.yaml"))
    assert found
    return [pytest.param(path, id=path.stem) for path in found]


@pytest.mark.parametrize("path", files("scenarios"))
def test_scenarios(path):
    scenario = load_scenario(path)
    assert scenario.name == path.stem
    result = simulate(scenario, "packet")
    assert result.num_finished == scenario.num_flows


@pytest.mark.parametrize("path", files("mimic"))
def test_mimic(path):
    """With an end that comes early; what is under way then does not finish."""
    scenario = load_scenario(path, [("workload.until_us", "20000"), ("stop_us", "30000")])
    assert scenario.name.startswith("mimic_")
    result = simulate(scenario, "packet")
    assert 0 < result.num_finished <= scenario.num_flows


NUM_FLOWS = {
    "gpt7b-64": 184_320,
    "gpt13b-128": 1_860_352,
    "mixtral-64": 1_011_200,
    "gpt175b-1024": 34_379_776,
}
"""What SimAI's rules give for these jobs."""


@pytest.mark.parametrize("path", files("jobs"))
def test_jobs(path):
    job = load_job(path)
    assert job.name == path.stem
    assert job.num_ranks == int(path.stem.rsplit("-")[-1])
    if job.num_ranks < 1000:  # The others take 10 s.
        assert simulate_job(job, "fluid").num_flows == NUM_FLOWS[path.stem]


@pytest.mark.slow
def test_a_large_job():
    result = simulate_job(load_job(ROOT / "configs/jobs/gpt175b-1024.yaml"), "fluid")
    assert result.num_flows == NUM_FLOWS["gpt175b-1024"]
    assert result.num_simulated < result.num_flows / 100


@pytest.mark.parametrize("path", files("evaluate"))
def test_evaluate(path, tmp_path, monkeypatch):
    monkeypatch.setenv("M4GRAPH_CACHE", str(tmp_path))
    suite = load_suite(path)
    assert suite.name == path.stem
    (record,) = run_suite(suite.part(0.01), make_runners(["packet", "fluid"]))
    assert [row["num_left_out"] for row in record.rows] == [0, 0]
    for case in suite.cases:
        case.build()


@pytest.mark.parametrize("path", files("generate"))
def test_generate(path, tmp_path):
    few = [Override("num_scenarios", "1")]
    if "workload" in load_config(path).scenario:  # else it chooses between kinds of them
        few.append(Override("scenario.workload.num_flows", "20"))
    config = load_config(path, few)
    assert config.name == path.stem
    (record,) = generate(config, tmp_path / "out", jobs=1)
    assert record.num_finished == record.num_flows == (20 if len(few) > 1 else 12)


@pytest.mark.parametrize("path", files("generate"))
def test_every_scenario_of_a_recipe_can_be_drawn(path):
    config = load_config(path)
    described = [config.describe(index) for index in range(config.num_scenarios)]
    assert len({blocks["seed"] for blocks in described}) == config.num_scenarios


def test_sample_is_what_its_recipe_gives(tmp_path):
    sample = ROOT / "datasets" / "tiny"
    manifest = json.loads((sample / "manifest.json").read_text())
    for run in manifest["runs"]:
        path = sample / "raw" / f"{run['name']}.npz"
        assert run_hash(LabelledRun.load(path)) == run["arrays_sha256"]
    generate(load_config(ROOT / "configs" / "generate" / "tiny.yaml"), tmp_path / "out", jobs=1)
    for run in manifest["runs"]:
        made = LabelledRun.load(tmp_path / "out" / "raw" / f"{run['name']}.npz")
        kept = LabelledRun.load(sample / "raw" / f"{run['name']}.npz")
        assert (made.fct_ns == kept.fct_ns).all()
        assert (made.remaining_bytes == kept.remaining_bytes).all()
        assert (made.queue_bytes == kept.queue_bytes).all()
