from __future__ import annotations

import pytest
import torch
from torch_geometric.data import Data, HeteroData

from m4graph.core.errors import InputError
from m4graph.datasets.store.items import (
    NUM_NODES,
    StoredItems,
    map_tensors,
    pack_items,
    read_metadata,
    save_tensors,
)


def graph(num_flows, num_edges, weight=0.5):
    data = HeteroData()
    data["flow"].x = torch.arange(2.0 * num_flows).view(num_flows, 2)
    data["flow"].is_long = torch.arange(num_flows) > 1
    data["link"].num_nodes = 3
    data["flow", "crosses", "link"].edge_index = torch.arange(2 * num_edges).view(2, num_edges)
    data.weight = weight
    data.scalar = torch.tensor(num_flows, dtype=torch.int8)
    return data


def same(one, other):
    assert type(one) is type(other)
    assert [dict(store).keys() for store in one.stores] == [
        dict(store).keys() for store in other.stores
    ]
    for store, twin in zip(one.stores, other.stores, strict=True):
        for name, value in store.items():
            assert type(twin[name]) is type(value)
            if isinstance(value, torch.Tensor):
                assert twin[name].dtype == value.dtype
                assert twin[name].shape == value.shape
                assert torch.equal(twin[name], value)
            else:
                assert twin[name] == value


def test_graphs_come_back_as_they_were(tmp_path):
    graphs = [graph(2, 3), graph(0, 0, 1.5), graph(5, 1)]
    save_tensors(tmp_path / "g.safetensors", *pack_items(graphs))
    stored = StoredItems(*map_tensors(tmp_path / "g.safetensors"))
    for index in (2, 0, 1):
        same(stored[index], graphs[index])


def test_data():
    stored = StoredItems(*pack_items([Data(x=torch.ones(2, 3), y=torch.zeros(2))]))
    same(stored[0], Data(x=torch.ones(2, 3), y=torch.zeros(2)))


def test_what_was_read_may_be_changed():
    stored = StoredItems(*pack_items([graph(2, 3)]))
    stored[0]["flow"].x.zero_()
    same(stored[0], graph(2, 3))


def test_sizes():
    assert pack_items([graph(2, 3), graph(5, 1)])[0][NUM_NODES].tolist() == [5, 8]
    assert pack_items([])[0][NUM_NODES].tolist() == []


@pytest.mark.parametrize(
    ("graphs", "message"),
    [
        ([torch.ones(2)], "pre_transform: expected it to give a Data or a HeteroData (got Tensor)"),
        ([Data(x=torch.ones(1)), Data(y=torch.ones(1))], "expected graphs with the same fields"),
        (
            [Data(x=torch.ones(1)), Data(x=torch.ones(1, dtype=int))],
            "x: expected tensors of one type",
        ),
        (
            [Data(x=torch.ones(1), name="a")],
            "name: expected tensors of one type, or numbers, to store (got str)",
        ),
    ],
)
def test_what_cannot_be_stored(graphs, message):
    with pytest.raises(InputError) as caught:
        pack_items(graphs)
    assert message in str(caught.value)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "run.safetensors"
    save_tensors(path, {"num_nodes": torch.arange(3)}, {"scenario_sha256": "abc"})
    return path


def test_round_trip(path):
    tensors, metadata = map_tensors(path)
    assert tensors["num_nodes"].tolist() == [0, 1, 2]
    assert (metadata, 3) == read_metadata(path)
    assert metadata == {"scenario_sha256": "abc"}
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
