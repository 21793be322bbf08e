from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from m4graph.datasets.run_file import load_processed, load_raw, read_metadata, save_processed
from m4graph.errors import InputError
from m4graph.graph.run import FlowNetwork


@pytest.fixture
def run(root):
    return load_raw(root / "raw" / "run_000000.npz")


@pytest.fixture
def path(run, tmp_path):
    save_processed(run, tmp_path / "run.safetensors", {"scenario_sha256": "abc"})
    return tmp_path / "run.safetensors"


def test_round_trip(run, path):
    again = load_processed(path)
    for field in fields(FlowNetwork):
        before, after = getattr(run.network, field.name), getattr(again.network, field.name)
        assert before.dtype == after.dtype
        np.testing.assert_array_equal(before, after)
    np.testing.assert_array_equal(run.remaining_bytes, again.remaining_bytes)
    assert read_metadata(path) == {"scenario_sha256": "abc"}
    assert list(path.parent.glob(".*")) == []


@pytest.mark.parametrize(
    "content", [None, b"", b"junk", b"\xff" * 100, b"\x02" + b"\0" * 7 + b"{}"]
)
@pytest.mark.parametrize("read", [load_processed, read_metadata])
def test_damaged_processed_file(path, read, content):
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"run\.safetensors: expected a processed run"):
        read(path)


@pytest.mark.parametrize("keep", [0, 4, 1000, -10])
def test_damaged_raw_file(root, keep):
    path = root / "raw" / "run_000000.npz"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(InputError, match=r"run_000000\.npz: expected a labelled run"):
        load_raw(path)
