"""Topologies as the repositories of ns-3's RDMA models and collections of networks write them."""

from __future__ import annotations

from pathlib import Path

import networkx as nx
import pytest

import m4graph as m4
from m4graph.core.errors import ConfigError, TopologyError
from m4graph.topology import from_file, validate
from m4graph.topology.hpcc import read_hpcc_with_notes

DATA = Path(__file__).parents[1] / "data"
CASES, TOPOLOGIES = DATA / "cases", DATA / "topologies"
ABILENE = TOPOLOGIES / "abilene.gml"
HOSTS = {"hosts": "one per node"}


def rates_of(network):
    return {data["rate_bps"] for _, _, data in network.edges(data=True)}


def put(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_lines_after_the_links_are_left_out():
    path = CASES / "hpcc-topology-trailing-lines" / "topology.txt"
    network = from_file(path)
    assert sorted(network.edges) == [(0, 3), (1, 3), (2, 3)]
    assert rates_of(network) == {100 * 10**9}
    assert read_hpcc_with_notes(path)[1] == [f"{path}: 3 lines after the 3 links are left out"]


@pytest.mark.parametrize("count", [3, 4])
def test_a_rate_without_a_unit_is_in_bits(count):
    network = from_file(CASES / "bare-rate-powertcp" / f"topology-{count}-header.txt")
    assert validate(network).num_hosts == 3
    assert rates_of(network) == {25 * 10**9}


def test_a_file_without_an_ending(tmp_path):
    text = (CASES / "bare-rate-powertcp" / "topology-4-header.txt").read_text()
    assert len(from_file(put(tmp_path, "topology", text))) == 4
    text = text.replace("\n", "\r\n").replace(" ", "\t")
    assert len(from_file(put(tmp_path, "TOPOLOGY.TXT", "\ufeff" + text))) == 4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("8 4 1 1\n8 9\n", "line 2: expected each switch id once, below 8"),
        ("2147483647 0 1\n0 1 1e9 1us 0\n", "expected a link for each of 2147483647 hosts"),
        ("2 0 1\n0 1 1.5 1us 0\n", "line 2: expected a whole number of bit/s"),
    ],
)
def test_what_is_not_read_from_text_is_named(tmp_path, text, message):
    with pytest.raises(TopologyError, match=message):
        from_file(put(tmp_path, "Rail_8g", text))


def test_graphml_with_whole_numbers_of_type_double():
    network = from_file(CASES / "graphml-float" / "net.graphml")
    assert network.edges[0, 2] == {"rate_bps": 10**10, "delay_ns": 1000}
    assert all(isinstance(value, int) for value in network.edges[0, 2].values())


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("1e10", "1000.5", r"cable 0 .* expected rate_bps, an integer above 0 \(got 1000.5\)"),
        ("1e10", "9007199254740993", r"expected rate_bps"),
        ("</graph>", '</graph><graph edgedefault="undirected"/>', r"one graph .* \(got 2\)"),
        ('"undirected"', '"directed"', r"expected an undirected graph"),
        ("</graph>", '<edge source="a" target="s"/></graph>', r"'a'.*'s'.*: expected rate_bps"),
    ],
)
def test_graphml_that_is_refused(tmp_path, old, new, message):
    text = (CASES / "graphml-float" / "net.graphml").read_text()
    assert old in text
    with pytest.raises(TopologyError, match=message) as error:
        from_file(put(tmp_path, "net.graphml", text.replace(old, new, 1)))
    assert "\n" not in str(error.value)


