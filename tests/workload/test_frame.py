"""Flows from tables of somebody else's, and back."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import m4graph as m4
from m4graph.core.errors import TopologyError, WorkloadError
from m4graph.topology import from_networkx, star

NAMES = ("web-1", "web-2", "db")


def network(names=NAMES):
    graph = nx.Graph()
    graph.add_node("tor", kind="switch")
    for name in names:
        graph.add_node(name, kind="host")
        graph.add_edge(name, "tor", rate_bps="10Gbps", delay_ns="1us")
    return from_networkx(graph)


def table(**changes):
    columns = {
        "src": ["web-1", "web-2"],
        "dst": ["db", "web-1"],
        "size_bytes": [1e4, 2e4],
        "start_us": [1.5, 0.25],
        "tenant": ["red", "blue"],
    } | changes
    return pd.DataFrame({name: values for name, values in columns.items() if values is not None})


def rows(workload):
    columns = (workload.id, workload.src, workload.dst, workload.size_bytes, workload.start_ns)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def test_names_whole_floats_and_microseconds():
    workload = m4.Workload.from_frame(table(), network())
    assert rows(workload) == [(1, 1, 0, 20_000, 250), (0, 0, 2, 10_000, 1500)]


@pytest.mark.parametrize(
    ("column", "starts"),
    [
        ("start_ns", [1500.0, 250]),
        ("start_us", [1.5, 0.25]),
        ("start_ms", [0.0015, 0.00025]),
        ("start_s", [1.5e-6, 2.5e-7]),
    ],
)
def test_every_unit_of_time(column, starts):
    workload = m4.Workload.from_frame(table(**{"start_us": None, column: starts}), network())
    assert workload.start_ns.tolist() == [250, 1500]


def test_hosts_by_id():
    by_id = table(src=[0, 1], dst=[2.0, 0])
    assert rows(m4.Workload.from_frame(by_id, network())) == rows(
        m4.Workload.from_frame(table(), network())
    )
    assert m4.Workload.from_frame(by_id, star(num_hosts=3)).src.tolist() == [1, 0]


def test_numbers_are_labels_where_hosts_are_called_by_numbers():
    labelled = network((10, 20, 30))
    assert m4.Workload.from_frame(table(src=[10, 20], dst=[30, 10]), labelled).dst.tolist() == [
        0,
        2,
    ]
    with pytest.raises(WorkloadError, match=r"row 0, column dst: expected a host .*\(got '2'\)"):
        m4.Workload.from_frame(table(src=[10, 20], dst=[2, 10]), labelled)


class Streamed:
    """A frame that is known by the Arrow stream that it gives."""

    def __init__(self, frame):
        self._table = pa.table(frame)

    def __arrow_c_stream__(self, requested_schema=None):
        return self._table.__arrow_c_stream__(requested_schema)


@pytest.mark.parametrize("library", [pa.table, Streamed])
def test_frames_of_other_libraries(library):
    frame = table()
    assert rows(m4.Workload.from_frame(library(frame), network())) == rows(
        m4.Workload.from_frame(frame, network())
    )


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_files(tmp_path, ending):
    path = tmp_path / f"flows.{ending}"
    frame = table(src=[10, 20], dst=[30, 10])
    frame.to_csv(path, index=False) if ending == "csv" else frame.to_parquet(path)
    workload = m4.Workload.from_frame(path, network((10, 20, 30)))
    assert workload.dst.tolist() == [0, 2]
    path = tmp_path / f"bad.{ending}"
    frame = table(size_bytes=[1, 2.5])
    frame.to_csv(path, index=False) if ending == "csv" else frame.to_parquet(path)
    place = "line 3" if ending == "csv" else "row 1"
    with pytest.raises(WorkloadError, match=rf"bad.{ending}, {place}, column size_bytes: expected"):
        m4.Workload.from_frame(path, network())


def test_there_and_back():
    made = m4.workload.generate(network((7, 8, 9)), num_flows=50, seed=3)
    named = made.to_frame(network((7, 8, 9)))
    assert set(named["src"]) == {7, 8, 9}
    assert list(named) == ["id", "src", "dst", "size_bytes", "start_ns"]
    assert rows(m4.Workload.from_frame(named, network((7, 8, 9)))) == rows(made)
    assert rows(m4.Workload.from_frame(made.to_frame(), star(num_hosts=3))) == rows(made)


def test_ids_and_kept_columns():
    given = table(id=[7, 3], priority_group=[1, 2])
    workload = m4.Workload.from_frame(given, network())
    assert workload.id.tolist() == [3, 7]
    assert workload.to_frame()["priority_group"].tolist() == [2, 1]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"src": ["web-1", "web2"]}, r"frame, row 1, column src: .*'web2'\); did you mean 'web-2'"),
        ({"dst": ["db", "web-2"]}, "row 1, column dst: flow 1: expected another host than src"),
        ({"size_bytes": [0, 1]}, r"row 0, column size_bytes: flow 0: expected 1 byte or more"),
        ({"size_bytes": pd.array([1, None], dtype="Int64")}, r"row 1, .*integer .*an empty cell"),
        ({"start_us": [1, np.nan]}, r"row 1, column start_us: expected a finite number \(got nan"),
        ({"start_us": [1, -1.5]}, r"row 1, column start_us: flow 1: .* 0 or above \(got -1\.5\)"),
        ({"start_us": None, "start_s": [1, -2]}, r"column start_s: flow 1: .* \(got -2(\.0)?\)"),
        (
            {"start_us": [1, 1e17]},
            r"row 1, column start_us: .* before 4611686018427387 us \(got 1e",
        ),
        (
            {"start_us": None, "start_s": [1, 1e10]},
            r"start_s: .* before 4611686018 s \(got 1000",
        ),
        ({"start_us": None}, r"a start, one of start_ns, .* \(got src,dst,size_bytes,tenant\)"),
        ({"start_ns": [1, 2]}, r"a start, one of .* \(got start_ns,start_us\)"),
        ({"size_bytes": None, "size": [1, 2]}, r"a size, one of size_bytes, bytes \(got .*size"),
        ({"src": None}, r"frame: expected the columns src,dst,.* \(got dst,"),
        ({"id": [1, 1]}, "row 1, column id: flow 1: expected an id that no other flow has"),
    ],
)
def test_what_is_no_such_table(changes, message):
    with pytest.raises(WorkloadError, match=message):
        m4.Workload.from_frame(table(**changes), network())


def test_what_is_no_table_at_all():
    with pytest.raises(WorkloadError, match=r"a frame of pandas.* \(got int\)"):
        m4.Workload.from_frame(64, network())


def test_a_label_that_two_hosts_have():
    doubled = network()
    doubled.nodes[1]["label"] = "web-1"
    with pytest.raises(WorkloadError, match=r"different labels \(got two 'web-1'\)"):
        m4.Workload.from_frame(table(), doubled)


@pytest.mark.parametrize(
    ("cable", "rate_bps"),
    [({"rate_bps": 10e9}, 10**10), ({"rate_bps": "2.5 Gbps"}, 25 * 10**8), ({"gbps": 0.1}, 10**8)],
)
def test_rates_with_and_without_units(cable, rate_bps):
    graph = nx.Graph()
    graph.add_node("a", kind="host")
    graph.add_node("b", kind="host")
    graph.add_edge("a", "b", delay_ns="0.5us", **cable)
    assert from_networkx(graph).edges[0, 1] == {"rate_bps": rate_bps, "delay_ns": 500}


@pytest.mark.parametrize(
    ("cable", "message"),
    [
        ({"rate_bps": "10 GB"}, r"cable a-b, rate_bps: expected a rate such as .*\(got '10 GB'"),
        ({"rate_bps": 10**9, "delay_ns": "soon"}, r"cable a-b, delay_ns: expected a delay"),
        ({"delay_ns": 1}, r"cable 0 \('a'\)-1 \('b'\): expected rate_bps.*\(got None\)"),
    ],
)
def test_rates_that_are_none(cable, message):
    graph = nx.Graph()
    graph.add_node("a", kind="host")
    graph.add_node("b", kind="host")
    graph.add_edge("a", "b", **cable)
    with pytest.raises(TopologyError, match=message):
        from_networkx(graph)
