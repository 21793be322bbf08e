from __future__ import annotations

import json

import networkx as nx
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from m4graph.core.errors import ConfigError, TopologyError
from m4graph.topology import (
    NetworkArrays,
    clos,
    dumbbell,
    fat_tree,
    from_file,
    star,
    to_csv,
    to_hpcc,
    validate,
)

DUMBBELL = "a,b,gbps,delay_ns\n0,2,10,1000\n1,3,10,1000\n2,3,2.5,500\n"


def assert_same(one: NetworkArrays, other: NetworkArrays) -> None:
    assert (one.num_hosts, one.num_nodes) == (other.num_hosts, other.num_nodes)
    for name in ("link_src", "link_dst", "link_rate_bps", "link_delay_ns"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


@pytest.fixture
def put(tmp_path):
    def write(text: str | bytes, name: str = "net.csv"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def test_csv_by_hand(put, tmp_path):
    graph = from_file(put(DUMBBELL), num_hosts=2)
    assert graph.graph["name"] == "net"
    assert dict(graph.nodes(data="kind")) == {0: "host", 1: "host", 2: "switch", 3: "switch"}
    assert graph.edges[2, 3] == {"rate_bps": 2_500_000_000, "delay_ns": 500}
    to_csv(graph, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == DUMBBELL


def test_order_of_rows_columns_and_ends_does_not_matter(put):
    text = "\ufeffdelay_ns, gbps,b,a\r\n500,2.5,2,3\r\n\r\n1000,1e1,1,3\r\n1000,10.0,2,0\r\n"
    assert_same(
        validate(from_file(put(text), num_hosts=2)),
        validate(from_file(put(DUMBBELL, "other.csv"), num_hosts=2)),
    )


NETWORKS = [
    fat_tree(4),
    star(2, gbps=0.1, delay_ns=0),
    dumbbell(1, 1, host_gbps=123.456789012, bottleneck_gbps=1e-9),
    clos(2, 2, 2, 2, 2),
]


@pytest.mark.parametrize("ending", ["csv", "parquet", "txt", "graphml", "json"])
@pytest.mark.parametrize("graph", NETWORKS, ids=lambda graph: graph.graph["name"])
def test_every_format_gives_the_network_back(graph, ending, tmp_path):
    path = tmp_path / f"net.{ending}"
    if ending == "txt":
        to_hpcc(graph, path)
    elif ending == "graphml":
        nx.write_graphml(graph, path)
    elif ending == "json":
        path.write_text(node_link(graph))
    else:
        to_csv(graph, path)
    num_hosts = validate(graph).num_hosts
    again = from_file(path, num_hosts=num_hosts)
    assert_same(validate(again), validate(graph))
    if ending in ("graphml", "json"):
        assert again.graph["name"] == graph.graph["name"]
        assert again.nodes[0]["rack"] == 0


def node_link(graph: nx.Graph) -> str:
    return json.dumps(nx.node_link_data(graph))


def test_hpcc_text_by_hand(put):
    # Switches may have any id: here 0 is the switch, and hosts are 1 and 2.
    text = "3 1 2\n0\n\n1 0 25Gbps 0.001ms 0\n0 2 100Mbps 500ns 0.000000\n"
    graph = from_file(put(text, "topology.txt"))
    assert [graph.nodes[node]["label"] for node in range(3)] == [1, 2, 0]
    assert graph.edges[0, 2] == {"rate_bps": 25 * 10**9, "delay_ns": 1000}
    assert graph.edges[1, 2] == {"rate_bps": 10**8, "delay_ns": 500}


def test_hpcc_text_written(tmp_path):
    to_hpcc(dumbbell(1, 1, bottleneck_gbps=2.5), tmp_path / "t.txt")
    assert (tmp_path / "t.txt").read_text() == (
        "4 2 3\n2 3\n0 2 10Gbps 1000ns 0\n1 3 10Gbps 1000ns 0\n2 3 2.5Gbps 1000ns 0\n"
    )


def test_graphml_with_names(put):
    graph = nx.Graph()
    graph.add_node("s", kind="switch")
    graph.add_nodes_from(("x", "y"), kind="host")
    graph.add_edges_from([("s", "x"), ("y", "s")], gbps=40, delay_ns=3)
    text = "\n".join(nx.generate_graphml(graph))
    again = from_file(put(text, "net.graphml"))
    assert [again.nodes[node]["label"] for node in range(3)] == ["x", "y", "s"]
    assert again.edges[0, 2] == {"rate_bps": 40 * 10**9, "delay_ns": 3}


ROW = "a,b,gbps,delay_ns\n0,2,10,1000\n1,2,"
STAR_JSON = '{"nodes": [{"id": 0, "kind": "host"}, {"id": 1, "kind": "switch"}], "edges": '


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("n.csv", "", "expected the columns a,b,gbps,delay_ns (got none)"),
        ("n.csv", "a,b,rate,delay_ns\n", "(got a,b,rate,delay_ns)"),
        ("n.csv", ROW, "n.csv, line 3, column gbps: expected a finite number (got an empty cell)"),
        ("n.csv", ROW + "10,1.5", "line 3, column delay_ns: expected an integer of 64 bits"),
        ("n.csv", ROW + "10,-1", "line 3, column delay_ns: expected an integer from 0 to"),
        ("n.csv", ROW + "fast,1", "line 3, column gbps: expected a finite number (got 'fast')"),
        ("n.csv", ROW + ",1", "line 3, column gbps: expected a finite number (got an empty"),
        ("n.csv", ROW + "0,1", "line 3, column gbps: expected a rate in Gb/s above 0"),
        ("n.csv", ROW + "nan,1", "line 3, column gbps: expected a finite number"),
        ("n.csv", ROW + "1e-10,1", "line 3, column gbps: expected a rate in Gb/s above 0"),
        ("n.csv", ROW + "10,1\n3,x,10,1", "line 4, column b: expected an integer"),
        ("n.csv", ROW + "10,1\n2,4,10,1", "n.csv: node 3: expected ids 0 to 3 without a gap"),
        ("n.csv", "a,b,gbps,delay_ns\n0,2,1,1\n", "n.csv: host 1: expected a cable (got none)"),
        ("n.csv", b"\xff\xfe\x00", "n.csv: expected a CSV file in UTF-8 (got"),
        ("n.parquet", "no", "n.parquet: expected a Parquet file"),
        ("n.txt", "", "n.txt, line 1: expected num_nodes num_switches num_links (got [])"),
        ("n.txt", "3 1\n", "line 1: expected num_nodes num_switches num_links"),
        (
            "n.txt",
            "3 x 2\n",
            "line 1, num_switches: expected an integer of 0 to 2147483647 (got",
        ),
        ("n.txt", "3 1 2\n3\n", "line 2: expected each switch id once, below 3 (got 3)"),
        ("n.txt", "3 2 2\n2 2\n", "line 2: expected each switch id once, below 3 (got 2)"),
        ("n.txt", "3 2 2\n2\n", "n.txt: expected 2 switch ids (got 1)"),
        ("n.txt", "3 1 2\n2\n0 2 1Gbps 1ns 0\n", "n.txt: expected 2 lines of links (got 1)"),
        ("n.txt", "3 1 1\n2\n0 2 1Gbps 1ns\n", "line 3: expected node node rate delay"),
        ("n.txt", "3 1 1\n2\n0 3 1Gbps 1ns 0\n", "line 3: expected a link between nodes"),
        ("n.txt", "3 1 1\n2\n0 2 1Gbit 1ns 0\n", "line 3: expected a rate such as '10Gbps'"),
        ("n.txt", "3 1 1\n2\n0 2 1Gbps 1m 0\n", "line 3: expected a delay such as '1000ns'"),
        ("n.txt", "3 1 1\n2\n0 2 1Gbps 1ns .1\n", "line 3: expected the error rate 0"),
        ("n.txt", "3 1 1\n2\n0 2 1Gbps 1ns x\n", "line 3: expected the error rate 0"),
        ("n.txt", "3 1 1\n2\n0 2 0Gbps 1ns 0\n", "cable 0-2: expected rate_bps"),
        ("n.graphml", "<graph", "n.graphml: expected GraphML"),
        ("n.graphml", "<x></x>", "n.graphml: expected GraphML"),
        ("n.json", "[", "n.json: expected JSON (got"),
        ("n.json", "[]", "n.json: expected a JSON object (got list)"),
        ("n.json", "{}", "n.json, nodes: expected a list of objects (got None)"),
        ("n.json", '{"directed": true}', "n.json: expected an undirected graph"),
        ("n.json", '{"nodes": [{}]}', "n.json, nodes[0], id: expected a number or a string"),
        ("n.json", '{"nodes": [{"id": 1}, {"id": 1}]}', "nodes[1]: expected a new id (got 1"),
        ("n.json", STAR_JSON + "3}", "n.json, edges: expected a list of objects (got 3)"),
        ("n.json", STAR_JSON + '[{"source": 0}]}', "edges[0], target: expected a number or"),
        ("n.json", STAR_JSON + '[{"source": 0, "target": 2}]}', "edges[0]: expected an edge"),
        ("n.json", STAR_JSON + '[{"source": 0, "target": 1}]}', "cable 0-1: expected rate_bps"),
        ("n.yang", "", "expected a file that ends in one of .csv, .parquet, .graphml"),
    ],
)
def test_bad_file(put, name, text, message):
    path = put(text, name)
    with pytest.raises(TopologyError) as error:
        from_file(path, num_hosts=2 if name[2:] in ("csv", "parquet") else None)
    assert message in str(error.value)
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)


