"""Malformed archives: the message names the archive, the file in it and the line."""

from __future__ import annotations

import pytest

from m4graph.core.errors import InputError
from m4graph.datasets import RouteNetDataset

from . import bnn
from .conftest import FLOW_RESULTS, RESULTS, SP, TRAFFIC, USAGE


def traffic(pair, text):
    return {"traffic_txt": [bnn.traffic_line(3, {**TRAFFIC, pair: text})] * 2}


def usage(pair, text):
    return {"linkUsage_txt": [bnn.usage_line(3, {**USAGE, pair: text})] * 2}


def flows(text):
    line = bnn.result_line(3, {**FLOW_RESULTS, (0, 2): text}).partition("|")[2]
    return {"flowSimulationResults_txt": [line] * 2}


def second(line, of):
    return [of, line]


GOOD = bnn.traffic_line(3, TRAFFIC)
CASES = {
    "a line less": (
        {"stability_txt": ["1;OK;"]},
        "stability.txt: expected a line for each simulation \\(got 1",
    ),
    "no results": ({"simulationResults_txt": None}, "expected a file simulationResults.txt inside"),
    "blank line": ({"traffic_txt": [GOOD, "", GOOD]}, "traffic.txt, line 2: .*blank line"),
    "no text": ({"traffic_txt": [GOOD, "é"]}, "traffic.txt, line 2: expected plain text"),
    "no bar": ({"traffic_txt": second("1;2", GOOD)}, "traffic.txt, line 2: expected a '\\|'"),
    "largest rate": (
        {"traffic_txt": second("x" + GOOD, GOOD)},
        "line 2: .*the largest mean rate .*'x1000",
    ),
    "pairs": ({"traffic_txt": ["1|-1;-1"] * 2}, "traffic.txt, line 1: expected 9 entries .*got 2"),
    "time": (
        traffic((0, 1), "8,1,1,0,5,0"),
        "line 1, nodes 0 to 1: expected a time distribution .*'8'",
    ),
    "external": (
        traffic((0, 1), "7,1,mine,0,5,0"),
        "nodes 0 to 1: expected one of generate_autosimilar, .*'mine'",
    ),
    "too few": (traffic((0, 1), "4,1,1,0,5,0"), "nodes 0 to 1: expected 4 parameters of on_off"),
    "not a number": (
        traffic((0, 1), "1,1,z,0,5,0"),
        "nodes 0 to 1: expected a number as packets_per_s .*'z'",
    ),
    "size": (traffic((2, 1), "1,1,1,5,5,0"), "nodes 2 to 1: expected a size distribution .*'5'"),
    "size parameters": (
        traffic((2, 1), "1,1,1,3,5,2,1,1,0"),
        "expected the parameters of generic sizes",
    ),
    "too many sizes": (traffic((2, 1), "1,1,1,3,5,9" + ",1,0.1" * 9 + ",0"), "at most 8 sizes"),
    "tos": (traffic((2, 1), "1,1,1,0,5,-1"), "nodes 2 to 1: .*a type of service .*'-1'"),
    "tos without a queue": (
        traffic((0, 2), "1,1,1,0,5,3:-1"),
        "types of service .*got 3 at node 1",
    ),
    "results": (
        {"simulationResults_txt": ["1,2|" + ";".join([bnn.RESULT] * 9)] * 2},
        "simulationResults.txt, line 1, the network: expected 3 numbers",
    ),
    "flows without results": (
        {
            "flowSimulationResults_txt": None,
            "simulationResults_txt": [bnn.result_line(3, RESULTS)] * 2,
        },
        "simulationResults.txt, line 1, nodes 0 to 2: expected results of 2 flows, .*got 1",
    ),
    "flow results": (
        flows("1,2:3"),
        "flowSimulationResults.txt, line 1, nodes 0 to 2: expected 11 numbers: .*'1,2'",
    ),
    "usage of no link": (
        usage((0, 2), "1,1,1"),
        "linkUsage.txt, line 1, nodes 0 to 2: expected -1",
    ),
    "usage of queues": (usage((1, 2), "1,1,1:1,1,1,1,1"), "nodes 1 to 2: .*2 queues"),
    "no usage": (usage((1, 2), "-1"), "nodes 1 to 2: .*2 queues .*'-1'"),
    "usage": (usage((0, 1), "1,1:1,1,1,1,1"), "nodes 0 to 1: expected 3 numbers: utilization"),
    "stability": (
        {"stability_txt": ["OK"] * 2},
        "stability.txt, line 1: expected a number as a simulated time",
    ),
    "inputs": (
        {"input_files_txt": ["0;chain.txt"] * 2},
        "input_files.txt, line 1: expected number;graph;routing",
    ),
    "no graph": (
        {"input_files_txt": ["0;none.txt;routing.txt"] * 2},
        "expected a file graphs/none.txt",
    ),
    "name": ({"input_files_txt": ["0;a\0b;routing.txt"] * 2}, "expected a file graphs/a"),
    "outside": ({"input_files_txt": ["0;../x;routing.txt"] * 2}, "expected a file graphs/../x"),
    "routing": ({"routing": "-1,0\n"}, "routing.txt: expected 3 lines of ports \\(got 1\\)"),
    "routing: cells": (
        {"routing": "-1,0\n1,-1,0\n1,1,-1\n"},
        "routing.txt, line 1: expected 3 ports",
    ),
    "routing: text": (
        {"routing": "-1,a,0\n1,-1,0\n1,1,-1\n"},
        "routing.txt, line 1: .*a port .*'a'",
    ),
    "routing: port": (
        {"routing": "-1,7,0\n1,-1,0\n1,1,-1\n"},
        "routing.txt, nodes 0 to 1: .*no link",
    ),
    "routing: circle": (
        {"routing": "-1,0,0\n1,-1,1\n1,1,-1\n"},
        "routing.txt, nodes 0 to 2: .*in a circle",
    ),
    "routing: stops": (
        {"routing": "-1,0,0\n1,-1,-1\n1,1,-1\n"},
        "routing.txt, nodes 0 to 2: .*ends on the way",
    ),
    "no route": (
        {"routing": "-1,0,-1\n1,-1,0\n1,1,-1\n"},
        "traffic.txt, line 1, nodes 0 to 2: .*there is a route",
    ),
    "policy": (
        {"nodes": {1: {"schedulingPolicy": "LIFO"}}},
        "chain.txt, node 1, schedulingPolicy: .*'LIFO'",
    ),
    "weights": (
        {"nodes": {1: {**SP, "schedulingPolicy": "WFQ", "schedulingWeights": "1,2,3"}}},
        "node 1, schedulingWeights: expected 2 weights",
    ),
    "sizes": (
        {"nodes": {1: {**SP, "levelsQoS": 3}}},
        "node 1, bufferSizes: expected one size, or 3",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_malformed(write_chain, name):
    changes, message = CASES[name]
    root = write_chain(**changes)
    with pytest.raises(InputError, match=rf"results_0\.tar\.gz.*{message}"):
        RouteNetDataset(root)
    assert not list((root / "processed").glob("*.json"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("graph [", "graph", "expected a topology in GML"),
        ("id 2", "id 3", "expected a topology in GML"),
        ('label "2"', 'label "3"', "expected nodes 0 to 2"),
        ("bandwidth 10000", "weight 1", "link 0-1: expected a key bandwidth"),
        ("bandwidth 10000", "bandwidth 0", "link 0-1: expected a bandwidth above 0"),
        ("port 1", "port 0", "link 1-2: expected a port of its own"),
        ("port 1", "port 1000000000000", "expected an integer of at most 65535 as port"),
        ("bufferSizes 32000", "", "node 0: expected a key bufferSizes"),
    ],
)
def test_bad_topology(write_chain, old, new, message):
    root = write_chain()
    file = root / "raw" / "train" / "graphs" / "chain.txt"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    with pytest.raises(InputError, match=rf"results_0\.tar\.gz, chain\.txt.*{message}"):
        RouteNetDataset(root)


@pytest.mark.parametrize("cut", [slice(0, 0), slice(0, 60), slice(40, None)])
def test_damaged_archive(write_chain, cut):
    root = write_chain()
    file = root / "raw" / "train" / "results_0.tar.gz"
    file.write_bytes(file.read_bytes()[cut])
    with pytest.raises(InputError, match=r"results_0\.tar\.gz: expected an archive \.tar\.gz"):
        RouteNetDataset(root)


def test_messages_are_one_line(write_chain):
    root = write_chain()
    file = root / "raw" / "train" / "graphs" / "chain.txt"
    file.write_text(
        file.read_text().replace("source 1", "source 0").replace("target 2", "target 1")
    )
    with pytest.raises(InputError, match="expected a topology in GML") as caught:
        RouteNetDataset(root)
    assert "\n" not in str(caught.value)


def test_an_archive_whose_header_ends_early(write_chain):
    root = write_chain()
    (root / "raw" / "train" / "results_0.tar.gz").write_bytes(b"\x1f\x8b\x08\x04" + bytes(6))
    with pytest.raises(InputError, match=r"results_0\.tar\.gz: .*a header that ends early"):
        RouteNetDataset(root)


def test_no_archives(tmp_path):
    with pytest.raises(
        InputError, match=r"raw: expected archives \*\.tar\.gz, with folders graphs"
    ):
        RouteNetDataset(tmp_path)


@pytest.mark.parametrize(
    ("inside", "what"), [(True, "topologies and routings|chain|routing"), (False, "line 1")]
)
def test_archives_may_not_fill_the_memory(write_chain, monkeypatch, inside, what):
    monkeypatch.setattr("m4graph.datasets.importers.routenet.archive.MAX_TEXT_BYTES", 50)
    root = write_chain(inside=inside)
    with pytest.raises(InputError, match=rf"({what}).*: expected at most 50 bytes"):
        RouteNetDataset(root)