def test_abilene():
    network = from_file(ABILENE, **HOSTS)
    arrays = validate(network)
    assert (arrays.num_hosts, arrays.num_nodes, arrays.num_links // 2) == (11, 22, 25)
    assert network.nodes[3]["label"] == network.nodes[14]["label"] == "Seattle"
    assert list(network.neighbors(3)) == [14]
    assert network.edges[3, 14] == {"rate_bps": 10**10, "delay_ns": 1000}
    assert network.edges[15, 17]["rate_bps"] == 622 * 10**6  # its LinkSpeedRaw
    assert network.edges[14, 15]["rate_bps"] == 10**10
    # Seattle and Sunnyvale are 1139 km apart, at 5 us a km.
    assert network.edges[14, 15]["delay_ns"] == pytest.approx(5000 * 1139, rel=2e-3)
    given = from_file(ABILENE, **HOSTS, gbps=40, delay_ns=7)
    assert rates_of(given) == {40 * 10**9, 622 * 10**6}
    assert {data["delay_ns"] for _, _, data in given.edges(data=True)} == {7}


def test_abilene_is_simulated(tmp_path):
    block = {"kind": "file", "file": str(ABILENE), **HOSTS}
    network = m4.topology.from_config(block)
    workload = m4.workload.generate(network, sizes="web_server", load=0.3, num_flows=50, seed=0)
    result = m4.simulate(m4.Scenario(network, workload, "newreno"), "fluid")
    assert result.num_finished == 50


def test_topohub():
    network = from_file(TOPOLOGIES / "three_towns.json", **HOSTS)
    assert network.nodes[1]["label"] == "Kraków"
    assert network.edges[3, 5]["delay_ns"] == round(284.3 * 5000)
    # Without dist, along the great circle: 486 km.
    assert network.edges[3, 4]["delay_ns"] == pytest.approx(486 * 5000, rel=5e-3)


def test_a_cable_that_is_too_long(tmp_path):
    text = (TOPOLOGIES / "three_towns.json").read_text(encoding="utf-8").replace("252.0", "1e308")
    with pytest.raises(TopologyError, match=r"'Kraków'.* expected delay_ns of at most"):
        from_file(put(tmp_path, "far.json", text), **HOSTS)


def test_labels_that_stand_there_twice_and_letters_beyond_ascii(tmp_path):
    text = ABILENE.read_text().replace("Sunnyvale", "Seattle").replace("Chicago", "Zürich")
    network = from_file(put(tmp_path, "NET.GML", text), **HOSTS)
    assert [network.nodes[host]["label"] for host in (1, 3, 4)] == ["Zürich", "Seattle", "Seattle"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("directed 0", "directed 1", "expected an undirected graph"),
        ("target 1\n", "target 2\n", "expected GML .*duplicated"),
        ("target 2\n", "target 1\n    multigraph 1\n", "expected GML"),
        ("Latitude 41.85", "x 1", "cable 0-1: expected the key delay_ns .* positions"),
        ("622000000.0", "1.5", r"expected rate_bps, an integer above 0 \(got 1.5\)"),
        ("graph [", "graph", "expected GML"),
        ("id 3", "id 2", "expected GML"),
    ],
)
def test_gml_that_is_refused(tmp_path, old, new, message):
    text = ABILENE.read_text()
    assert old in text
    with pytest.raises(TopologyError, match=message) as error:
        from_file(put(tmp_path, "net.gml", text.replace(old, new, 1)), **HOSTS)
    assert "\n" not in str(error.value)


def test_parallel_edges_of_gml_and_json(tmp_path):
    twice = ABILENE.read_text().replace("directed 0", "directed 0\n  multigraph 1")
    assert len(from_file(put(tmp_path, "one.gml", twice), **HOSTS)) == 22
    twice = twice.replace("target 2\n", "target 1\n", 1)
    arrays = validate(from_file(put(tmp_path, "two.gml", twice), **HOSTS))
    assert (arrays.num_nodes, arrays.parallel_number.max()) == (22, 1)
    graph = nx.MultiGraph([(0, 1), (0, 1)])
    text = str(nx.node_link_data(graph)).replace("'", '"').replace("True", "true")
    path = put(tmp_path, "two.json", text.replace("False", "false"))
    arrays = validate(from_file(path, **HOSTS, delay_ns=1))
    assert arrays.parallel_number.tolist() == [0, 0, 0, 0, 0, 0, 1, 1]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"hosts": "two"}, r"^hosts: expected 'one per node' \(got 'two'\)"),
        ({"gbps": 10}, r"^gbps: expected it beside hosts: one per node"),
        ({"delay_ns": 10}, r"^delay_ns: expected it beside hosts: one per node"),
        (HOSTS | {"gbps": 0}, r"^gbps: expected a rate in Gb/s above 0"),
        (HOSTS | {"delay_ns": -1}, r"^delay_ns: expected an integer of 0 or above"),
        (HOSTS | {"num_hosts": 12}, r"^num_hosts: expected 11, as in .*abilene.gml"),
    ],
)
def test_bad_keys(keys, message):
    with pytest.raises(ConfigError, match=message):
        from_file(ABILENE, **keys)


def test_a_file_with_hosts_gets_no_others():
    path = CASES / "graphml-float" / "net.graphml"
    with pytest.raises(ConfigError, match=r"^hosts: expected no such key, as .* has hosts"):
        from_file(path, **HOSTS)
