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
