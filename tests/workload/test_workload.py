"""Flow tables: order, types, files, and every rule."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from m4graph.core.errors import WorkloadError
from m4graph.workload import Workload

HEADER = "id,src,dst,bytes,start_ns\n"
FIELDS = ("id", "src", "dst", "size_bytes", "start_ns")


def columns(**changes):
    good = {"id": [4, 2], "src": [0, 1], "dst": [1, 0], "size_bytes": [10, 1], "start_ns": [5, 5]}
    return good | changes


def test_rows_are_sorted_by_start_then_id():
    workload = Workload.from_arrays(
        id=[9, 5, 3, 1], src=[0, 1, 2, 3], dst=[1, 2, 3, 0], size_bytes=[1, 2, 3, 4],
        start_ns=[0, 7, 7, 8],
    )  # fmt: skip
    assert workload.id.tolist() == [9, 3, 5, 1]
    assert workload.src.tolist() == [0, 2, 1, 3]
    assert workload.size_bytes.tolist() == [1, 3, 2, 4]
    assert workload.num_flows == 4


def test_arrays_have_their_types_and_are_read_only():
    given = {name: np.array(values, dtype=np.int16) for name, values in columns().items()}
    workload = Workload.from_arrays(**given)
    dtypes = [getattr(workload, name).dtype.name for name in FIELDS]
    assert dtypes == ["int64", "int32", "int32", "int64", "int64"]
    for name in FIELDS:
        with pytest.raises(ValueError, match="read-only"):
            getattr(workload, name)[0] = 0
    given["id"][0] = 100
    assert workload.id.tolist() == [2, 4]


@given(st.permutations(range(6)))
def test_order_of_rows_does_not_matter(order):
    table = np.array([[3, 1, 2, 9, 0], [1, 0, 1, 9, 7], [7, 2, 0, 9, 7], [0, 0, 2, 9, 7],
                      [2, 2, 1, 9, 1], [5, 1, 0, 9, 2]])  # fmt: skip
    workload = Workload.from_arrays(*table[list(order)].T)
    assert workload.id.tolist() == [3, 2, 5, 0, 1, 7]
    assert workload.dst.tolist() == [2, 1, 0, 2, 1, 0]


def test_no_flows_are_a_workload():
    assert Workload.from_arrays([], [], [], [], []).num_flows == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"id": [4, 4]}, r"workload, id: flow 4: expected an id that no other flow has"),
        ({"id": [4, -1]}, r"workload, id: flow -1: expected an id of 0 or above"),
        ({"src": [0, -1]}, r"workload, src: flow 2: expected a host in 0 .. 1 \(got -1\)"),
        ({"src": [0, 2]}, r"workload, src: flow 2: expected a host in 0 .. 1 \(got 2\)"),
        ({"dst": [2, 0]}, r"workload, dst: flow 4: expected a host in 0 .. 1 \(got 2\)"),
        ({"dst": [0, 0]}, r"workload, dst: flow 4: expected another host than src \(got 0\)"),
        ({"size_bytes": [1, 0]}, r"size_bytes: flow 2: expected 1 byte or more \(got 0\)"),
        ({"start_ns": [-1, 0]}, r"start_ns: flow 4: expected a time of 0 or above \(got -1\)"),
        ({"start_ns": [0]}, "expected columns of one length"),
        ({"size_bytes": [1.0, 2.0]}, r"size_bytes: expected int64 \(got float64\)"),
        ({"size_bytes": np.array([1, 2**63], np.uint64)}, "size_bytes: expected int64"),
        ({"id": [[4, 2]]}, r"id: expected one dimension \(got 2\)"),
    ],
)
def test_bad_flows_are_named(changes, message):
    with pytest.raises(WorkloadError, match=message):
        Workload.from_arrays(**columns(**changes), num_hosts=2)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_what_is_written_is_read(tmp_path, ending):
    random = np.random.default_rng(0)
    workload = Workload.from_arrays(
        random.permutation(50), np.arange(50), np.arange(1, 51),
        random.integers(1, 2**63 - 1, 50), random.integers(0, 10, 50),
    )  # fmt: skip
    path = tmp_path / f"flows.{ending}"
    workload.to_csv(path)
    again = Workload.from_file(path, num_hosts=51)
    for name in FIELDS:
        assert np.array_equal(getattr(again, name), getattr(workload, name))


def test_csv_text_is_that_of_the_contract(tmp_path):
    path = tmp_path / "flows.csv"
    Workload.from_arrays(**columns()).to_csv(path)
    assert path.read_text() == HEADER + "2,1,0,1,5\n4,0,1,10,5\n"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("8,0,32,5,0", r"flows.csv, line 3, column dst: flow 8: expected a host in 0 .. 31"),
        ("8,0,1,0,0", r"flows.csv, line 3, column bytes: flow 8: expected 1 byte or more"),
        ("8,0,1,1.5,0", r"flows.csv, line 3, column bytes: expected an integer"),
        ("7,0,1,1,0", r"flows.csv, line 3, column id: flow 7: expected an id that no other"),
    ],
)
def test_bad_rows_of_a_file_are_named(tmp_path, row, message):
    path = tmp_path / "flows.csv"
    path.write_text(f"{HEADER}7,0,1,5,0\n{row}\n")
    with pytest.raises(WorkloadError, match=message):
        Workload.from_file(path, num_hosts=32)
