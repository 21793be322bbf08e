from __future__ import annotations

import re

import numpy as np
import pytest

import m4graph as m4
from m4graph.core.errors import InputError, WorkloadError
from m4graph.workload import ClosedLoopWorkload, Workload, closed_loop, from_config

HEADER = "id,src,dst,bytes,ready_ns,after,delay_ns\n"


def flows(*rows, **changes):
    """Rows ``(id, src, dst, size_bytes, ready_ns, after, delay_ns)``."""
    flow_id, src, dst, size_bytes, ready_ns, after, delay_ns = zip(*rows, strict=True)
    arguments = {
        "id": flow_id,
        "src": src,
        "dst": dst,
        "size_bytes": size_bytes,
        "ready_ns": ready_ns,
        "after_ptr": np.cumsum([0, *map(len, after)]),
        "after": np.array([flow for each in after for flow in each], np.int64),
        "delay_ns": delay_ns,
    }
    return ClosedLoopWorkload.from_arrays(**arguments | changes)


def waits(workload):
    """The ids that each flow waits for, by id."""
    rows = zip(workload.after_ptr[:-1], workload.after_ptr[1:], strict=True)
    return {
        int(flow): sorted(workload.id[workload.after[first:end]].tolist())
        for flow, (first, end) in zip(workload.id, rows, strict=True)
    }


@pytest.fixture
def workload():
    return flows(
        (7, 0, 1, 10, 5, [], 0),
        (3, 1, 2, 20, 5, [7, 9], 100),
        (9, 2, 0, 30, 0, [], 0),
        (4, 2, 1, 40, 0, [3], 0),
        limit_per_rack=2,
    )


def test_sorted_by_ready_time_and_id_with_dependencies_as_rows(workload):
    assert workload.id.tolist() == [4, 9, 3, 7]
    assert workload.size_bytes.tolist() == [40, 30, 20, 10]
    assert waits(workload) == {4: [3], 9: [], 3: [7, 9], 7: []}
    assert workload.after.tolist() == [2, 3, 1]
    assert workload.delay_ns.tolist() == [0, 0, 100, 0]
    assert not workload.after.flags.writeable


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_files_keep_everything(workload, tmp_path, ending):
    path = tmp_path / f"flows.{ending}"
    workload.to_csv(path)
    read = ClosedLoopWorkload.from_file(path, limit_per_rack=2, num_hosts=3)
    for name in ("id", "src", "dst", "size_bytes", "ready_ns", "after_ptr", "after", "delay_ns"):
        assert np.array_equal(getattr(read, name), getattr(workload, name)), name
    assert read.limit_per_rack == 2


def test_the_file_is_plain(workload, tmp_path):
    workload.to_csv(tmp_path / "flows.csv")
    lines = (tmp_path / "flows.csv").read_text().splitlines()
    assert lines == [HEADER.strip(), "4,2,1,40,0,3,0", "9,2,0,30,0,,0", "3,1,2,20,5,7-9,100",
                     "7,0,1,10,5,,0"]  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "line", "message"),
    [
        ("0,0,1,10,0,,0\n1,1,0,10,0,5,0\n", 3, "after: flow 1: .*ids of flows .*got 5"),
        ("0,0,1,10,0,,0\n1,1,0,10,0,1,0\n", 3, "after: flow 1: .*in a circle .got itself"),
        ("0,0,1,10,0,1,0\n1,1,0,10,0,0,0\n", 2, "after: flow 0: .*in a circle .got flow 1"),
        ("0,0,1,10,0,,7\n", 2, "delay_ns: flow 0: expected 0 for a flow that waits for none"),
        ("0,0,1,10,-1,,0\n", 2, "ready_ns: flow 0: expected 0 to "),
        ("0,0,1,0,0,,0\n", 2, "bytes: flow 0: expected 1 byte"),
        ("0,0,1,10,0,1;2,0\n", 2, "after: expected flow ids joined by '-'.*got '1;2'"),
        ("0,0,1,10,0,-1,0\n", 2, "after: expected flow ids joined by '-'.*got '-1'"),
        ("0,0,1,10,0,,0\n0,1,0,10,0,,0\n", 3, "id: flow 0: expected an id that no other"),
        ("0,0,9,10,0,,0\n", 2, "dst: flow 0: expected a host in 0 .. 2"),
    ],
)
def test_bad_files_name_the_line(tmp_path, rows, line, message):
    (tmp_path / "flows.csv").write_text(HEADER + rows)
    with pytest.raises(WorkloadError, match=rf"flows\.csv, line {line}, column {message}"):
        ClosedLoopWorkload.from_file(tmp_path / "flows.csv", num_hosts=3)


