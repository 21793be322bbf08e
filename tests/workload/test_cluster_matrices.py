"""Matrices of clusters: the published statistics at three sizes, and any network."""

from __future__ import annotations

import numpy as np
import pytest

from m4graph import topology, workload
from m4graph.core.errors import ConfigError
from m4graph.workload import ClientStorageMatrix, ClusterMatrix, HostLayout
from m4graph.workload.clusters import CLUSTERS, cluster_weights


def layout_of(network) -> HostLayout:
    return HostLayout.of(network, topology.validate(network))


def rack_counts(network, matrix, seed, num_flows=200_000):
    """How often racks send to racks, as parts of the whole."""
    layout = layout_of(network)
    draws = np.random.default_rng(seed)
    src, dst = matrix.place(layout, draws).draw(draws, num_flows)
    counts = np.zeros((layout.num_racks, layout.num_racks))
    np.add.at(counts, (layout.rack_of_host[src], layout.rack_of_host[dst]), 1 / num_flows)
    return counts


def row_cv(weight):
    rows = weight.sum(axis=1)
    return rows.std() / rows.mean()


# From the data of arXiv 2503.01770; None where nothing was published.
@pytest.mark.parametrize(
    ("cluster", "num_racks", "non_zero", "intra_rack", "cv"),
    [
        ("A", 8, 0.67, 0.0, None),
        ("A", 64, 0.50, 0.0, None),
        ("A", 192, 0.33, 0.0, 0.9),
        ("B", 8, None, 0.039, None),
        ("B", 64, None, None, 1.6),
        ("B", 384, 0.70, 0.001, None),
        ("C", 8, None, 0.73, None),
        ("C", 64, None, 0.34, None),
        ("C", 384, 0.71, 0.087, None),
    ],
)
def test_published_statistics(cluster, num_racks, non_zero, intra_rack, cv):
    weight = cluster_weights(cluster, num_racks)
    assert weight.sum() == pytest.approx(1)
    if non_zero is not None:
        assert (weight > 0).mean() == pytest.approx(non_zero, abs=0.01)
    if intra_rack is not None:
        assert np.trace(weight) == pytest.approx(intra_rack, rel=0.02, abs=1e-12)
    if cv is not None:
        assert row_cv(weight) == pytest.approx(cv, rel=0.02)
    assert np.abs(weight - weight.T).sum() > 0.1


@pytest.mark.parametrize("cluster", ["B", "C"])
def test_fewer_racks_are_racks_joined(cluster):
    large, small = cluster_weights(cluster, 64), cluster_weights(cluster, 8)
    assert large.reshape(8, 8, 8, 8).sum(axis=(1, 3)) == pytest.approx(small)


@pytest.mark.parametrize("cluster", list(CLUSTERS))
@pytest.mark.parametrize("num_racks", [2, 3, 7, 48, 400])
def test_any_number_of_racks(cluster, num_racks):
    weight = cluster_weights(cluster, num_racks)
    assert weight.shape == (num_racks, num_racks)
    assert weight.sum() == pytest.approx(1)
    assert (weight >= 0).all()
    assert (np.trace(weight) == 0) == (cluster == "A")


def test_more_racks_are_racks_divided():
    full, double = cluster_weights("C", 384), cluster_weights("C", 768)
    assert np.kron(full, np.full((2, 2), 0.25)) == pytest.approx(double)


def test_rows_move_inside_their_pods():
    network = topology.clos(pods=2, racks=4, hosts=4, planes=1, spines=1)
    assert layout_of(network).pod_of_rack.tolist() == [0] * 4 + [1] * 4
    seen = [rack_counts(network, ClusterMatrix("B"), seed) for seed in range(6)]
    weight = cluster_weights("B", 8)
    expected = weight.reshape(2, 4, 2, 4).sum(axis=(1, 3))
    for counts in seen:
        assert counts.reshape(2, 4, 2, 4).sum(axis=(1, 3)) == pytest.approx(expected, abs=0.006)
        assert np.sort(counts.sum(axis=1)) == pytest.approx(np.sort(weight.sum(axis=1)), abs=0.006)
    assert len({tuple(np.argsort(counts.sum(axis=1))) for counts in seen}) > 3


def test_same_generator_same_placement():
    network = topology.clos(pods=2, racks=4, hosts=4, planes=1, spines=1)
    first, second = (rack_counts(network, ClusterMatrix("A"), 3, 1000) for _ in range(2))
    assert (first == second).all()


def test_network_without_pods():
    layout = layout_of(topology.leaf_spine(3, 2, 2, 10, 40, 1000))
    assert layout.pod_of_rack.tolist() == [0, 0, 0]


def test_hosts_alone_in_their_rack():
    network = topology.parking_lot(4, 10, 1000)
    for host in range(topology.validate(network).num_hosts):
        network.nodes[host]["rack"] = host
    counts = rack_counts(network, ClusterMatrix("C"), 0, 5000)
    assert np.trace(counts) == 0
    assert counts.sum() == pytest.approx(1)


@pytest.mark.parametrize("cluster", list(CLUSTERS))
def test_generated_by_name(cluster):
    network = topology.clos(pods=2, racks=2, hosts=2, planes=1, spines=1)
    matrix = {"kind": "cluster", "cluster": cluster}
    flows = workload.generate(network, sizes="web_server", num_flows=50, matrix=matrix)
    assert flows.num_flows == 50


def test_client_storage():
    network = topology.clos(pods=2, racks=8, hosts=16, planes=4, spines=8)
    density = []
    for seed in range(20):
        layout = layout_of(network)
        pairs = ClientStorageMatrix().place(layout, np.random.default_rng(seed))
        weight = pairs.shares().between
        assert weight == pytest.approx(weight.T)
        linked = weight > 0
        clients = linked.sum(axis=1) > 4
        assert clients.sum() == 4
        assert not clients[8:].any()
        assert not linked[np.ix_(clients, clients)].any()
        assert not linked[np.ix_(~clients, ~clients)].any()
        density.append(linked.mean())
    # 23 % were published, for a single draw.
    assert np.mean(density) == pytest.approx(0.24, abs=0.02)
    assert min(density) < 0.235


def test_client_storage_of_two_racks():
    network = topology.leaf_spine(2, 1, 1, 10, 10, 1000)
    counts = rack_counts(network, ClientStorageMatrix(), 0)
    assert counts == pytest.approx(np.array([[0, 0.5], [0.5, 0]]), abs=0.01)


@pytest.mark.parametrize("cluster", ["D", "a", 1, ["A"]])
def test_unknown_clusters_are_refused(cluster):
    with pytest.raises(ConfigError, match=r"cluster: expected one of A, B, C \(got"):
        ClusterMatrix(cluster)


@pytest.mark.parametrize("matrix", [ClusterMatrix("A"), ClientStorageMatrix()])
def test_one_rack_is_too_few(matrix):
    layout = layout_of(topology.star(4, 10, 1000))
    with pytest.raises(ConfigError, match=r"expected a network of two racks or more \(got 1\)"):
        matrix.place(layout, np.random.default_rng(0))
