"""Networks of ASTRA-sim's analytical backend."""

from __future__ import annotations

import pytest

from m4graph.core.errors import TopologyError
from m4graph.topology import from_file

TEXT = """topology: [ {} ]
npus_count: [ {} ]
bandwidth: [ {} ]
latency: [ {} ]
"""


def read(tmp_path, *lists):
    path = tmp_path / "network.yml"
    path.write_text(TEXT.format(*lists))
    return from_file(path)


def test_a_switch_in_each_server_and_rings_between(tmp_path):
    graph = read(tmp_path, "Switch, Ring", "2, 3", "400.0, 50.0", "900.0, 2000.0")
    assert [kind for _, kind in graph.nodes(data="kind")] == ["host"] * 6 + ["switch"] * 3
    assert sorted(graph.edges) == [
        (0, 2), (0, 4), (0, 6), (1, 3), (1, 5), (1, 6), (2, 4), (2, 7), (3, 5), (3, 7), (4, 8),
        (5, 8),
    ]  # fmt: skip
    # GB/s of 2**30 bytes.
    assert graph.edges[0, 6] == {"rate_bps": 400 * 2**30 * 8, "delay_ns": 900}
    assert graph.edges[0, 2] == {"rate_bps": 50 * 2**30 * 8, "delay_ns": 2000}


def test_fully_connected_and_small_rings(tmp_path):
    full = read(tmp_path, "FullyConnected", "4", "1", "1")
    assert sorted(full.edges) == [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
    assert sorted(read(tmp_path, "Ring", "2", "1", "1").edges) == [(0, 1)]


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        (("Mesh", "4", "1", "1"), "topology"),
        (("Ring", "4, 2", "1", "1"), r"npus_count: expected an entry for each of 1 dimensions"),
        (("Ring", "0", "1", "1"), "npus_count: expected 1 or more"),
        (("Ring", "4000000", "1", "1"), "npus_count: expected 1 or more, and at most"),
        (("Ring", "4", "0", "1"), "bandwidth: expected GB/s above 0"),
        (("Ring", "4", "5000", "1"), "rate_bps of at most"),
        (("Ring", "4", "1", "-1"), "delay_ns"),
    ],
)
def test_bad_files(tmp_path, lists, message):
    with pytest.raises(TopologyError, match=message) as error:
        read(tmp_path, *lists)
    assert "network.yml" in str(error.value)