def test_a_long_circle_is_found():
    rows = [(i, i % 2, 1 - i % 2, 10, 0, [(i + 1) % 50], 0) for i in range(50)]
    rows.append((50, 0, 1, 10, 0, [0], 0))
    with pytest.raises(WorkloadError, match="in a circle"):
        flows(*rows)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"after_ptr": [0, 1]}, "after_ptr: expected 3 pointers that rise from 0 to 1"),
        ({"after_ptr": [0, 2, 1]}, "after_ptr: expected 3 pointers"),
        ({"limit_per_rack": 0}, "limit_per_rack: expected an integer of 1 or above"),
        ({"delay_ns": [0]}, "expected columns of one length"),
        ({"delay_ns": [0, 0.5]}, "delay_ns: expected int64"),
        ({"ready_ns": [0, 2**62]}, "ready_ns: flow 1: expected 0 to"),
    ],
)
def test_bad_arrays(changes, message):
    with pytest.raises(InputError, match=message):
        flows((0, 0, 1, 10, 0, [], 0), (1, 1, 0, 10, 0, [0], 0), **changes)


def test_starts_are_refused_in_one_line(workload):
    with pytest.raises(WorkloadError, match="expected an open-loop workload"):
        workload.start_ns  # noqa: B018


def test_no_flows():
    none = np.zeros(0, np.int64)
    empty = ClosedLoopWorkload.from_arrays(none, none, none, none, none, [0], none, none)
    assert empty.num_flows == 0


def test_open_loop_flows_with_a_limit():
    opened = Workload.from_arrays([5, 2, 3], [0, 0, 1], [1, 1, 0], [10, 20, 30], [40, 7, 7])
    kept = closed_loop(opened, limit_per_rack=3)
    assert (kept.id.tolist(), kept.ready_ns.tolist()) == ([2, 3, 5], [7, 7, 40])
    backlog = closed_loop(opened, limit_per_rack=3, backlog=True)
    assert (backlog.id.tolist(), backlog.ready_ns.tolist()) == ([2, 3, 5], [7, 7, 7])
    assert len(kept.after) == 0


NETWORK = m4.topology.star(num_hosts=4, gbps=10, delay_ns=1000)
FIXED = {"kind": "fixed", "size_bytes": 100}


@pytest.mark.parametrize(
    ("block", "num_flows", "limit"),
    [
        ({"kind": "closed_loop", "flows": {"kind": "generated", "num_flows": 9}}, 9, None),
        ({"kind": "ring_all_reduce", "size_bytes": 400, "limit_per_rack": 3}, 24, 3),
        ({"kind": "ring_all_reduce", "size_bytes": 40, "hosts": 3, "num_rounds": 2}, 24, None),
        ({"kind": "tree_all_reduce", "size_bytes": 40, "hosts": [3, 1], "num_chunks": 4}, 8, None),
        ({"kind": "all_to_all", "size_bytes": 40, "window": 2}, 12, None),
        (
            {
                "kind": "request_response",
                "clients": [0],
                "request_sizes": FIXED,
                "response_sizes": "web_server",
                "num_exchanges": 5,
            },
            10,
            None,
        ),
    ],
)
def test_blocks(block, num_flows, limit):
    workload = from_config(block, NETWORK, seed=1)
    assert isinstance(workload, ClosedLoopWorkload)
    assert (workload.num_flows, workload.limit_per_rack) == (num_flows, limit)


GENERATED = {"kind": "generated", "num_flows": 9}


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ({"kind": "closed_loop"}, "workload: expected one of the keys flows, file (got neither)"),
        (
            {"kind": "closed_loop", "flows": GENERATED, "file": "x.csv"},
            "workload: expected one of the keys flows, file (got both)",
        ),
        (
            {"kind": "closed_loop", "flows": GENERATED, "limit_per_rack": 0},
            "workload.limit_per_rack: expected at least 1 (got 0)",
        ),
        (
            {"kind": "closed_loop", "flows": GENERATED | {"load": 2}},
            "workload.flows.load: expected at most 1",
        ),
        (
            {"kind": "closed_loop", "flows": {"kind": "closed_loop", "flows": GENERATED}},
            "workload.flows.kind: expected a kind of open-loop flows (got 'closed_loop')",
        ),
        (
            {"kind": "closed_loop", "flows": {}},
            "workload.flows.kind: missing key: ",
        ),
        (
            {"kind": "closed_loop", "file": "x.csv", "backlog": True},
            "workload.backlog: expected it with flows",
        ),
        ({"kind": "ring_all_reduce"}, "workload.size_bytes: missing key"),
        (
            {"kind": "ring_all_reduce", "size_bytes": 9, "hosts": 5},
            "workload.hosts: expected 1 to 4 hosts (got 5)",
        ),
        (
            {"kind": "ring_all_reduce", "size_bytes": 9, "hosts": [0, 4]},
            "workload.hosts: expected hosts in 0 .. 3 (got 4)",
        ),
        (
            {"kind": "ring_all_reduce", "size_bytes": 9, "hosts": "all"},
            "workload.hosts: expected a number of hosts, or a list of their ids (got 'all')",
        ),
        ({"kind": "all_to_all", "size_bytes": 9, "chunks": 2}, "workload.chunks: unknown key"),
    ],
)
def test_bad_blocks(block, message):
    with pytest.raises(InputError, match=re.escape(message)):
        from_config(block, NETWORK)
