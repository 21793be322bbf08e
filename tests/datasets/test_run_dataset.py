"""What the three data sets share, tried on one of them, or on all."""

from __future__ import annotations

import copy
import json
import os
import pickle
import shutil
import sys
import time
import warnings
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from torch_geometric.data import Data, Dataset
from torch_geometric.loader import DataLoader

from m4graph.core.errors import ConfigError, InputError
from m4graph.datasets import FlowEventDataset, FlowTableDataset, NamedDataset, SnapshotDataset
from m4graph.datasets.making.manifest import known_hashes
from m4graph.datasets.named import recipe_hash, runs_hash
from m4graph.datasets.store.items import map_tensors
from m4graph.datasets.store.processing import callable_text
from m4graph.runs import LabelledRun
from m4graph.training.publish import _hashes

CLASSES = [FlowEventDataset, SnapshotDataset, FlowTableDataset]


def is_arrival(data):
    return data.event_kind == 0


def mean_size(data):
    return Data(x=data["flow"].size_bytes.double().mean().view(1, 1), event=data.at_event)


def mtimes(dataset):
    return {
        name: os.stat(os.path.join(dataset.processed_dir, name)).st_mtime_ns
        for name in os.listdir(dataset.processed_dir)
        if name.startswith("run")
    }


@pytest.mark.parametrize("cls", CLASSES)
class TestConventions:
    def test_is_a_dataset_of_pyg(self, root, cls):
        dataset = cls(root)
        assert isinstance(dataset, Dataset)
        assert len(dataset[1:3]) == 2
        perm = dataset.shuffle(return_perm=True)[1]
        assert sorted(perm.tolist()) == list(range(len(dataset)))
        assert len(dataset.index_select([0, 2])) == 2
        assert len(copy.copy(dataset)) == len(pickle.loads(pickle.dumps(dataset))) == len(dataset)

    def test_processed_files(self, root, cls):
        dataset = cls(root)
        names = sorted(mtimes(dataset))
        assert names == dataset.processed_file_names
        assert all(os.path.exists(path) for path in [*dataset.processed_paths, *dataset.raw_paths])
        before = mtimes(dataset)
        assert mtimes(cls(root)) == before
        assert all(mtimes(cls(root, force_reload=True))[name] > before[name] for name in names)

    def test_split_argument(self, root, cls):
        train, val = cls(root).split()
        assert cls(root, split="train").indices().tolist() == train.indices().tolist()
        assert cls(root, split="val").run_index().tolist() == val.run_index().tolist()
        assert not {*train.run_index()} & {*val.run_index()}
        assert len(train) + len(val) == len(cls(root))

    def test_one_copy_in_memory(self, root, cls):
        dataset = cls(root, in_memory=True)
        first = dataset[0]
        shutil.rmtree(dataset.processed_dir)
        again = dataset[0]
        for store, twin in zip(first.stores, again.stores, strict=True):
            for name, value in store.items():
                equal = torch.equal(value, twin[name]) if torch.is_tensor(value) else True
                assert equal or value.isnan().any()


def test_workers_read_the_same(root):
    dataset = SnapshotDataset(root)
    loaders = [DataLoader(dataset, batch_size=32, num_workers=number) for number in (0, 2)]
    for one, other in zip(*loaders, strict=True):
        assert torch.equal(one["flow"].x, other["flow"].x)
        assert torch.equal(one.event_time_ns, other.event_time_ns)


def test_filter_and_transform_before_storing(root):
    events = [data for data in SnapshotDataset(root) if is_arrival(data)]
    dataset = SnapshotDataset(
        root, pre_filter=is_arrival, pre_transform=mean_size, force_reload=True
    )
    assert len(dataset) == 80
    assert dataset.item_num_nodes().tolist() == [1] * 80
    for data, event in zip(dataset, events, strict=True):
        assert data.event == event.at_event
        assert data.x.item() == event["flow"].size_bytes.double().mean()


def test_filter_and_transform_may_drop_runs(root):
    ends_ns = [int(data.start_ns.max()) for data in FlowTableDataset(root)]
    limit_ns = sorted(ends_ns)[1]
    dataset = FlowTableDataset(
        root, pre_filter=lambda data: data.start_ns.max() > limit_ns, force_reload=True
    )
    kept_ns = [end_ns for end_ns in ends_ns if end_ns > limit_ns]
    assert [int(data.start_ns.max()) for data in dataset] == kept_ns
    assert [dataset.run(index).network.start_ns.max() for index in range(2)] == kept_ns


