from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

import m4graph as m4
from m4graph.core.errors import InputError
from m4graph.core.yaml_file import Override, read_yaml
from m4graph.scenario.expected import read_expected, write_expected
from m4graph.topology import validation

SCENARIOS = Path(__file__).parents[1] / "data" / "scenarios"
STAR = SCENARIOS / "a01_idle_star_dctcp"
FAT_TREE = SCENARIOS / "a02_idle_fattree_k4_dctcp"

GENERATED = """\
topology: {kind: fat_tree, k: 4, host_gbps: 10, fabric_gbps: 40, delay_ns: 1000}
workload: {kind: generated, sizes: web_server, load: 0.3, num_flows: 50}
congestion_control: dctcp
seed: 3
"""

ROUTE_ARRAYS = ("source_port", "data_ptr", "data_links", "ack_ptr", "ack_links")


def assert_same(one, other):
    """Equal in every bit that a simulator sees."""
    for name in ("link_src", "link_dst", "link_rate_bps", "link_delay_ns"):
        assert np.array_equal(getattr(one.arrays, name), getattr(other.arrays, name))
    assert one.arrays.num_hosts == other.arrays.num_hosts
    for name in ("id", "src", "dst", "size_bytes", "start_ns"):
        assert np.array_equal(getattr(one.workload, name), getattr(other.workload, name))
    for name in ROUTE_ARRAYS:
        assert np.array_equal(getattr(one.routes, name), getattr(other.routes, name))
    assert one.congestion_control == other.congestion_control
    assert one.config == other.config
    assert (one.seed, one.name) == (other.seed, other.name)


def test_a_reference_folder():
    scenario = m4.load_scenario(STAR)
    assert scenario.name == "a01_idle_star_dctcp"
    assert scenario.arrays.num_hosts == 2
    assert scenario.workload.num_flows == 13
    assert scenario.congestion_control.model_dump() == {
        "kind": "dctcp",
        "init_window_bytes": 18_000,
        "variable_window": True,
        "min_rate_mbps": 1000.0,
        "ack_priority": True,
        "gain": 0.0625,
        "additive_increase_mbps": 615.0,
        "retransmit_timeout_us": None,
        "retransmit_limit": 100,
    }
    assert scenario.expected.fct_ns[4] == 3715
    assert scenario.expected.ideal_fct_ns[4] == 3714


def test_file_and_folder_are_the_same():
    assert_same(m4.load_scenario(STAR), m4.load_scenario(STAR / "scenario.yaml"))


def test_routes_of_the_file_are_those_of_ecmp():
    given = m4.load_scenario(FAT_TREE)
    found = m4.load_scenario(FAT_TREE, [("routing", "{kind: ecmp}")])
    for name in ROUTE_ARRAYS:
        assert np.array_equal(getattr(given.routes, name), getattr(found.routes, name))


@pytest.mark.parametrize("tables", ["csv", "parquet"])
@pytest.mark.parametrize("folder", [STAR, FAT_TREE, None], ids=["star", "fat_tree", "generated"])
def test_what_is_saved_is_loaded(tmp_path, folder, tables):
    if folder is None:
        folder = tmp_path / "generated.yaml"
        folder.write_text(GENERATED)
    scenario = m4.load_scenario(folder)
    m4.save_scenario(scenario, tmp_path / "saved", tables)
    back = m4.load_scenario(tmp_path / "saved")
    assert_same(scenario, back)
    if scenario.expected is None:
        assert back.expected is None
    else:
        assert np.array_equal(scenario.expected.fct_ns, back.expected.fct_ns)
        assert np.array_equal(scenario.expected.ideal_fct_ns, back.expected.ideal_fct_ns)
    # Resolved is resolved: writing it again gives the same bytes.
    m4.save_scenario(back, tmp_path / "again", tables)
    text = (tmp_path / "saved" / "scenario.yaml").read_text()
    assert (tmp_path / "again" / "scenario.yaml").read_text() == text
    assert "csv" not in text or tables == "csv"


def test_generated_blocks(tmp_path):
    path = tmp_path / "generated.yaml"
    path.write_text(GENERATED)
    scenario = m4.load_scenario(path)
    assert scenario.name == "generated"
    assert scenario.arrays.num_hosts == 16
    assert scenario.workload.num_flows == 50
    # The workload's seed is the scenario's, unless it has one.
    same = m4.load_scenario(path, [("workload.seed", "3"), ("seed", "0")])
    other = m4.load_scenario(path, [("seed", "4")])
    assert np.array_equal(same.workload.start_ns, scenario.workload.start_ns)
    assert not np.array_equal(other.workload.start_ns, scenario.workload.start_ns)
    direct = m4.workload.generate(
        m4.topology.fat_tree(4), sizes="web_server", load=0.3, num_flows=50, seed=3
    )
    assert np.array_equal(direct.size_bytes, scenario.workload.size_bytes)


