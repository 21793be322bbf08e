from __future__ import annotations

import json

import pytest

from m4graph.core.errors import CheckpointError
from m4graph.zoo.manifest import read_manifest

ENTRY = {
    "name": "a",
    "description": "A.",
    "files": {"model.safetensors": 5},
    "sha256": "0" * 64,
    "default": True,
}


def read(folder, data):
    text = data if isinstance(data, str) else json.dumps({"format_version": 1, "models": data})
    (folder / "manifest.json").write_text(text)
    return read_manifest(folder)


def test_a_manifest(tmp_path):
    manifest = read(tmp_path, [ENTRY, {**ENTRY, "name": "b.2_x", "default": False}])
    assert manifest.names() == ["a", "b.2_x"]
    assert manifest.default().name == "a"
    assert manifest.entry("b.2_x").sha256 == "0" * 64


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("{", "manifest of a zoo"),
        ("[]", r"block of keys \(got \[\]\)"),
        ('{"format_version": 2, "models": []}', r"format_version: expected 1 \(got 2\)"),
        ([{**ENTRY, "extra": 1}], "extra: unknown key"),
        ([{**ENTRY, "files": {"a": "1"}}], "files.a: expected an integer"),
        ([{**ENTRY, "sha256": "abc"}], r"sha256: expected text that matches .*\(got 'abc'\)"),
        ([{**ENTRY, "name": "../a"}], r"name: expected text that matches .*\(got '../a'\)"),
        ([{**ENTRY, "name": ""}], "name: expected text that matches"),
        ([ENTRY, {**ENTRY, "default": False}], r"expected different names \(got a, a\)"),
        ([{**ENTRY, "default": False}], r"expected one model to be the default \(got 0\)"),
        ([ENTRY, {**ENTRY, "name": "b"}], r"expected one model to be the default \(got 2\)"),
    ],
)
def test_bad_manifests(tmp_path, data, message):
    with pytest.raises(CheckpointError, match=message) as caught:
        read(tmp_path, data)
    assert str(tmp_path / "manifest.json") in str(caught.value)


def test_no_manifest(tmp_path):
    with pytest.raises(CheckpointError, match="No such file"):
        read_manifest(tmp_path)
