from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from m4graph.datasets.config import GenerateConfig
from m4graph.datasets.generation import generate
from m4graph.datasets.manifest import Shard
from m4graph.datasets.produce import run_hash
from m4graph.errors import ConfigError, InputError
from m4graph.graph.run import LabelledRun
from m4graph.scenario_io import load_scenario
from m4graph.simulators import simulate
from m4graph.yaml_file import read_yaml, write_yaml

from .conftest import TINY


def arrays_hashes(root, manifest="manifest.json"):
    runs = json.loads((root / manifest).read_text())["runs"]
    return {run["name"]: run["arrays_sha256"] for run in runs}


def test_files(config, root):
    names = [f"run_{index:06d}" for index in range(4)]
    endings = (".npz", ".yaml")
    assert sorted(os.listdir(root)) == ["config.yaml", "manifest.json", "raw"]
    assert sorted(os.listdir(root / "raw")) == [n + ending for n in names for ending in endings]
    assert GenerateConfig.parse(read_yaml(root / "config.yaml")) == config


def test_manifest(config, root):
    manifest = json.loads((root / "manifest.json").read_text())
    run = LabelledRun.load(root / "raw" / "run_000002.npz")
    assert manifest["seed"] == 3
    assert manifest["provenance"]["numpy"] == np.__version__
    assert len(manifest["runs"]) == 4
    record = manifest["runs"][2]
    assert record["name"] == "run_000002"
    assert record["seed"] == config.scenario_seed(2)
    assert record["num_flows"] == record["num_finished"] == 20
    assert record["num_events"] == 40
    assert record["arrays_sha256"] == run_hash(run)


def test_description_gives_the_run_again(root):
    run = LabelledRun.load(root / "raw" / "run_000001.npz")
    scenario = load_scenario(root / "raw" / "run_000001.yaml")
    again = LabelledRun.from_result(simulate(scenario, "packet", labels=True))
    assert run_hash(again) == run_hash(run)
    assert run.num_events == 40
    assert (run.fct_ns >= run.network.ideal_fct_ns).all()


def test_shards_and_workers_give_the_same_bits(config, root, tmp_path):
    out = tmp_path / "out"
    for number in (2, 1):
        generate(config, out, jobs=2, shard=Shard(number, 2))
    first = arrays_hashes(out, "manifest-1-of-2.json")
    second = arrays_hashes(out, "manifest-2-of-2.json")
    assert list(first) == ["run_000000", "run_000002"]
    assert first | second == arrays_hashes(root)


def test_good_runs_are_kept_and_damaged_ones_replaced(config, root):
    raw, before = root / "raw", arrays_hashes(root)
    kept = (raw / "run_000000.npz").stat().st_mtime_ns
    (raw / "run_000001.npz").unlink()
    (raw / "run_000002.npz").write_bytes((raw / "run_000002.npz").read_bytes()[:500])
    (raw / "run_000003.yaml").unlink()
    (raw / ".run_000001.npz").write_bytes(b"left by a kill")
    done = []
    generate(config, root, jobs=1, progress=lambda *report: done.append(report))
    assert done == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert arrays_hashes(root) == before
    assert (raw / "run_000000.npz").stat().st_mtime_ns == kept
    assert len(os.listdir(raw)) == 8
    for index in range(4):
        LabelledRun.load(raw / f"run_{index:06d}.npz")


def test_run_of_another_scenario_is_replaced(config, root):
    before = arrays_hashes(root)
    file = root / "raw" / "run_000001.yaml"
    other = read_yaml(file)
    other["workload"]["load"] = 0.1
    write_yaml(file, other)
    generate(config, root, jobs=1)
    assert arrays_hashes(root) == before


def test_more_scenarios_can_be_added(config, root):
    before = arrays_hashes(root)
    generate(GenerateConfig.parse({**TINY, "num_scenarios": 5}), root, jobs=1)
    after = arrays_hashes(root)
    assert len(after) == 5
    assert before.items() <= after.items()
    with pytest.raises(InputError, match="expected num_scenarios to be at least 5"):
        generate(config, root, jobs=1)


@pytest.mark.parametrize("change", [{"seed": 4}, {"name": "other"}])
def test_folder_of_another_configuration_is_refused(root, change):
    with pytest.raises(InputError, match=f"got one with another {next(iter(change))}"):
        generate(GenerateConfig.parse({**TINY, **change}), root, jobs=1)


def test_runs_without_configuration_are_refused(config, root):
    (root / "config.yaml").unlink()
    with pytest.raises(InputError, match=r"expected runs with a config\.yaml"):
        generate(config, root, jobs=1)


def test_bad_scenario_names_configuration_and_number(tmp_path):
    scenario = {**TINY["scenario"], "network": {"buffer_bytes": {"int_uniform": [-5, -5]}}}
    config = GenerateConfig.parse({**TINY, "scenario": scenario})
    with pytest.raises(InputError) as caught:
        generate(config, tmp_path / "out", jobs=1, source="c.yaml")
    assert str(caught.value) == (
        "c.yaml, scenario 0: network.buffer_bytes: expected at least 1 (got -5)"
    )
    assert os.listdir(tmp_path) == []


def test_unknown_algorithm_names_configuration(tmp_path):
    config = GenerateConfig.parse(
        {**TINY, "scenario": {**TINY["scenario"], "congestion_control": "dctpc"}}
    )
    with pytest.raises(InputError, match=r"c\.yaml, scenario 0: congestion_control"):
        generate(config, tmp_path / "out", jobs=1, source="c.yaml")


@pytest.mark.parametrize(
    ("text", "indices"), [("1/1", [0, 1, 2, 3, 4]), ("1/2", [0, 2, 4]), ("3/3", [2]), ("9/9", [])]
)
def test_shard(text, indices):
    assert list(Shard.parse(text).indices(5)) == indices


@pytest.mark.parametrize("text", ["", "1", "0/2", "3/2", "a/b", "1/2/3", "-1/2", "1/0"])
def test_bad_shard(text):
    with pytest.raises(ConfigError, match=r"--shard .*: expected i"):
        Shard.parse(text)


def test_workers_need_no_torch():
    code = "import sys, m4graph.datasets.generation; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
