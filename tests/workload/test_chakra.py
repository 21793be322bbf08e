"""Chakra execution traces, written by the bytes of the format and read back."""

from __future__ import annotations

import gzip
import json
import struct

import numpy as np
import pytest

import m4graph as m4
from m4graph.core.errors import WorkloadError
from m4graph.workload import training_job
from m4graph.workload.programs import chakra_programs

COMPUTE, SEND, RECEIVE, COLLECTIVE = 4, 5, 6, 7


def varint(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def field(number, value):
    """A field of a message: bytes and text with their length, numbers as varints."""
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, bytes):
        return varint(number << 3 | 2) + varint(len(value)) + value
    return varint(number << 3) + varint(value)


NUMBERS = {"int32": 7, "int64": 9, "uint32": 11, "uint64": 13, "bool": 27, "string": 29}


def attribute(name, value, kind=None):
    kinds = {bool: "bool", str: "string", int: "int64"}
    number = NUMBERS[kind or kinds[type(value)]]
    return field(1, name) + field(number, int(value) if isinstance(value, bool) else value)


def encode(number, name, kind, deps=(), micros=0, **attributes):
    """A node; fields that are 0 are left out, as writers do."""
    parts = [field(1, number)] if number else []
    parts += [field(2, name), field(3, kind)]
    if deps:
        parts.append(field(5, b"".join(map(varint, deps))))
    if micros:
        parts.append(field(7, micros))
    parts += [field(10, attribute(key, value)) for key, value in attributes.items()]
    # Unknown fields are passed over: a time stamp, and a list of bools.
    parts += [field(6, 99), field(10, field(1, "involved_dim") + field(28, field(1, b"\x01\x00")))]
    return b"".join(parts)


def message(content):
    return varint(len(content)) + content


def write(folder, nodes_of_rank, zipped=False):
    """Traces of all ranks; a node is the arguments of :func:`encode`."""
    for rank, nodes in enumerate(nodes_of_rank):
        metadata = field(1, "0.0.4") + field(
            2, field(1, "x") + varint(3 << 3 | 1) + struct.pack("<d", 1.5)
        )
        content = message(metadata) + b"".join(message(encode(*a, **k)) for a, k in nodes)
        path = folder / f"trace.{rank}.et"
        path.write_bytes(gzip.compress(content) if zipped else content)
    return folder / "trace"


def node(*arguments, **attributes):
    return arguments, attributes


def layers():
    """Twice a computation and what follows, written backwards: nodes come in any order."""
    return [
        node(3, "grads", COLLECTIVE, [2], comm_type=7, comm_size=80_000),
        node(2, "backward", COMPUTE, [1], 70),
        node(1, "params", COLLECTIVE, [0], comm_type=2, comm_size=20_000),
        node(0, "forward", COMPUTE, [], 50),
    ]


@pytest.mark.parametrize("zipped", [False, True])
def test_the_same_job_as_in_yaml(tmp_path, zipped):
    from_traces = chakra_programs(write(tmp_path, [layers()] * 4, zipped))
    layer = {
        "forward_ns": 50_000,
        "forward": {"kind": "all_gather", "group": "dp", "size_bytes": 4 * 20_000},
        "weight_grad_ns": 70_000,
        "weight_grad": {"kind": "reduce_scatter", "group": "dp", "size_bytes": 80_000},
    }
    network = m4.topology.star(4, gbps=100)
    results = [
        m4.simulate_job(m4.Job(network, programs))
        for programs in (from_traces, training_job({"dp": 4}, [layer]))
    ]
    times = [result.collectives[["kind", "bytes", "start_ns", "end_ns"]] for result in results]
    assert times[0].equals(times[1])
    assert results[0].iteration_ns == results[1].iteration_ns > 120_000


def test_json_is_read_alike(tmp_path):
    nodes = [
        {"Id": 0, "Name": "forward", "NodeType": 4, "runtime": 50, "data_deps": []},
        {"Id": 1, "Name": "params", "NodeType": 7, "data_deps": [0], "comm_type": 2,
         "comm_size": 20_000},
        {"Id": 2, "Name": "backward", "NodeType": 4, "runtime": 70, "data_deps": [1]},
        {"Id": 3, "Name": "grads", "NodeType": 7, "data_deps": [2], "comm_type": 7,
         "comm_size": 80_000},
    ]  # fmt: skip
    for rank in range(4):
        (tmp_path / f"plain.{rank}.json").write_text(json.dumps({"workload_graph": nodes}))
    plain = chakra_programs(tmp_path / "plain")
    binary = chakra_programs(write(tmp_path, [layers()] * 4))
    for one, other in zip(plain.programs, binary.programs, strict=True):
        assert (one.names, one.operations) == (other.names, other.operations)
        for name in ("kind", "duration_ns", "slot", "operation", "after_ptr", "after"):
            assert np.array_equal(getattr(one, name), getattr(other, name))


