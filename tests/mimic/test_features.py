"""Features by hand, without a look ahead, the same for any number of pods."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import m4graph as m4
from m4graph.core.errors import ConfigError
from m4graph.mimic.border_rows import BORDER_ROW
from m4graph.mimic.clusters import Pods
from m4graph.mimic.features import (
    feature_matrix,
    feature_spec,
    latency_bins,
    num_features,
    packet_steps,
    targets_of,
)
from m4graph.mimic.shape import AGG_UP, CORE_DOWN, HOST_UP, RACK_DOWN
from m4graph.mimic.targets import Discretizer
from tests.mimic.drawn_trace import SHAPE, drawn_trace

REGIME, SIZE, GAP, MEAN_GAP, PACKETS = slice(10, 14), 14, 15, 16, 17


def rows_of(*packets: tuple[int, int, int]) -> np.ndarray:
    """Rows of (time of entry, latency or -1 for a drop, bytes)."""
    rows = np.zeros(len(packets), BORDER_ROW)
    for row, (enter, latency, wire_bytes) in zip(rows, packets, strict=True):
        row["enter_ticks"], row["wire_bytes"] = enter, wire_bytes
        row["exit_ticks"] = -1 if latency < 0 else enter + latency
        row["dropped"] = latency < 0
    return rows


def matrix_of(rows, bins=10):
    table = packet_steps(rows, SHAPE)
    spec = feature_spec([table], SHAPE, bins)
    return feature_matrix(table, spec), spec, table


def test_by_hand():
    """Spans are of 120 ticks, a mean latency above 120 is high."""
    rows = rows_of(
        (1000, 100, 1500), (1050, 300, 60), (1100, 300, 1500),  # a mean of 233
        (1130, -1, 1500), (1200, 100, 60),  # one of two dropped
        (1300, 500, 60), (1400, 100, 60),  # high again, after full
        (1500, 100, 60), (1700, 100, 60),
    )  # fmt: skip
    rows["host"], rows["agg"], rows["spine"] = 6, 1, 0
    x, spec, _ = matrix_of(rows)
    assert spec["span_ticks"] == 120
    assert spec["high_ticks"] == 120
    assert num_features(SHAPE) == x.shape[1] == 18
    assert (x[:, :10] == [0, 1, 0, 0, 1, 0, 0, 1, 1, 0]).all()
    assert x[:, REGIME].argmax(1).tolist() == [0, 0, 0, 1, 1, 2, 2, 3, 0]
    assert x[:, SIZE].tolist() == pytest.approx((rows["wire_bytes"] / 1500).tolist())
    gaps = np.diff(rows["enter_ticks"], prepend=1000)
    assert x[:, GAP] == pytest.approx(np.minimum(gaps // 20, 9) / 10)
    mean, means = 0.0, []
    for gap in gaps:
        mean = 0.7 * mean + 0.3 * gap
        means.append(mean)
    of_means = Discretizer.of(np.array(means), 10)
    assert x[:, MEAN_GAP] == pytest.approx(of_means.encode(np.array(means)) / 10)
    assert (x[:, PACKETS] == 1).all()


def test_without_regimes():
    """Always calm, whatever becomes of packets; all else is as with them."""
    trace = drawn_trace(400)
    table = packet_steps(trace.rows[trace.rows["direction"] == 0], SHAPE)
    specs = [feature_spec([table], SHAPE, 1000, has_regimes) for has_regimes in (True, False)]
    judged, calm = (feature_matrix(table, spec) for spec in specs)
    assert judged[:, REGIME].argmax(1).any()
    assert (calm[:, REGIME] == [1, 0, 0, 0]).all()
    rest = [column for column in range(18) if column not in range(10, 14)]
    assert (calm[:, rest] == judged[:, rest]).all()


def test_no_look_ahead():
    """What becomes of a packet is felt after its span only."""
    trace = drawn_trace(400)
    rows = trace.rows[trace.rows["direction"] == 0]
    table = packet_steps(rows, SHAPE)
    spec = feature_spec([table], SHAPE, 1000)
    before = feature_matrix(table, spec)
    changed = packet_steps(rows, SHAPE)
    at = 77
    changed.steps["drops"][at:] = 1 - changed.steps["drops"][at:]
    changed.steps["latency_ticks"][at:] *= 7
    after = feature_matrix(changed, spec)
    assert (before[: at + 1] == after[: at + 1]).all()
    assert (before != after).any()


POD_8 = m4.topology.clos(
    pods=8, racks=2, hosts=4, planes=2, spines=2,
    host_gbps=0.1, fabric_gbps=0.1, delay_ns=500_000,
)  # fmt: skip
POD_2 = m4.topology.clos(
    pods=2, racks=2, hosts=4, planes=2, spines=2,
    host_gbps=0.1, fabric_gbps=0.1, delay_ns=500_000,
)  # fmt: skip


@pytest.fixture(scope="module")
def pods():
    return [Pods.of(network, m4.topology.validate(network)) for network in (POD_2, POD_8)]


@settings(max_examples=30, deadline=None)
@given(pod=st.integers(1, 7), is_egress=st.booleans(), seed=st.integers(0, 2**16))
def test_the_number_of_pods_changes_nothing(pods, pod, is_egress, seed):
    """Packets that enter and leave at the same places of a pod of two and of one of eight."""
    rng = np.random.default_rng(seed)
    ends = rng.integers(8, size=20), rng.integers(4, size=20)
    roles = (HOST_UP, AGG_UP) if is_egress else (RACK_DOWN, CORE_DOWN)
    found = []
    for network, of_pod in zip(pods, (1, pod), strict=True):
        rows = rows_of(*((100 * n, 500 + n, 60) for n in range(20)))
        host, port = (
            network.link_local[network.links(role, of_pod)[end]]
            for role, end in zip(roles, ends, strict=True)
        )
        rows["host"] = host
        rows["agg"], rows["spine"] = np.divmod(port, 2)
        found.append(matrix_of(rows)[0])
    assert (found[0] == found[1]).all()


@given(st.lists(st.floats(0, 1e9), min_size=1, max_size=40), st.integers(2, 1000))
def test_discretizer(values, bins):
    values = np.array(values)
    of_values = Discretizer.of(values, bins)
    number = of_values.encode(values)
    assert (number >= 0).all()
    assert (number < bins).all()
    error = values - of_values.decode(number)
    assert (np.abs(error) <= of_values.step * (1 + 1e-9)).all()
    assert of_values.encode(np.array([values.min() - 1e10])) == 0
    assert of_values.encode(np.array([values.max() + 1e10])) == bins - 1


def test_targets():
    rows = rows_of((0, 100, 60), (10, -1, 1500), (20, 200, 1500), (30, 150, 1500))
    rows["kind"] = [1, 0, 0, 0]
    rows["marked_in"] = [False, False, True, False]
    rows["marked_out"] = [False, False, True, True]
    _, spec, table = matrix_of(rows)
    targets = targets_of(table.steps, spec)
    assert latency_bins(spec) == Discretizer(100.0, 10.0, 10)
    assert targets.is_delivered.tolist() == [True, False, True, True]
    assert targets.latency[targets.is_delivered].tolist() == pytest.approx([0, 0.9, 0.5])
    assert targets.drop.tolist() == [0, 1, 0, 0]
    assert targets.can_be_marked.tolist() == [False, False, False, True]
    assert targets.mark[3] == 1


def test_nothing_crosses():
    with pytest.raises(ConfigError, match=r"trace: expected packets that cross .* \(got none\)"):
        matrix_of(rows_of((0, -1, 60)))
