from __future__ import annotations

import numpy as np

from m4graph import simulate, to_hetero_data
from m4graph.datasets import FlowTableDataset, flow_table
from m4graph.graph.schema import FLOW_FEATURES
from m4graph.runs import LabelledRun
from m4graph.scenario.files import load_scenario


def test_a_run_and_its_scenario_give_the_same_bits(root):
    dataset = FlowTableDataset(root)
    assert len(dataset) == 4
    for index in range(4):
        scenario = load_scenario(root / "raw" / f"run_{index:06d}.yaml")
        table, columns = flow_table(scenario)
        assert columns == dataset.columns
        assert dataset[index].x.numpy().tobytes() == table.tobytes()


def test_columns(root):
    """Against the snapshots and the fluid simulator, flow by flow."""
    scenario = load_scenario(root / "raw" / "run_000002.yaml")
    table, columns = flow_table(scenario)
    column = dict(zip(columns, table.T, strict=True))
    fluid = simulate(scenario, "fluid")
    np.testing.assert_allclose(np.exp(column["log_fluid_slowdown"]), fluid.slowdown, rtol=1e-6)
    sizes = scenario.workload.size_bytes
    np.testing.assert_allclose(np.exp(column["log_size_bytes"]), sizes, rtol=1e-5)
    np.testing.assert_allclose(np.exp(column["log_ideal_fct_ns"]), scenario.ideal_fct_ns, rtol=1e-5)
    np.testing.assert_allclose(np.exp(column["log_bottleneck_bps"]), 10**10, rtol=1e-5)
    np.testing.assert_allclose(np.expm1(column["log_delay_ns"]), 2000, rtol=1e-5)
    assert (column["num_hops"] == 2).all()
    start_ns, end_ns = scenario.workload.start_ns, scenario.workload.start_ns + fluid.fct_ns
    active = (start_ns[:, None] >= start_ns) & (start_ns[:, None] < end_ns)
    np.testing.assert_array_equal(column["num_active"], active.sum(1))
    gap_ns = np.diff(start_ns, prepend=start_ns[:1])
    np.testing.assert_allclose(np.expm1(column["log_start_gap_ns"]), gap_ns, rtol=1e-5)
    arrivals = 0
    for event in range(40):
        data = to_hetero_data(scenario, event)
        if data.event_kind == 0:
            (row,) = (data["flow"].flow_id == data.event_flow).nonzero()[0]
            flow = int(data["flow"].n_id[row])
            for index, name in enumerate(FLOW_FEATURES):
                if f"arrival_{name}" in column:
                    assert column[f"arrival_{name}"][flow] == data["flow"].x[row, index]
            arrivals += 1
    assert arrivals == len(table) == 20


def test_left_out_features_are_constant_at_arrivals(root):
    left_out = [name for name in FLOW_FEATURES if f"arrival_{name}" not in FlowTableDataset.columns]
    seen = {name: set() for name in left_out}
    scenario = load_scenario(root / "raw" / "run_000000.yaml")
    for event in range(40):
        data = to_hetero_data(scenario, event)
        if data.event_kind == 0:
            row = data["flow"].x[data["flow"].flow_id == data.event_flow][0]
            for name in left_out:
                seen[name].add(float(row[FLOW_FEATURES.index(name)]))
    assert {name: len(values) for name, values in seen.items()} == dict.fromkeys(left_out, 1)


def test_fields(root):
    data = FlowTableDataset(root)[1]
    run = LabelledRun.load(root / "raw" / "run_000001.npz")
    np.testing.assert_array_equal(data.fct_ns, run.fct_ns)
    np.testing.assert_allclose(data.y, run.fct_ns / run.network.ideal_fct_ns, rtol=1e-6)
    assert data.x.shape == (20, len(FlowTableDataset.columns))
    assert data.x.isfinite().all()


def test_frame_of_a_split(root):
    dataset = FlowTableDataset(root)
    frame = dataset.to_frame()
    assert len(frame) == 80
    assert list(frame.columns[:2]) == ["run", "flow"]
    train, val = (part.to_frame() for part in dataset.split(0.25))
    assert sorted([*train.run.unique(), *val.run.unique()]) == dataset.names
    (name,) = val.run.unique()
    expected = frame[frame.run == name].reset_index(drop=True)
    assert val.equals(expected)
    assert val.slowdown.to_numpy().tobytes() == dataset.split(0.25)[1][0].y.numpy().tobytes()
