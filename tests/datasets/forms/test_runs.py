from __future__ import annotations

import os
import time

import numpy as np
import pytest
from torch_geometric.loader import DataLoader

from m4graph.core.errors import ConfigError, InputError
from m4graph.core.yaml_file import read_yaml, write_yaml
from m4graph.datasets import FlowEventDataset, scenario_hash
from m4graph.datasets.named import DATASETS, find_dataset
from m4graph.runs.labelled_run import LabelledRun


def test_items(root):
    dataset = FlowEventDataset(root)
    assert len(dataset) == 4
    for index in range(4):
        run = LabelledRun.load(root / "raw" / f"run_{index:06d}.npz")
        np.testing.assert_array_equal(dataset[index]["flow"].fct_ns, run.fct_ns)
        np.testing.assert_array_equal(dataset.run(index).queue_bytes, run.queue_bytes)
        assert dataset.hashes[index] == scenario_hash(run)


def test_processed_files_hold_no_pickles(root):
    FlowEventDataset(root)
    files = sorted(os.listdir(root / "processed"))
    runs = [name for name in files if name.startswith("run")]
    assert runs == [f"run_{index:06d}.safetensors" for index in range(4)]


def test_loader(root):
    batches = list(DataLoader(FlowEventDataset(root), batch_size=3))
    assert [batch.num_graphs for batch in batches] == [3, 1]
    assert batches[0]["flow"].num_nodes == 60


def test_transform(root):
    dataset = FlowEventDataset(root, transform=lambda data: data["flow"].num_nodes)
    assert list(dataset) == [20] * 4


def test_processed_once_and_anew_when_raw_changes(root):
    FlowEventDataset(root)
    processed = root / "processed"
    before = {path.name: path.stat().st_mtime_ns for path in processed.glob("run_*")}
    raw = root / "raw" / "run_000001.npz"
    later = time.time() + 5
    os.utime(raw, (later, later))
    FlowEventDataset(root)
    after = {path.name: path.stat().st_mtime_ns for path in processed.glob("run_*")}
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"run_000001.safetensors"}


def test_no_runs(tmp_path):
    with pytest.raises(InputError, match=r"expected runs .*m4graph generate CONFIG\.yaml --out"):
        FlowEventDataset(tmp_path / "none")


def test_recipe_is_generated_and_completed(config, root, tmp_path):
    made = FlowEventDataset(tmp_path / "made", recipe=config, jobs=1)
    assert made.hashes == FlowEventDataset(root).hashes
    (tmp_path / "made" / "raw" / "run_000003.npz").unlink()
    assert len(FlowEventDataset(tmp_path / "made", recipe=config, jobs=1)) == 4


def test_recipes():
    assert {"tiny", "dctcp-fattree"} <= set(DATASETS.names())
    assert find_dataset("tiny").config().num_scenarios == 3
    with pytest.raises(ConfigError, match=r"recipe: expected one of .*tiny.*got 'tinny'"):
        find_dataset("tinny")


def test_damaged_run_is_named(root):
    (root / "raw" / "run_000002.npz").write_bytes(b"PK")
    with pytest.raises(InputError, match=r"run_000002\.npz: expected a labelled run"):
        FlowEventDataset(root)


@pytest.mark.parametrize("block", ["scenario", "workload"])
def test_evaluation_seed_is_refused(root, block):
    file = root / "raw" / "run_000001.yaml"
    description = read_yaml(file)
    (description if block == "scenario" else description["workload"])["seed"] = 1_000_000
    write_yaml(file, description)
    with pytest.raises(InputError, match=r"run_000001\.yaml: .*seed: expected a seed outside"):
        FlowEventDataset(root)


@pytest.mark.parametrize("processed", [False, True])
def test_reserved_scenario_is_refused(root, monkeypatch, processed):
    if processed:
        FlowEventDataset(root)
    digest = scenario_hash(LabelledRun.load(root / "raw" / "run_000001.npz"))
    monkeypatch.setattr(
        "m4graph.datasets.making.leakage.reserved_scenarios", lambda: {digest: "a suite"}
    )
    with pytest.raises(InputError, match=r"run_000001\.npz: expected .*got that of a suite"):
        FlowEventDataset(root)


def test_split(root):
    dataset = FlowEventDataset(root)
    train, val = dataset.split(0.25)
    assert (len(train), len(val)) == (3, 1)
    whole = {dataset.run(index).event_time_ns.tobytes() for index in range(4)}
    parts = [
        part.run(index).event_time_ns.tobytes()
        for part in (train, val)
        for index in range(len(part))
    ]
    assert len(parts) == 4
    assert set(parts) == whole
    np.testing.assert_array_equal(val[0]["flow"].fct_ns, val.run(0).fct_ns)


def test_split_is_by_hash(root):
    held_out = val_hashes(FlowEventDataset(root), seed=0)
    for ending in (".npz", ".yaml"):
        swapped = [root / "raw" / f"run_00000{index}{ending}" for index in (0, 3)]
        contents = [path.read_bytes() for path in swapped]
        for path, content in zip(swapped, reversed(contents), strict=True):
            path.write_bytes(content)
    (root / "manifest.json").unlink()  # It tells runs by name.
    assert val_hashes(FlowEventDataset(root, force_reload=True), seed=0) == held_out
    splits = {val_hashes(FlowEventDataset(root), seed) for seed in range(10)}
    assert len(splits) > 1


def val_hashes(dataset, seed):
    _, val = dataset.split(0.25, seed)
    return tuple(scenario_hash(val.run(index)) for index in range(len(val)))


def test_same_traffic_stays_together(root):
    for ending in (".npz", ".yaml"):
        copy = (root / "raw" / f"run_000000{ending}").read_bytes()
        (root / "raw" / f"run_000004{ending}").write_bytes(copy)
    dataset = FlowEventDataset(root)
    for seed in range(8):
        train, val = dataset.split(0.5, seed)
        sides = [{part.hashes[index] for index in part.indices()} for part in (train, val)]
        assert not sides[0] & sides[1]


@pytest.mark.parametrize("fraction", [-0.1, 1.0, 0.9])
def test_bad_split(root, fraction):
    with pytest.raises(ConfigError, match="val_fraction: expected"):
        FlowEventDataset(root).split(fraction)


def test_split_without_validation(root):
    train, val = FlowEventDataset(root).split(0.0)
    assert (len(train), len(val)) == (4, 0)
