"""The sample that comes with the repository."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from m4graph.core.yaml_file import read_yaml
from m4graph.datasets import DATASETS, FlowTableDataset
from m4graph.datasets.making.produce import produce, run_hash
from m4graph.runs import LabelledRun

SAMPLE = Path(__file__).parents[2] / "datasets" / "sample"


@pytest.fixture(scope="module")
def descriptions():
    return [read_yaml(path) for path in sorted(SAMPLE.glob("raw/run_*.yaml"))]


def test_a_run_can_be_made_again(tmp_path):
    record = produce(DATASETS.resolve("sample").config(), tmp_path, 3)
    assert record.arrays_sha256 == run_hash(LabelledRun.load(SAMPLE / "raw" / "run_000003.npz"))
    runs = json.loads((SAMPLE / "manifest.json").read_text())["runs"]
    assert record.arrays_sha256 == runs[3]["arrays_sha256"]


def test_descriptions_are_the_recipes(descriptions):
    config = DATASETS.resolve("sample").config()
    assert descriptions == [config.describe(index) for index in range(config.num_scenarios)]


def test_variety(descriptions):
    kinds = {
        part: {each[part]["kind"] for each in descriptions}
        for part in ("topology", "congestion_control")
    }
    assert kinds["topology"] == {"fat_tree", "leaf_spine", "clos", "parking_lot"}
    assert kinds["congestion_control"] == {"dctcp", "dcqcn", "timely", "hpcc"}


def test_size():
    files = [path for path in SAMPLE.rglob("*") if "processed" not in path.parts]
    assert sum(path.stat().st_size for path in files if path.is_file()) < 10**6


def test_tables(tmp_path):
    frame = FlowTableDataset(tmp_path, "sample", source=SAMPLE).to_frame()
    assert len(frame) == 32 * 150
    assert frame.notna().all().all()
    assert (frame.slowdown >= 1).all()
