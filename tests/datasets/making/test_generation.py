from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from dataclasses import asdict, replace

import numpy as np
import pytest

from m4graph.core.errors import ConfigError, InputError
from m4graph.core.yaml_file import read_yaml, write_yaml
from m4graph.datasets.making.config import GenerateConfig
from m4graph.datasets.making.generation import GenerationError, generate
from m4graph.datasets.making.leakage import scenario_hash
from m4graph.datasets.making.manifest import RunFailure, Shard
from m4graph.datasets.making.produce import run_hash
from m4graph.runs.labelled_run import LabelledRun
from m4graph.scenario.files import load_scenario
from m4graph.simulators import simulate

from ..conftest import TINY, folder_bytes

SOME_BAD = GenerateConfig.parse(
    {
        **TINY,
        "scenario": {**TINY["scenario"], "network": {"buffer_bytes": {"choice": [3_072_000, 0]}}},
    }
)


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
    (raw / ".run_000001.npz.half").write_bytes(b"left by a kill")
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


def test_scenarios_that_fail_do_not_stop_the_rest(tmp_path):
    out, told = tmp_path / "out", []
    with pytest.raises(GenerationError) as caught:
        generate(SOME_BAD, out, jobs=1, on_failure=told.append, source="c.yaml")
    bad = [index for index in range(4) if SOME_BAD.describe(index)["network"]["buffer_bytes"] == 0]
    assert bad == [1, 2, 3]
    error = "network.buffer_bytes: expected at least 1 (got 0)"
    assert told == [RunFailure(index, error, SOME_BAD.describe(index)) for index in bad]
    assert str(caught.value) == (
        f"c.yaml: 3 of 4 scenarios gave no run: 1, 2, 3; scenario 1: {error} "
        f"(see {out / 'manifest.json'})"
    )
    assert caught.value.failures == told
    assert [record.name for record in caught.value.records] == ["run_000000"]
    manifest = json.loads((out / "manifest.json").read_text())
    assert [run["name"] for run in manifest["runs"]] == ["run_000000"]
    assert manifest["failures"] == [asdict(failure) for failure in told]
    assert sorted(path.stem for path in (out / "raw").glob("*.npz")) == ["run_000000"]


def test_any_error_of_a_scenario_is_told_and_it_is_tried_again(config, root, monkeypatch):
    expected = folder_bytes(root)

    def second_fails(scenario, *arguments, **options):
        if scenario.name == "tiny_000001":
            raise ZeroDivisionError("in a plug-in")
        return simulate(scenario, *arguments, **options)

    (root / "raw" / "run_000001.npz").unlink()
    (root / "raw" / "run_000002.npz").unlink()
    with monkeypatch.context() as patch:
        patch.setattr("m4graph.datasets.making.produce.simulate", second_fails)
        with pytest.raises(GenerationError, match=r"1 of 4 .*: ZeroDivisionError: in a plug-in"):
            generate(config, root, jobs=1)
    assert len(generate(config, root, jobs=1)) == 4
    assert folder_bytes(root) == expected


def test_scenario_that_becomes_reserved_fails_and_its_run_goes(config, root, monkeypatch):
    digest = scenario_hash(LabelledRun.load(root / "raw" / "run_000003.npz"))
    monkeypatch.setattr(
        "m4graph.datasets.making.produce.reserved_scenarios", lambda: {digest: "a suite"}
    )
    monkeypatch.setattr(
        "m4graph.datasets.making.leakage.reserved_scenarios", lambda: {digest: "a suite"}
    )
    with pytest.raises(GenerationError, match=r"1 of 4 .* no evaluation uses .got that of a suite"):
        generate(config, root, jobs=1)
    assert not list((root / "raw").glob("run_000003.*"))


def test_disk_that_is_full_stops_everything(config, tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(LabelledRun, "save", full)
    with pytest.raises(OSError, match="No space left"):
        generate(config, tmp_path / "out", jobs=1)
    assert not (tmp_path / "out" / "manifest.json").exists()
    assert not list((tmp_path / "out" / "raw").glob(".*"))


def test_configuration_that_gave_no_run_can_be_mended(config, tmp_path):
    write_yaml(tmp_path / "config.yaml", {**TINY, "scenario": SOME_BAD.scenario})
    assert len(generate(config, tmp_path, jobs=1)) == 4


def test_shards_become_one_without_simulating(config, root, tmp_path, monkeypatch):
    out = tmp_path / "out"
    for number in (1, 2):
        generate(config, out, jobs=1, shard=Shard(number, 2))
    monkeypatch.setattr("m4graph.datasets.making.produce.simulate", None)
    generate(config, out, jobs=1)
    (out / "manifest-1-of-2.json").unlink()
    (out / "manifest-2-of-2.json").unlink()
    assert folder_bytes(out) == folder_bytes(root)


def test_run_with_another_hash_than_its_manifest_is_replaced(config, root):
    expected, path = folder_bytes(root), root / "raw" / "run_000001.npz"
    run = LabelledRun.load(path)
    replace(run, fct_ns=run.fct_ns + 1).save(path)
    (root / "manifest.json").rename(root / "manifest-1-of-1.json")
    generate(config, root, jobs=1)
    (root / "manifest-1-of-1.json").unlink()
    assert folder_bytes(root) == expected


def test_damaged_manifest_is_told(config, root):
    (root / "manifest-1-of-3.json").write_text("{")
    with pytest.raises(InputError, match=r"manifest-1-of-3\.json: expected a manifest of runs"):
        generate(config, root, jobs=1)


def test_half_files_of_other_shards_stay(config, tmp_path):
    raw = tmp_path / "raw"
    raw.mkdir()
    for name in (".run_000000.npz.half", ".run_000001.yaml.half"):
        (raw / name).write_bytes(b"left by a kill")
    generate(config, tmp_path, jobs=1, shard=Shard(2, 2))
    assert [path.name for path in raw.glob(".*")] == [".run_000000.npz.half"]
    (tmp_path / ".manifest-1-of-2.json.half").write_bytes(b"left by a kill")
    generate(config, tmp_path, jobs=1, shard=Shard(1, 2))
    assert not list(tmp_path.rglob(".*"))


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
    code = "import sys, m4graph.datasets.making.generation; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
