from __future__ import annotations

import numpy as np
import pytest
import torch
from torch_geometric.loader import DataLoader

from m4graph import Scenario, simulate, topology
from m4graph.datasets import to_run_data
from m4graph.runs.labelled_run import LabelledRun
from m4graph.workload import Workload


@pytest.fixture(scope="module")
def run():
    """Flow 0 goes 0 to 2, alone at first; flow 1 goes 1 to 2 and meets it at the last link."""
    workload = Workload.from_arrays(
        id=[0, 1], src=[0, 1], dst=[2, 2], size_bytes=[50_000, 3_000], start_ns=[0, 10_000]
    )
    scenario = Scenario(topology.star(num_hosts=3, gbps=10, delay_ns=1000), workload, "dctcp")
    return LabelledRun.from_result(simulate(scenario, "packet", labels=True))


def test_flows_and_links(run):
    data = to_run_data(run)
    data.validate()
    assert data.node_types == ["flow", "link"]
    assert data["flow"].size_bytes.tolist() == [50_000, 3_000]
    assert data["flow"].finished.tolist() == [True, True]
    slowdown = run.fct_ns / run.network.ideal_fct_ns
    assert data["flow"].y.tolist() == pytest.approx(slowdown.tolist())
    assert data["flow"].y[1] > 1
    assert data["link"].rate_bps.tolist() == [10**10] * 6
    # Cable i is links 2i (from the host) and 2i + 1 (to the host).
    assert data["link"].kind.tolist() == [1, 2, 1, 2, 1, 2]


def test_routes(run):
    data = to_run_data(run)
    crosses, crossed_by = data["flow", "crosses", "link"], data["link", "rev_crosses", "flow"]
    assert crosses.edge_index.tolist() == [[0, 0, 1, 1], [0, 5, 2, 5]]
    assert crossed_by.edge_index.tolist() == [[0, 5, 2, 5], [0, 0, 1, 1]]
    assert crosses.hop.tolist() == crossed_by.hop.tolist() == [0, 1, 0, 1]


def test_events_and_labels(run):
    data = to_run_data(run)
    assert data.event_flow.tolist() == [0, 1, 1, 0]
    assert data.event_kind.tolist() == [0, 0, 1, 1]
    assert data.event_time_ns.tolist()[:2] == [0, 10_000]
    # At its arrival a flow is labelled itself, at its departure it is not.
    assert data.flow_label_event.tolist() == [0, 1, 1, 2]
    labelled = dict(
        zip(
            zip(data.flow_label_event.tolist(), data.flow_label_flow.tolist(), strict=True),
            data.remaining_bytes.tolist(),
            strict=True,
        )
    )
    assert labelled[0, 0] == 50_000
    assert labelled[1, 1] == 3_000
    assert labelled.keys() == {(0, 0), (1, 0), (1, 1), (2, 0)}
    assert data.link_label_event.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert data.link_label_link.tolist() == [0, 5, 2, 5, 2, 5, 0, 5]
    assert len(data.queue_bytes) == 8


def test_unfinished_flow(run):
    fct_ns = run.fct_ns.copy()
    fct_ns[0] = -1
    values = {name: getattr(run, name) for name in run.__dataclass_fields__}
    data = to_run_data(LabelledRun(**{**values, "fct_ns": fct_ns}))
    assert data["flow"].finished.tolist() == [False, True]
    assert torch.isnan(data["flow"].y).tolist() == [True, False]


def test_batch_numbers_through(run):
    data = to_run_data(run)
    (batch,) = DataLoader([data, data, data], batch_size=3)
    batch.validate()
    assert batch["flow"].num_nodes == 6
    assert batch.event_batch.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert batch.event_flow.tolist() == [0, 1, 1, 0, 2, 3, 3, 2, 4, 5, 5, 4]
    assert batch.flow_label_event.tolist() == [0, 1, 1, 2, 4, 5, 5, 6, 8, 9, 9, 10]
    assert batch.link_label_link.tolist()[-2:] == [12, 17]
    assert batch.link_label_event.max() == 11
    assert batch.configuration.shape == (3, data.configuration.shape[1])
    # Every label still belongs to a flow and a link of its own event's run.
    flows_run = batch["flow"].batch[batch.flow_label_flow]
    assert torch.equal(flows_run, batch.event_batch[batch.flow_label_event])
    links_run = batch["link"].batch[batch.link_label_link]
    assert torch.equal(links_run, batch.event_batch[batch.link_label_event])


def test_unbatch(run):
    data = to_run_data(run)
    (batch,) = DataLoader([data, data], batch_size=2)
    again = batch.get_example(1)
    for key in ("event_flow", "flow_label_event", "link_label_link", "event_batch"):
        np.testing.assert_array_equal(again[key], data[key])
