from __future__ import annotations

import networkx as nx
import pytest

from m4graph.core.errors import TopologyError
from m4graph.topology import fat_tree, from_networkx, validate


def labelled() -> nx.Graph:
    graph = nx.Graph(owner="me")
    graph.add_node("tor", kind="switch", tier="tor")
    graph.add_node("b", kind="host", rack=3)
    graph.add_node("a", kind="host", rack=3)
    graph.add_edge("tor", "b", rate_bps=5, delay_ns=1, colour="red")
    graph.add_edge("a", "tor", gbps=2.5, delay_ns=2)
    return graph


def test_labels_of_any_type():
    graph = from_networkx(labelled())
    assert dict(graph.nodes(data=True)) == {
        0: {"label": "b", "kind": "host", "rack": 3},
        1: {"label": "a", "kind": "host", "rack": 3},
        2: {"label": "tor", "kind": "switch", "tier": "tor"},
    }
    assert graph.edges[0, 2] == {"rate_bps": 5, "delay_ns": 1, "colour": "red"}
    assert graph.edges[1, 2] == {"rate_bps": 2_500_000_000, "delay_ns": 2}
    assert graph.graph == {"name": "network", "owner": "me"}
    assert validate(graph).num_hosts == 2


def test_the_graph_given_is_not_changed():
    graph = labelled()
    from_networkx(graph).nodes[0]["rack"] = 9
    assert nx.utils.graphs_equal(graph, labelled())


def test_integer_labels_are_sorted():
    graph = nx.relabel_nodes(labelled(), {"tor": 10, "b": 30, "a": 20})
    assert [graph for graph in from_networkx(graph).nodes(data="label")] == [
        (0, 20), (1, 30), (2, 10),
    ]  # fmt: skip


def test_valid_network_keeps_its_ids():
    graph = fat_tree(4)
    shuffled = nx.Graph(name="fat_tree")
    for node in reversed(range(len(graph))):
        shuffled.add_node(node, **graph.nodes[node])
    shuffled.add_edges_from(graph.edges(data=True))
    again = from_networkx(shuffled)
    assert list(again) == list(range(36))
    assert all(label == node for node, label in again.nodes(data="label"))
    for name in ("link_src", "link_dst", "link_rate_bps", "link_delay_ns"):
        assert (getattr(validate(again), name) == getattr(validate(graph), name)).all()
    once_more = from_networkx(again)
    assert nx.utils.graphs_equal(once_more, again)


def test_a_label_is_not_written_over():
    graph = from_networkx(from_networkx(labelled()))
    assert [label for _, label in graph.nodes(data="label")] == ["b", "a", "tor"]


def test_parallel_cables_stay():
    graph = nx.MultiGraph(labelled())
    graph.add_edge("tor", "a", gbps=40, delay_ns=3)
    found = from_networkx(graph)
    rates = sorted(data["rate_bps"] for data in found[1][2].values())
    assert rates[-1] == 40 * 10**9
    assert len(rates) == 2
    # A multigraph without any is a plain graph.
    assert not from_networkx(nx.MultiGraph(labelled())).is_multigraph()


def test_errors_name_labels():
    graph = labelled()
    graph.edges["a", "tor"]["rate_bps"] = 3
    with pytest.raises(TopologyError, match=r"expected one of rate_bps and gbps \(got both"):
        from_networkx(graph)
    graph = labelled()
    graph.edges["a", "tor"]["gbps"] = 0
    with pytest.raises(TopologyError, match=r"cable (tor-a|a-tor), gbps: expected a rate .*got 0"):
        from_networkx(graph)
    graph = labelled()
    graph.remove_edge("a", "tor")
    with pytest.raises(TopologyError, match=r"host 1 \('a'\): expected a cable \(got none"):
        from_networkx(graph)
    del graph.nodes["b"]["kind"]
    with pytest.raises(TopologyError, match="node 'b': expected kind"):
        from_networkx(graph)


def test_directed_graph_is_refused():
    with pytest.raises(TopologyError, match=r"undirected networkx.Graph \(got DiGraph\)"):
        from_networkx(labelled().to_directed())