def test_overrides():
    overrides = [
        Override("network.pfc", "false"),
        Override("network.ecn.pmax", "0.5"),
        Override("congestion_control.init_window_bytes", "null"),
        Override("name", "other"),
        Override("seed", "9"),
    ]
    scenario = m4.load_scenario(STAR, overrides)
    assert scenario.config.pfc is False
    assert scenario.config.ecn.pmax == 0.5
    assert scenario.config.ecn.kmin_bytes == 30_000
    assert scenario.congestion_control.init_window_bytes is None
    assert (scenario.name, scenario.seed) == ("other", 9)
    # Recorded times hold for the scenario as it stands in the file.
    assert scenario.expected is None


def test_no_window_survives_saving(tmp_path):
    scenario = m4.load_scenario(STAR, [("congestion_control.init_window_bytes", "null")])
    m4.save_scenario(scenario, tmp_path)
    assert m4.load_scenario(tmp_path).congestion_control.init_window_bytes is None


def test_paths_are_relative_to_the_scenario(tmp_path, monkeypatch):
    shutil.copytree(STAR, tmp_path / "star")
    (tmp_path / "size.csv").write_text("bytes,cdf_percent\n500,100\n")
    (tmp_path / "star" / "scenario.yaml").write_text(
        "topology: {file: topology.csv, num_hosts: 2}\n"
        "workload: {kind: generated, num_flows: 2, sizes: {kind: file, file: ../size.csv}}\n"
        "congestion_control: dctcp\n"
    )
    (tmp_path / "star" / "expected.csv").unlink()
    monkeypatch.chdir("/")
    scenario = m4.load_scenario(tmp_path / "star")
    assert scenario.workload.size_bytes.tolist() == [500, 500]
    assert scenario.name == "star"


def test_odd_names_survive_saving(tmp_path):
    for name in ("yes", "1e5", "a: b", "ü", "null", "#x", "0x1"):
        m4.save_scenario(m4.load_scenario(STAR).replace(name=name), tmp_path)
        assert m4.load_scenario(tmp_path).name == name


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_recorded_times_of_flows_that_did_not_finish(tmp_path, ending):
    scenario = m4.load_scenario(STAR)
    fct_ns = scenario.expected.fct_ns.copy()
    fct_ns[3] = -1
    path = tmp_path / f"expected.{ending}"
    times = m4.ExpectedTimes(fct_ns, scenario.expected.ideal_fct_ns)
    write_expected(path, times, scenario.workload)
    back = read_expected(path, scenario.workload)
    assert back.fct_ns.tolist() == fct_ns.tolist()
    assert back.ideal_fct_ns.tolist() == times.ideal_fct_ns.tolist()


def test_recorded_times_that_are_no_parquet(tmp_path):
    path = tmp_path / "expected.parquet"
    path.write_text("id,fct_ns,ideal_fct_ns\n")
    with pytest.raises(InputError, match=r"expected\.parquet: expected a Parquet file"):
        read_expected(path, m4.load_scenario(STAR).workload)


@pytest.mark.parametrize(
    ("scenario", "times"),
    [
        ("topology: {kind: fat_tree, k: 4}\nworkload: {kind: all_to_all, size_bytes: 9}", 1),
        ("topology: {kind: fat_tree, k: 4}\nworkload: {kind: generated, num_flows: 9}", 2),
    ],
)
def test_a_network_is_validated_where_it_comes_in_and_not_again(
    tmp_path, monkeypatch, scenario, times
):
    seen = []
    check = validation._check_node_ids
    monkeypatch.setattr(validation, "_check_node_ids", lambda graph: (seen.append(1), check(graph)))
    (tmp_path / "s.yaml").write_text(scenario + "\ncongestion_control: dctcp\n")
    m4.save_scenario(m4.load_scenario(tmp_path / "s.yaml"), tmp_path / "out")
    assert len(seen) == times


def test_a_changed_network_is_validated_again():
    network = m4.topology.star(3)
    scenario = m4.Scenario(network, m4.workload.generate(network, num_flows=3), "dctcp")
    network.edges[0, 3]["rate_bps"] = 0
    with pytest.raises(InputError, match="cable 0-3: expected rate_bps"):
        scenario.replace(seed=1)


def test_kinds_are_forgiven_their_spelling_and_recorded_in_one(tmp_path):
    (tmp_path / "s.yaml").write_text(
        "topology: {kind: Fat-Tree, k: 4}\n"
        "workload: {kind: Generated, sizes: {kind: PARETO, mean_bytes: 20000}, matrix: Uniform}\n"
        "routing: {kind: ECMP, seed: 3}\n"
        "network: {queue: {kind: Drop-Tail}}\n"
        "congestion_control: {kind: New-Reno}\n"
        "faults: [{kind: SLOW, link: [0, 16], factor: 0.5}]\n"
    )
    m4.save_scenario(m4.load_scenario(tmp_path / "s.yaml"), tmp_path / "out")
    blocks = read_yaml(tmp_path / "out" / "scenario.yaml")
    found = blocks["routing"], blocks["network"]["queue"], blocks["congestion_control"]
    assert [block["kind"] for block in found] == ["ecmp", "drop_tail", "newreno"]
    assert [fault["kind"] for fault in blocks["faults"]] == ["slow"]
