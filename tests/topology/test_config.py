from __future__ import annotations

import networkx as nx
import pytest

from m4graph.core.errors import ConfigError, TopologyError
from m4graph.topology import TOPOLOGIES, fat_tree, from_config, star, to_csv
from m4graph.workload import generate


def test_kind_and_parameters():
    assert nx.utils.graphs_equal(from_config({"kind": "FatTree", "k": 4}), fat_tree(4))


def test_config_is_not_changed():
    config = {"kind": "star", "num_hosts": 2}
    from_config(config)
    assert config == {"kind": "star", "num_hosts": 2}


def test_file_with_and_without_kind(tmp_path):
    to_csv(star(3), tmp_path / "t.csv")
    config = {"file": str(tmp_path / "t.csv"), "num_hosts": 3}
    assert len(from_config(config)) == len(from_config({"kind": "file", **config})) == 4


@pytest.mark.parametrize(
    ("config", "error", "message"),
    [
        ({}, ConfigError, r"topology.kind: missing key: expected one of clos, "),
        ({"kind": 3}, ConfigError, r"topology.kind: expected one of .*\(got 3\)"),
        ({"kind": "ring"}, ConfigError, "unknown topology: expected one of clos"),
        ({"kind": "star", "num_host": 2}, ConfigError, "topology.num_host: .*'num_hosts'"),
        ({"kind": "star"}, ConfigError, "topology.num_hosts: missing key"),
        ({"kind": "star", "num_hosts": 0}, ConfigError, "^topology.num_hosts: expected an integer"),
    ],
)
def test_bad_config(config, error, message):
    with pytest.raises(error, match=message):
        from_config(config)


def test_plugin_is_called_and_checked_where_it_is_used(monkeypatch):
    def lone_switch(**keys: int) -> nx.Graph:
        graph = nx.Graph()
        graph.add_nodes_from(range(keys["switches"]), kind="switch")
        return graph

    monkeypatch.setitem(TOPOLOGIES._objects, "loneswitch", lone_switch)
    graph = from_config({"kind": "lone_switch", "switches": 1})
    with pytest.raises(TopologyError, match="network: expected at least one"):
        generate(graph)


def test_every_builtin_resolves():
    for name in TOPOLOGIES.names():
        assert callable(TOPOLOGIES.resolve(name))
