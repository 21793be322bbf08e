from __future__ import annotations

import sys

import huggingface_hub
import pytest

from m4graph.core.errors import CheckpointError
from m4graph.zoo import load_model


@pytest.fixture
def hub(monkeypatch):
    """Stands in for the hub: answers with a folder, or raises; records the question."""

    def install(answer):
        asked = {}

        def snapshot_download(**arguments):
            asked.update(arguments)
            if isinstance(answer, Exception):
                raise answer
            return str(answer)

        monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
        return asked

    return install


@pytest.mark.parametrize(
    ("address", "revision"), [("hf://me/toy.v1", None), ("hf://me/toy.v1@refs/pr/1", "refs/pr/1")]
)
def test_a_checkpoint_of_the_hub(hub, checkpoint, address, revision):
    asked = hub(checkpoint)
    assert load_model(address).lin.in_features == 4
    assert asked == {
        "repo_id": "me/toy.v1",
        "revision": revision,
        "allow_patterns": ["model.safetensors", "config.json", "card.md"],
    }


def test_no_network(hub):
    hub(ConnectionError("no route to host\nsecond line"))
    with pytest.raises(CheckpointError) as caught:
        load_model("hf://me/toy")
    assert str(caught.value) == (
        "model 'hf://me/toy': expected a repository to download (got no route to host)"
    )


def test_no_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(CheckpointError, match="pip install huggingface_hub"):
        load_model("hf://me/toy")


@pytest.mark.parametrize(
    "address", ["hf://", "hf://me", "hf://me/a/b", "hf://me/a@", "hf://../a b"]
)
def test_malformed_addresses(hub, address):
    asked = hub(AssertionError())
    with pytest.raises(CheckpointError, match="expected hf://user/repository"):
        load_model(address)
    assert asked == {}
