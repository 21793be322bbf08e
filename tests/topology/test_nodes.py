"""``nodes.csv`` beside a table of cables, and parallel cables in it."""

from __future__ import annotations

import numpy as np
import pytest

from m4graph.core.errors import InputError, TopologyError
from m4graph.topology import from_file, rail, star, to_csv, validate

CABLES = "a,b,gbps,delay_ns\n0,2,2880,25\n1,2,2880,25\n0,3,400,500\n1,3,400,500\n0,3,400,500\n"
NODES = "id,kind,server,rail\n0,host,0,0\n1,host,0,1\n2,nvswitch,0,\n3,switch,,\n"
FIELDS = ("link_src", "link_dst", "link_rate_bps", "link_delay_ns", "nvswitches", "server", "rail")


def read(folder, nodes=NODES, **keys):
    (folder / "topology.csv").write_text(CABLES)
    (folder / "nodes.csv").write_text(nodes)
    return validate(from_file(folder / "topology.csv", **keys))


def test_kinds_servers_and_rails(tmp_path):
    arrays = read(tmp_path)
    assert (arrays.num_hosts, arrays.nvswitches.tolist()) == (2, [2])
    assert arrays.server.tolist() == [0, 0, 0, -1]
    assert arrays.rail.tolist() == [0, 1, -1, -1]
    assert arrays.parallel_number.tolist() == [0, 0, 0, 0, 1, 1, 0, 0, 0, 0]


def test_without_the_table_the_number_of_hosts_tells(tmp_path):
    (tmp_path / "topology.csv").write_text(CABLES)
    arrays = validate(from_file(tmp_path / "topology.csv", num_hosts=2))
    assert (arrays.num_nodes, len(arrays.nvswitches), len(arrays.server)) == (4, 0, 0)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_written_and_read_back(tmp_path, ending):
    arrays = validate(rail(servers=2, gpus_per_server=2, tors=2, spines=2))
    to_csv(arrays, tmp_path / f"topology.{ending}")
    again = validate(from_file(tmp_path / f"topology.{ending}"))
    for name in FIELDS:
        assert np.array_equal(getattr(again, name), getattr(arrays, name)), name


def test_plain_networks_have_no_such_table(tmp_path):
    to_csv(star(3), tmp_path / "topology.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["topology.csv"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("2,nvswitch", "2,gpu", "line 4, column kind: expected one of host, switch, nvswitch"),
        ("3,switch,,\n", "", "topology.csv, line 4: expected two nodes of .*nodes.csv"),
        ("3,switch", "2,switch", "nodes.csv, line 5: expected a new id"),
        ("0,host,0", "0,host,-2", "nodes.csv, line 2, column server: expected an integer from 0"),
        ("0,host", "0,switch", "node 0: expected ids 0 to 0 to be the 1 hosts"),
        ("id,kind", "id,sort", "nodes.csv: expected the columns"),
    ],
)
def test_bad_tables(tmp_path, old, new, message):
    assert old in NODES
    with pytest.raises(TopologyError, match=message):
        read(tmp_path, NODES.replace(old, new))


def test_the_number_of_hosts_is_compared(tmp_path):
    with pytest.raises(InputError, match=r"num_hosts: expected 2"):
        read(tmp_path, num_hosts=3)
