from __future__ import annotations

import pytest
import torch

from m4graph.core.errors import InputError
from m4graph.datasets.store.items import map_tensors, save_tensors
from m4graph.datasets.store.run_file import load_raw, read_metadata


@pytest.fixture
def path(tmp_path):
    save_tensors(tmp_path / "run.safetensors", {"a": torch.arange(3)}, {"scenario_sha256": "abc"})
    return tmp_path / "run.safetensors"


def test_round_trip(path):
    tensors, words = map_tensors(path)
    assert tensors["a"].tolist() == [0, 1, 2]
    assert words == read_metadata(path) == {"scenario_sha256": "abc"}
    assert list(path.parent.glob(".*")) == []


@pytest.mark.parametrize(
    "content", [None, b"", b"junk", b"\xff" * 100, b"\x02" + b"\0" * 7 + b"{}"]
)
@pytest.mark.parametrize("read", [map_tensors, read_metadata])
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
