"""SimAI's topology text: read, written, and what is wrong with it."""

from __future__ import annotations

import numpy as np
import pytest

from m4graph.core.errors import TopologyError
from m4graph.topology import from_file, rail, star, to_hpcc, to_simai, validate

TEXT = """7 2 2 1 8 H100
4 5
6
0 4 2880Gbps 0.000025ms 0
0 6 400Gbps 0.0005ms 0
1 4 2880Gbps 0.000025ms 0
1 6 400Gbps 0.0005ms 0
2 5 2880Gbps 0.000025ms 0
2 6 400Gbps 0.0005ms 0
3 5 2880Gbps 0.000025ms 0
3 6 400Gbps 0.0005ms 0
"""
FIELDS = ("link_src", "link_dst", "link_rate_bps", "link_delay_ns", "nvswitches", "server", "rail")


def written(tmp_path, text, name="topology.txt"):
    path = tmp_path / name
    path.write_text(text)
    return path


@pytest.mark.parametrize("keys", [{}, {"format": "simai"}])
def test_ids_kinds_servers_and_rails(tmp_path, keys):
    graph = from_file(written(tmp_path, TEXT), **keys)
    arrays = validate(graph)
    assert (arrays.num_hosts, arrays.nvswitches.tolist()) == (4, [4, 5])
    assert arrays.server.tolist() == [0, 0, 1, 1, 0, 1, -1]
    assert arrays.rail.tolist() == [0, 1, 0, 1, -1, -1, -1]
    assert graph.edges[0, 4] == {"rate_bps": 2880 * 10**9, "delay_ns": 25}
    assert graph.edges[0, 6] == {"rate_bps": 400 * 10**9, "delay_ns": 500}
    assert graph.graph["gpu_type"] == "H100"


def test_any_ending_with_a_format(tmp_path):
    path = written(tmp_path, TEXT, "HPN_7.0_4g")
    assert validate(from_file(path, format="simai")).num_hosts == 4
    with pytest.raises(TopologyError, match="expected a file that ends in one of"):
        from_file(path)


@pytest.mark.parametrize("keys", [{}, {"tors": 2, "planes": 2}, {"rail": False}])
def test_written_and_read_back(tmp_path, keys):
    arrays = validate(rail(servers=4, gpus_per_server=4, gpus_per_tor=2, spines=2, **keys))
    path = tmp_path / "topology.txt"
    to_simai(arrays, path)
    again = validate(from_file(path))
    for name in FIELDS:
        assert np.array_equal(getattr(again, name), getattr(arrays, name)), name
    lines = path.read_text().splitlines()
    num_switches = arrays.num_nodes - 16 - 4
    assert lines[0] == f"{arrays.num_nodes} 4 4 {num_switches} {arrays.num_links // 2} H100"
    # NVLink first: the first interface of a GPU.
    assert lines[2] == "0 16 2880Gbps 25ns 0"


def test_too_small_a_count_is_warned_of(tmp_path):
    path = written(tmp_path, TEXT.replace("1 8 H100", "1 6 H100"))
    with pytest.warns(UserWarning, match=r"line 1: expected the number of links, 8, .*\(6\)"):
        graph = from_file(path)
    assert validate(graph).num_links == 16


def test_parallel_cables_stay(tmp_path):
    text = TEXT.replace("1 8 H100", "1 9 H100") + "3 6 200Gbps 0.0005ms 0\n"
    arrays = validate(from_file(written(tmp_path, text)))
    assert arrays.link_rate_bps[arrays.link_src == 3].tolist() == [2880e9, 200e9, 400e9]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("7 2 2 1 8 H100", "7 2 2 1 8", "line 1: expected num_nodes gpus_per_server"),
        ("7 2 2 1 8 H100", "7 0 2 1 8 H100", "line 1, gpus_per_server: expected 1 to 4"),
        ("7 2 2 1 8 H100", "7 2 2 1 9 H100", r"expected 9 lines of links \(got 8\)"),
        ("4 5\n6", "4 5\n1", r"expected GPUs to have the ids 0 to 3 \(got the switch 1\)"),
        ("3 6 400Gbps 0.0005ms 0", "3 9 400Gbps 0.0005ms 0", "line 11: expected a link between"),
        ("0 6 400Gbps 0.0005ms 0", "0 6 400Gbps 0.0005ms 0.1", "line 5: .*error rate 0"),
        ("3 5 2880Gbps 0.000025ms 0\n3 6 400Gbps 0.0005ms 0", "2 5 1Gbps 1ns 0\n2 6 1Gbps 1ns 0",
         r"host 3: expected a cable \(got none\)"),
    ],
)  # fmt: skip
def test_bad_files(tmp_path, old, new, message):
    assert old in TEXT
    path = written(tmp_path, TEXT.replace(old, new))
    with pytest.raises(TopologyError, match=message) as error:
        from_file(path, format="simai")
    assert str(error.value).startswith(str(path))


def test_what_the_formats_cannot_hold(tmp_path):
    graph = rail(servers=2, gpus_per_server=2, spines=1)
    with pytest.raises(TopologyError, match="node 4: expected no NVSwitch"):
        to_hpcc(graph, tmp_path / "t.txt")
    graph.nodes[1]["server"] = 1
    with pytest.raises(TopologyError, match="host 2: expected server 2, as SimAI counts"):
        to_simai(graph, tmp_path / "t.txt")
    to_simai(star(3), tmp_path / "star.txt")
    assert (tmp_path / "star.txt").read_text().startswith("4 1 0 1 3 H100\n3\n0 3 10Gbps")