def test_transform_comes_after(root):
    dataset = SnapshotDataset(root, pre_transform=mean_size, transform=lambda data: data.event)
    assert [dataset[index] for index in range(40)] == list(range(40))


def test_another_filter_processes_anew(root):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        SnapshotDataset(root, pre_filter=is_arrival)
        assert len(SnapshotDataset(root, pre_filter=is_arrival)) == 80
    with pytest.warns(UserWarning, match="pre_filter differs from the one of before"):
        assert len(SnapshotDataset(root)) == 160


def test_another_body_of_a_filter_counts():
    one, two = (eval(f"lambda data: data.at_event > {number}") for number in (1, 2))
    assert (
        callable_text(one)
        == callable_text(eval("lambda data: data.at_event > 1"))
        != callable_text(two)
    )


def test_what_a_filter_reads_and_captures_counts():
    def above(least):
        return lambda data, most=9: least < data.at_event < most

    assert callable_text(above(1)) == callable_text(above(1)) != callable_text(above(2))
    flows, links = (eval(f"lambda data: data.{name}") for name in ("flows", "links"))
    assert callable_text(flows) != callable_text(links)
    defaults = [eval(f"lambda data, least={number}: data.at_event > least") for number in (1, 2)]
    assert callable_text(defaults[0]) != callable_text(defaults[1])


def test_replaced_under_an_open_dataset(root):
    dataset = SnapshotDataset(root)
    SnapshotDataset(root, pre_filter=is_arrival, force_reload=True)
    with pytest.raises(InputError, match="expected what this data set has processed"):
        dataset[0]


def test_new_raw_run(root):
    before = mtimes(SnapshotDataset(root))
    later = time.time() + 5
    os.utime(root / "raw" / "run_000002.yaml", (later, later))
    after = mtimes(SnapshotDataset(root))
    assert {name for name in before if before[name] != after[name]} == {"run_000002.safetensors"}


def test_several_processes_store_the_same(root):
    one = SnapshotDataset(root)
    before = [map_tensors(Path(path))[0] for path in one.processed_paths]
    SnapshotDataset(root, jobs=2, force_reload=True)
    for path, tensors in zip(one.processed_paths, before, strict=True):
        after = map_tensors(Path(path))[0]
        assert after.keys() == tensors.keys()
        for name, tensor in tensors.items():
            np.testing.assert_array_equal(after[name], tensor)


def test_events_of_a_scenario_stay_together(root):
    """Also those of the same traffic under another algorithm, whatever its name and number."""
    for ending in (".npz", ".yaml"):
        shutil.copy(root / "raw" / f"run_000001{ending}", root / "raw" / f"run_000009{ending}")
    dataset = SnapshotDataset(root)
    assert len(dataset) == 200
    for seed in range(6):
        train, val = dataset.split(0.5, seed)
        hashes = [{part.hashes[index] for index in part.indices()} for part in (train, val)]
        assert not hashes[0] & hashes[1]
        twins = [{1, 4} & {*part.run_index().tolist()} for part in (train, val)]
        assert sorted(map(len, twins)) == [0, 2]


def test_a_split_of_a_split(root):
    train, _ = SnapshotDataset(root).split(0.25)
    inner, outer = train.split(0.34)
    assert {*inner.run_index()} | {*outer.run_index()} == {*train.run_index()}
    assert len(inner) + len(outer) == len(train)


def test_hashes_for_a_model_card(root):
    dataset = FlowEventDataset(root)
    assert _hashes(dataset.split(0.25)[1]) == [dataset.hashes[dataset.split(0.25)[1].indices()[0]]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"split": "test"}, "split: expected train, val or none (got 'test')"),
        ({"suite": "smoke", "recipe": "tiny"}, "suite: expected no recipe beside it"),
        ({"suite": "smokey"}, "unknown suite"),
    ],
)
def test_bad_arguments(root, arguments, message):
    with pytest.raises(ConfigError) as caught:
        FlowEventDataset(root, **arguments)
    assert message in str(caught.value)


