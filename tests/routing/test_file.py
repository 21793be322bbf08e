"""Route files: there and back, and every way to get one wrong."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

from m4graph import topology
from m4graph.core.errors import RoutingError
from m4graph.routing import Routes, check_routes, ecmp_routes, read_routes, write_routes

ARRAYS = topology.validate(topology.leaf_spine(2, 2, 2, 10, 40, 1000))
FLOW_ID = np.array([7, 3])
SRC, DST = np.array([0, 3]), np.array([2, 1])
HEADER = "id,source_port,data_route,ack_route\n"
GOOD = {3: "3,10001,3-5-6-4-1,1-4-7-5-3", 7: "7,10000,0-4-6-5-2,2-5-7-4-0"}


def read(folder, *rows, header=HEADER):
    path = folder / "routes.csv"
    path.write_text(header + "".join(f"{row}\n" for row in rows))
    return read_routes(path, ARRAYS, FLOW_ID, SRC, DST)


def test_a_file_gives_the_links_in_workload_order(tmp_path):
    routes = read(tmp_path, GOOD[3], GOOD[7])
    assert routes.source_port.tolist() == [10000, 10001]
    hops = [(0, 4), (4, 6), (6, 5), (5, 2)]
    assert routes.data_route(0).tolist() == [ARRAYS.link_id(a, b) for a, b in hops]
    hops = [(1, 4), (4, 7), (7, 5), (5, 3)]
    assert routes.ack_route(1).tolist() == [ARRAYS.link_id(a, b) for a, b in hops]


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_what_is_written_is_read(tmp_path, ending):
    random = np.random.default_rng(0)
    flow_id = random.permutation(100)
    src = random.integers(0, 4, 100)
    dst = (src + random.integers(1, 4, 100)) % 4
    routes = ecmp_routes(ARRAYS, src, dst)
    path = tmp_path / f"routes.{ending}"
    write_routes(path, ARRAYS, flow_id, routes)
    again = read_routes(path, ARRAYS, flow_id, src, dst)
    for name in ("source_port", "data_ptr", "data_links", "ack_ptr", "ack_links"):
        assert np.array_equal(getattr(again, name), getattr(routes, name))


def test_no_flows(tmp_path):
    path = tmp_path / "routes.csv"
    none = np.array([], dtype=int)
    write_routes(path, ARRAYS, none, ecmp_routes(ARRAYS, none, none))
    assert path.read_text() == HEADER
    assert read_routes(path, ARRAYS, none, none, none).num_flows == 0


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([GOOD[7]], "routes.csv: flow 3: expected a row"),
        (
            [GOOD[7], GOOD[3], GOOD[3]],
            "routes.csv, line 4: flow 3: expected one row",
        ),
        ([GOOD[7], GOOD[3], "4,10000,0-4-1,1-4-0"], r"routes.csv, line 4: .* \(got 4\)"),
        ([GOOD[7], "3,10001,3-5-4-1,1-4-7-5-3"], r"flow 3: data_route: .* \(got 5-4\)"),
        ([GOOD[7], "3,10001,3-5-6-4-1,1-4-7-5-99"], r"flow 3: ack_route: .* \(got 5-99\)"),
        ([GOOD[7], "3,10001,2-5-6-4-1,1-4-7-5-3"], r"flow 3: data .* host 3 \(got node 2\)"),
        ([GOOD[7], "3,10001,3-5-6-4-1,1-4-7-5-2"], r"flow 3: ack .* host 3 \(got node 2\)"),
        ([GOOD[7], "3,10001,3-5-6-4-7-5-6-4-1,1-4-7-5-3"], "flow 3: data .* node 4 twice"),
        ([GOOD[7], "3,10001,,1-4-7-5-3"], r"line 3, column data_route: .* empty cell"),
        ([GOOD[7], "3,10001,3-x-1,1-4-7-5-3"], "flow 3: data_route: .*'3-x-1'"),
        ([GOOD[7], "3,65536,3-5-6-4-1,1-4-7-5-3"], r"flow 3: .*source_port .* \(got 65536\)"),
        ([GOOD[7], "3.5,10001,3-5-6-4-1,1-4-7-5-3"], r"line 3, column id: .* \(got '3.5'\)"),
    ],
)
def test_a_bad_row_is_named(tmp_path, rows, message):
    with pytest.raises(RoutingError, match=message):
        read(tmp_path, *rows)


def test_missing_column_is_named(tmp_path):
    with pytest.raises(RoutingError, match="expected the columns id,source_port,data_route,ack"):
        read(tmp_path, "3,1,0-4-1", header="id,source_port,data_route\n")


def linked(*hops: tuple[int, int]) -> list[int]:
    return [ARRAYS.link_id(a, b) for a, b in hops]


@pytest.mark.parametrize(
    ("links", "message"),
    [
        ([0, 99], r"mine: flow 5: data route: expected link ids below 16 \(got 99\)"),
        (linked((0, 4), (5, 2)), r"flow 5: data route: expected a link from node 4 next"),
    ],
)
def test_routes_of_a_user_are_checked(links, message):
    ack = linked((2, 5), (5, 6), (6, 4), (4, 0))
    routes = Routes([10000], [0, len(links)], links, [0, 4], ack)
    with pytest.raises(RoutingError, match=message):
        check_routes(routes, ARRAYS, np.array([5]), np.array([0]), np.array([2]), source="mine")


def test_number_of_routes_is_checked():
    routes = ecmp_routes(ARRAYS, [0], [2])
    with pytest.raises(RoutingError, match=r"each of the 2 flows \(got 1\)"):
        check_routes(routes, ARRAYS, FLOW_ID, SRC, DST)


def test_parallel_cables_have_numbers(tmp_path):
    graph = nx.MultiGraph()
    graph.add_nodes_from(range(2), kind="host")
    graph.add_node(2, kind="switch")
    for host in (0, 0, 1, 1, 1):
        graph.add_edge(host, 2, rate_bps=10, delay_ns=1)
    arrays = topology.validate(graph)
    ends = np.zeros(20, int), np.ones(20, int)
    routes, ids = ecmp_routes(arrays, *ends), np.arange(20)
    path = tmp_path / "routes.csv"
    write_routes(path, arrays, ids, routes)
    text = path.read_text()
    assert "0-2.1-1.2" in text
    again = read_routes(path, arrays, ids, *ends)
    assert again.data_links.tolist() == routes.data_links.tolist()
    assert again.ack_links.tolist() == routes.ack_links.tolist()
    path.write_text(text.replace("0-2.1-1.2", "0-2.7-1.2"))
    with pytest.raises(RoutingError, match=r"data_route: expected links .*\(got 0-2.7\)"):
        read_routes(path, arrays, ids, *ends)