def test_bad_parquet_cell(tmp_path):
    columns = {"a": [0, 1], "b": [2, 2], "gbps": [10.0, None], "delay_ns": [1, 1]}
    pq.write_table(pa.table(columns), tmp_path / "n.parquet")
    with pytest.raises(
        TopologyError, match=r"row 1, column gbps: expected a finite number .got nan"
    ):
        from_file(tmp_path / "n.parquet", num_hosts=2)


def test_missing_file(tmp_path):
    for ending in ("csv", "parquet", "txt", "json", "graphml"):
        with pytest.raises(TopologyError, match=f"none.{ending}: expected a file to read"):
            from_file(tmp_path / f"none.{ending}", num_hosts=2)


def test_num_hosts(put):
    path = put(DUMBBELL)
    with pytest.raises(ConfigError, match=r"^num_hosts: expected the number of .*net.csv"):
        from_file(path)
    with pytest.raises(ConfigError, match=r"^num_hosts: expected an integer of 1 or above"):
        from_file(path, num_hosts=0)
    text = put("3 1 2\n2\n0 2 1Gbps 1ns 0\n1 2 1Gbps 1ns 0\n", "n.txt")
    with pytest.raises(ConfigError, match=r"^num_hosts: expected 2, as in .*n.txt \(got 3\)"):
        from_file(text, num_hosts=3)


@pytest.mark.parametrize("num_hosts", [5, 2**31 - 1])
def test_hosts_beyond_all_cables(put, num_hosts):
    with pytest.raises(TopologyError, match=r"net.csv: host 4: expected a cable"):
        from_file(put(DUMBBELL), num_hosts=num_hosts)


def test_a_node_that_is_a_number_is_no_gml(tmp_path):
    (tmp_path / "n.gml").write_text("graph [ node 5 edge [ source 0 target 1 ] ]")
    with pytest.raises(TopologyError, match=r"n.gml: expected GML"):
        from_file(tmp_path / "n.gml")
