"""A scenario from its blocks, wherever they come from: messages name keys, and no file of ours."""

from __future__ import annotations

import pytest

from m4graph.core.errors import InputError
from m4graph.core.schema import KeyProblem
from m4graph.scenario.build import build_scenario
from m4graph.scenario.files import load_scenario

BLOCKS = {
    "topology": {"kind": "star", "num_hosts": 3},
    "workload": {"kind": "generated", "num_flows": 4},
    "congestion_control": "dctcp",
    "seed": 7,
}


def test_blocks_are_a_scenario():
    scenario = build_scenario(BLOCKS)
    assert (scenario.name, scenario.num_flows, scenario.seed) == ("scenario", 4, 7)
    assert build_scenario(BLOCKS, default_name="other").name == "other"
    assert build_scenario({**BLOCKS, "name": "own"}, default_name="other").name == "own"


def test_paths_are_relative_to_the_folder(tmp_path):
    flows = "id,src,dst,bytes,start_ns\n0,0,1,1000,0\n1,1,2,5000,10\n"
    (tmp_path / "flows.csv").write_text(flows)
    blocks = {**BLOCKS, "workload": {"file": "flows.csv"}}
    assert build_scenario(blocks, tmp_path).workload.size_bytes.tolist() == [1000, 5000]
    loop = {"kind": "closed_loop", "flows": {"file": "flows.csv"}, "limit_per_rack": 1}
    assert build_scenario({**BLOCKS, "workload": loop}, tmp_path).num_flows == 2
    with pytest.raises(InputError, match=r"flows\.csv"):
        build_scenario(blocks, tmp_path / "elsewhere")


def test_recorded_times_come_along_where_asked_for(tmp_path):
    workload = "id,src,dst,bytes,start_ns\n0,0,1,1000,0\n"
    (tmp_path / "flows.csv").write_text(workload)
    (tmp_path / "expected.csv").write_text("id,fct_ns,ideal_fct_ns\n0,4000,3676\n")
    blocks = {**BLOCKS, "workload": {"file": "flows.csv"}}
    assert build_scenario(blocks, tmp_path).expected is None
    assert build_scenario(blocks, tmp_path, with_expected=True).expected.fct_ns.tolist() == [4000]


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"topologie": {}}, "topologie"),
        ({"topology": {"kind": "star", "hosts": 3}}, "topology.hosts"),
        ({"workload": {"file": 3}}, "workload.file"),
        ({"network": {"pfc": 1}}, "network.pfc"),
        ({"routing": {"file": "routes.csv", "seed": 1}}, "routing.seed"),
        ({"seed": -1}, "seed"),
        ({"faults": [{"kind": "down", "link": [0, 9]}]}, "faults.0.link"),
    ],
)
def test_bad_keys(change, key):
    with pytest.raises(KeyProblem) as caught:
        build_scenario(BLOCKS | change)
    assert caught.value.key == key


def test_a_file_is_named_once(tmp_path):
    (tmp_path / "routes.csv").write_text("id,source_port,data_route,ack_route\n0,1,0-9-1,1-3-0\n")
    (tmp_path / "scenario.yaml").write_text(
        "topology: {kind: star, num_hosts: 3}\nworkload: {kind: generated, num_flows: 1}\n"
        "congestion_control: dctcp\nrouting: {file: routes.csv}\n"
    )
    with pytest.raises(InputError) as caught:
        load_scenario(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path / 'routes.csv'}")
    assert str(caught.value).count("routes.csv") == 1


WHOLE = {
    "topology": {
        "kind": "leaf_spine",
        "num_leaves": 2,
        "hosts_per_leaf": 3,
        "num_spines": 2,
        "host_gbps": 10,
        "delay_ns": 500,
    },
    "workload": {
        "kind": "generated",
        "num_flows": 40,
        "load": 1,
        "sizes": {"kind": "fixed", "size_bytes": 3000},
        "matrix": {"kind": "incast", "fan_in": 2, "dst": 4},
        "start_ns": 7,
        "seed": 3,
    },
    "network": {"payload_bytes": 1000, "buffer_bytes": 200_000, "ecn": {"kmin_bytes": 9000}},
    "congestion_control": {"kind": "dctcp", "init_window_bytes": 9000},
    "routing": {"kind": "ecmp", "seed": 5},
    "faults": [{"kind": "down", "link": [0, 6], "at_us": 5}],
    "seed": 2,
    "stop_us": 90,
}


def _in_floats(value):
    if isinstance(value, dict):
        return {name: _in_floats(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_in_floats(each) for each in value]
    return float(value) if isinstance(value, int) else value


def test_whole_floats_are_integers_everywhere():
    in_integers, in_floats = build_scenario(WHOLE), build_scenario(_in_floats(WHOLE))
    assert in_floats.workload.size_bytes.tolist() == in_integers.workload.size_bytes.tolist()
    assert in_floats.workload.start_ns.tolist() == in_integers.workload.start_ns.tolist()
    assert in_floats.workload.src.tolist() == in_integers.workload.src.tolist()
    assert in_floats.routes.data_links.tolist() == in_integers.routes.data_links.tolist()
    for name in ("config", "congestion_control", "seed", "faults", "stop_ns", "num_flows"):
        assert getattr(in_floats, name) == getattr(in_integers, name)


@pytest.mark.parametrize("hosts", [3.0, [0.0, 2.0]])
def test_hosts_of_a_collective_may_be_whole_floats(hosts):
    block = {"kind": "ring_all_reduce", "size_bytes": 3e5, "hosts": hosts}
    scenario = build_scenario({**BLOCKS, "workload": block})
    of_integers = {**block, "hosts": [0, 2] if isinstance(hosts, list) else 3}
    same = build_scenario({**BLOCKS, "workload": of_integers})
    assert scenario.workload.size_bytes.tolist() == same.workload.size_bytes.tolist()


@pytest.mark.parametrize(
    ("block", "key", "message"),
    [
        ("topology", "num_hosts", "expected an integer of 1 or above (got 2.5)"),
        ("workload", "num_flows", "expected an integer (got 2.5)"),
    ],
)
def test_fractions_are_no_integers(block, key, message):
    with pytest.raises(KeyProblem) as caught:
        build_scenario({**BLOCKS, block: {**BLOCKS[block], key: 2.5}})
    assert str(caught.value) == f"{block}.{key}: {message}"