def ring(rank):
    """Sends to the next rank, receives from the one before, then computes."""
    both = {"comm_size": 131_072, "comm_tag": 5}
    return [
        node(0, "send", SEND, comm_dst=(rank + 1) % 4, **both),
        node(1, "receive", RECEIVE, comm_src=(rank - 1) % 4, comm_dst=rank, **both),
        node(2, "reduce", COMPUTE, [1], 7),
        node(3, "load", COMPUTE, [], 3, is_cpu_op=True),
    ]  # fmt: skip


def test_a_collective_of_messages(tmp_path):
    programs = chakra_programs(write(tmp_path, [ring(rank) for rank in range(4)]))
    result = m4.simulate_job(m4.Job(m4.topology.star(4, gbps=100), programs))
    assert result.num_flows == 4
    assert result.iteration_ns == 7000 + result.collectives["end_ns"][0]
    assert (result.ranks["compute_ns"] == 7000).all()
    assert result.exposed_communication_ns["messages"] == result.iteration_ns - 7000


def test_the_cpu_works_beside_the_accelerator(tmp_path):
    nodes = [
        node(0, "launch", COMPUTE, [], 40, is_cpu_op=True),
        node(1, "next", COMPUTE, [], 40, is_cpu_op=True),
        node(2, "kernel", COMPUTE, [0], 30, is_cpu_op=False),
    ]
    programs = chakra_programs(write(tmp_path, [nodes] * 2))
    result = m4.simulate_job(m4.Job(m4.topology.star(2), programs))
    assert result.iteration_ns == 80_000
    assert result.compute_ns == 30_000


GROUPS = json.dumps([{"pg_name": "a", "ranks": [0, 1]}, {"pg_name": "b", "ranks": [2, 3]}])


def in_groups(rank, **more):
    name = "a" if rank < 2 else "b"
    return [node(0, "ar", COLLECTIVE, comm_size=1000, pg_name=name, **more)]


def test_groups(tmp_path):
    prefix = write(tmp_path, [in_groups(rank) for rank in range(4)])
    for given in ({"a": [0, 1], "b": [2, 3]}, tmp_path / "groups.json"):
        (tmp_path / "groups.json").write_text('{"a": [0, 1], "b": [2, 3]}')
        programs = chakra_programs(prefix, given)
        names = [next(iter(one.values())).ranks for one in programs.communicators]
        assert names == [(0, 1), (0, 1), (2, 3), (2, 3)]
    (program, *_) = programs.programs
    assert program.operations[0].kind == "all_reduce"  # whose number, 0, is left out


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ([node(0, "c", COMPUTE, [9], 1)], r"trace.0.et, node 0 \(c\): expected to wait for nodes"),
        ([node(0, "c", COLLECTIVE, comm_type=77)], r"node 0 \(c\): expected a comm_type of 0 to 9"),
        ([node(0, "c", COLLECTIVE, pg_name="z")], r"node 0 \(c\): expected a group that is known"),
        ([node(0, "c", COLLECTIVE, comm_size="much")], r"expected comm_size, an integer"),
        ([node(0, "s", SEND, comm_dst=0)], r"node 0 \(s\): expected a message of rank 0 and"),
        ([node(0, "a", COMPUTE), node(0, "b", COMPUTE)], "node 0: expected numbers of their own"),
        ([node(0, "a", COMPUTE, [1]), node(1, "b", COMPUTE, [0])], "in a circle"),
    ],
)
def test_bad_traces(tmp_path, nodes, message):
    prefix = write(tmp_path, [nodes, [node(0, "a", COMPUTE)]])
    with pytest.raises(WorkloadError, match=message) as error:
        chakra_programs(prefix)
    assert "\n" not in str(error.value)


def test_messages_that_nobody_receives(tmp_path):
    programs = chakra_programs(write(tmp_path, [[node(0, "s", SEND, comm_dst=1)], []]))
    with pytest.raises(WorkloadError, match=r"rank 1, step 0 of '0->1 tag 0': expected to receive"):
        m4.Job(m4.topology.star(2), programs)


def test_bad_files(tmp_path):
    prefix = write(tmp_path, [layers()] * 3)
    whole = (tmp_path / "trace.1.et").read_bytes()
    for damaged, problem in (
        (whole[:-3], "bytes of a node"),
        (whole + b"\xff\xff", "length of a node"),
        (b'{"nodes": []}', "a list of nodes, workload_graph"),
        (gzip.compress(whole)[:-9], "expected a trace to read"),
        (whole + message(b"\x0a"), "expected a node"),
    ):
        (tmp_path / "trace.1.et").write_bytes(damaged)
        with pytest.raises(WorkloadError, match=problem):
            chakra_programs(prefix)
    (tmp_path / "trace.1.et").unlink()
    with pytest.raises(WorkloadError, match=r"got none of rank 1\)"):
        chakra_programs(prefix)
    with pytest.raises(WorkloadError, match=r"expected traces other\.0\.et"):
        chakra_programs(tmp_path / "other")