class TestSources:
    @pytest.fixture
    def named(self, config, root):
        digest = runs_hash(digest for (digest,) in known_hashes(root).values())
        return NamedDataset("mine", config, recipe_hash(config), digest, str(root))

    @pytest.fixture
    def no_simulation(self, monkeypatch):
        def refuse(*arguments, **more):
            raise AssertionError("expected no simulation")

        monkeypatch.setattr("m4graph.datasets.store.fetch.generate", refuse)

    def test_folder(self, named, root, tmp_path, no_simulation):
        dataset = SnapshotDataset(tmp_path / "copy", named)
        assert dataset.hashes == SnapshotDataset(root).hashes
        assert sorted(os.listdir(tmp_path / "copy")) == [
            "config.yaml",
            "manifest.json",
            "processed",
            "raw",
        ]

    def test_folder_without_a_recipe(self, root, tmp_path, no_simulation):
        dataset = FlowEventDataset(tmp_path / "copy", source=root)
        assert len(dataset) == 4
        (tmp_path / "copy" / "raw" / "run_000002.npz").unlink()
        assert len(FlowEventDataset(tmp_path / "copy", source=root)) == 4

    def test_what_the_source_lacks_is_generated(self, named, root, tmp_path):
        (root / "raw" / "run_000002.npz").unlink()
        dataset = FlowEventDataset(tmp_path / "copy", named, jobs=1)
        assert len(dataset) == 4

    def test_no_source(self, named, tmp_path):
        with pytest.raises(InputError, match=r"none: expected a folder with runs"):
            FlowEventDataset(tmp_path / "copy", source=tmp_path / "none")

    def test_another_run_is_named(self, named, root, tmp_path):
        shutil.copy(root / "raw" / "run_000001.npz", root / "raw" / "run_000002.npz")
        expected = {name: digest for name, (digest,) in known_hashes(root).items()}
        with pytest.raises(InputError) as caught:
            FlowEventDataset(tmp_path / "copy", named)
        assert str(caught.value) == (
            f"{tmp_path}/copy/raw/run_000002.npz: expected the run of SHA-256 "
            f"{expected['run_000002']}, as its manifest has it (got {expected['run_000001']})"
        )

    def test_other_runs_are_refused(self, named, root, tmp_path):
        """Where the manifest has been changed along with the run."""
        for ending in (".npz", ".yaml"):
            shutil.copy(root / "raw" / f"run_000001{ending}", root / "raw" / f"run_000002{ending}")
        manifest = json.loads((root / "manifest.json").read_text())
        manifest["runs"][2]["arrays_sha256"] = manifest["runs"][1]["arrays_sha256"]
        (root / "manifest.json").write_text(json.dumps(manifest))
        with pytest.raises(InputError, match=f"mine: expected runs of SHA-256 {named.runs_sha256}"):
            FlowEventDataset(tmp_path / "copy", named)

    def test_damaged_manifest(self, root, tmp_path):
        (root / "manifest.json").write_text("{}")
        with pytest.raises(InputError, match=r"manifest\.json: expected a manifest of runs"):
            FlowEventDataset(tmp_path / "copy", source=root)

    def test_hub(self, root, tmp_path, monkeypatch, no_simulation):
        asked = {}

        def snapshot_download(**arguments):
            asked.update(arguments)
            return str(root)

        module = ModuleType("huggingface_hub")
        module.snapshot_download = snapshot_download
        monkeypatch.setitem(sys.modules, "huggingface_hub", module)
        dataset = FlowEventDataset(tmp_path / "copy", source="hf://me/runs@v1")
        assert len(dataset) == 4
        assert asked == {
            "repo_id": "me/runs",
            "revision": "v1",
            "repo_type": "dataset",
            "allow_patterns": ["config.yaml", "manifest*.json", "raw/run_*"],
        }

    def test_no_hub(self, tmp_path, monkeypatch):
        monkeypatch.setitem(sys.modules, "huggingface_hub", None)
        with pytest.raises(InputError, match="dataset 'hf://me/runs': expected huggingface_hub"):
            FlowEventDataset(tmp_path / "copy", source="hf://me/runs")


@pytest.mark.parametrize("keep", [0, 4, 1000, -10])
def test_damaged_raw_file(root, keep):
    path = root / "raw" / "run_000000.npz"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(InputError, match=r"run_000000\.npz: expected a labelled run"):
        LabelledRun.load(path)
