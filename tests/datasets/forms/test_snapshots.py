from __future__ import annotations

import numpy as np
import pytest
import torch
from torch_geometric.loader import DataLoader

from m4graph import simulate, to_hetero_data
from m4graph.core.errors import ConfigError
from m4graph.datasets import SnapshotDataset
from m4graph.graph import event_snapshots
from m4graph.runs import LabelledRun
from m4graph.scenario.files import load_scenario

LABELS = {
    "true": {"y", "fluid_y", "ideal_fct_ns", "size_bytes", "remaining_bytes", "queue_bytes"},
    "fluid": {"y", "fluid_y", "ideal_fct_ns", "size_bytes"},
}


def truth(root, departures, index=0):
    scenario = load_scenario(root / "raw" / f"run_{index:06d}.yaml")
    return scenario, simulate(scenario, "packet", labels=True) if departures == "true" else None


def added(stored, expected):
    """The names of fields that only the stored graph has; all others are equal, bit by bit."""
    more = set()
    assert stored.node_types == expected.node_types
    assert stored.edge_types == expected.edge_types
    for twin, store in zip(stored.stores, expected.stores, strict=True):
        more |= set(twin.keys()) - set(store.keys())
        for name, value in store.items():
            assert type(twin[name]) is type(value), name
            if isinstance(value, torch.Tensor):
                assert twin[name].dtype == value.dtype, name
                assert torch.equal(twin[name], value), name
            else:
                assert twin[name] == value, name
    return more


@pytest.mark.parametrize("departures", ["true", "fluid"])
def test_graphs_are_those_of_the_run(root, departures):
    dataset = SnapshotDataset(root, departures=departures)
    assert len(dataset) == 4 * 40
    for index in (0, 3):
        scenario, result = truth(root, departures, index)
        for event, expected in enumerate(event_snapshots(scenario, result)):
            assert added(dataset[40 * index + event], expected) == LABELS[departures]
    one = to_hetero_data(scenario, 17, result)
    assert added(dataset[40 * 3 + 17], one) == LABELS[departures]


def test_labels(root):
    dataset = SnapshotDataset(root)
    run = LabelledRun.load(root / "raw" / "run_000001.npz")
    num_labelled = 0
    for event in range(run.num_events):
        data = dataset[40 + event]
        flow, link = data["flow"], data["link"]
        slowdown = (run.fct_ns / run.network.ideal_fct_ns)[flow.n_id]
        np.testing.assert_array_equal(flow.y, slowdown.astype(np.float32))
        np.testing.assert_array_equal(flow.size_bytes, run.network.size_bytes[flow.n_id])
        np.testing.assert_array_equal(flow.ideal_fct_ns, run.network.ideal_fct_ns[flow.n_id])
        rows = slice(*run.label_flow_ptr[event : event + 2])
        labels = zip(run.label_flows[rows], run.remaining_bytes[rows], strict=True)
        found = zip(flow.n_id.tolist(), flow.remaining_bytes.tolist(), strict=True)
        assert dict(found) == dict(labels)
        num_labelled += rows.stop - rows.start
        route = run.network.route_links[slice(*run.network.route_ptr[data.event_flow :][:2])]
        queues = run.queue_bytes[slice(*run.label_link_ptr[event : event + 2])]
        assert dict(zip(route, queues, strict=True)) == {
            int(link_id): queue
            for link_id, queue in zip(link.n_id, link.queue_bytes, strict=True)
            if not queue.isnan()
        }
    assert num_labelled == len(run.remaining_bytes) > run.num_events


def test_fluid_label(root):
    dataset = SnapshotDataset(root, departures="fluid")
    slowdown = simulate(truth(root, "fluid")[0], "fluid").slowdown.astype(np.float32)
    for event in range(40):
        flow = dataset[event]["flow"]
        np.testing.assert_array_equal(flow.fluid_y, slowdown[flow.n_id])


def test_run_without_labels(root):
    """As of a simulator that tells completion times only."""
    file = root / "raw" / "run_000000.npz"
    run = LabelledRun.load(file)
    none = {name: np.zeros(0, np.int64) for name in ("remaining_bytes", "queue_bytes")}
    ptr = np.zeros(run.num_events + 1, np.int64)
    values = {name: getattr(run, name) for name in run.__dataclass_fields__}
    values |= {"label_flows": np.zeros(0, np.int32), "label_flow_ptr": ptr, "label_link_ptr": ptr}
    LabelledRun(**values | none).save(file)
    (root / "manifest.json").unlink()
    dataset = SnapshotDataset(root)
    for event in range(40):
        data = dataset[event]
        assert data["flow"].remaining_bytes.isnan().all()
        assert data["link"].queue_bytes.isnan().all()
        assert data["flow"].y.isfinite().all()


def test_batches(root):
    batches = list(DataLoader(SnapshotDataset(root), batch_size=50))
    assert [batch.num_graphs for batch in batches] == [50, 50, 50, 10]
    batches[1].validate()
    assert batches[1].event_time_ns.shape == (50,)


def test_both_departures_live_side_by_side(root):
    fluid, true = SnapshotDataset(root, departures="fluid"), SnapshotDataset(root)
    assert any(fluid[i].event_time_ns != true[i].event_time_ns for i in range(40))
    assert "remaining_bytes" not in fluid[0]["flow"]


def test_bad_departures(root):
    with pytest.raises(ConfigError, match="departures: expected one of true, fluid"):
        SnapshotDataset(root, departures="free")
