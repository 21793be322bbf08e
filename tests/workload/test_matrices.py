"""Traffic matrices: what is drawn agrees with the exact shares, and with what was asked."""

from __future__ import annotations

import json

import networkx as nx
import numpy as np
import pytest

from m4graph import topology
from m4graph.core.errors import ConfigError, InputError, WorkloadError
from m4graph.workload import (
    HostLayout,
    IncastMatrix,
    PermutationMatrix,
    RackMatrix,
    UniformMatrix,
)


def layout_of(network: nx.Graph) -> HostLayout:
    return HostLayout.of(network, topology.validate(network))


@pytest.fixture(scope="module")
def leaf_spine() -> HostLayout:
    return layout_of(topology.leaf_spine(3, 2, 2, 10, 40, 1000))


@pytest.fixture(scope="module")
def uneven() -> HostLayout:
    """Hosts 0 and 3 at switch 5, host 1 at switch 4, host 2 at switch 6."""
    graph = nx.Graph()
    graph.add_nodes_from(range(4), kind="host")
    graph.add_nodes_from(range(4, 7), kind="switch")
    cables = [(0, 5), (3, 5), (1, 4), (2, 6), (4, 5), (5, 6)]
    graph.add_edges_from(cables, rate_bps=10**10, delay_ns=1)
    return layout_of(graph)


def host_matrix(matrix, layout, num_flows=60_000):
    generator = np.random.default_rng(0)
    src, dst = matrix.place(layout, generator).draw(generator, num_flows)
    counts = np.zeros((layout.num_hosts, layout.num_hosts))
    np.add.at(counts, (src, dst), 1 / num_flows)
    return counts


def check_shares(matrix, layout, abs_error=0.01):
    """The exact shares against the drawn ones, and their sums."""
    drawn = host_matrix(matrix, layout)
    shares = matrix.place(layout, np.random.default_rng(0)).shares()
    assert shares.send.sum() == pytest.approx(1)
    assert shares.receive.sum() == pytest.approx(1)
    assert drawn.sum(axis=1) == pytest.approx(shares.send, abs=abs_error)
    assert drawn.sum(axis=0) == pytest.approx(shares.receive, abs=abs_error)
    at_switch = np.eye(layout.num_edge_switches)[layout.switch_of_host]
    between = at_switch.T @ drawn @ at_switch
    apart = ~np.eye(len(between), dtype=bool)
    assert between[apart] == pytest.approx(shares.between[apart], abs=abs_error)


def test_layout_follows_switches(uneven):
    assert uneven.rack_of_host.tolist() == [1, 0, 2, 1]
    assert uneven.hosts.tolist() == [1, 0, 3, 2]
    assert uneven.rack_ptr.tolist() == [0, 1, 3, 4]


def test_layout_takes_racks_from_the_network():
    network = topology.star(4, 10, 1000)
    for host, rack in enumerate([9, 2, 9, 2]):
        network.nodes[host]["rack"] = rack
    layout = layout_of(network)
    assert layout.rack_of_host.tolist() == [1, 0, 1, 0]
    assert layout.switch_of_host.tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("name", ["leaf_spine", "uneven"])
def test_uniform(name, request):
    layout = request.getfixturevalue(name)
    drawn = host_matrix(UniformMatrix(), layout)
    num_pairs = layout.num_hosts * (layout.num_hosts - 1)
    expected = (1 - np.eye(layout.num_hosts)) / num_pairs
    assert drawn == pytest.approx(expected, abs=0.006)
    assert (np.diag(drawn) == 0).all()
    check_shares(UniformMatrix(), layout)


def test_uniform_between_racks(uneven):
    """Weights of pairs of racks are their numbers of host pairs: 3 x 2, say."""
    matrix = UniformMatrix(inside_racks=False)
    rack = uneven.rack_of_host
    between = rack[:, None] != rack[None, :]
    assert host_matrix(matrix, uneven) == pytest.approx(between / between.sum(), abs=0.006)
    assert (host_matrix(matrix, uneven)[~between] == 0).all()
    check_shares(matrix, uneven)


def test_uniform_between_racks_needs_two():
    layout = layout_of(topology.star(4, 10, 1000))
    with pytest.raises(ConfigError, match="inside_racks: expected true on a network of one rack"):
        UniformMatrix(inside_racks=False).place(layout, np.random.default_rng(0))
    with pytest.raises(ConfigError, match=r"inside_racks: expected true or false \(got 1"):
        UniformMatrix(inside_racks=1)


def test_permutation(leaf_spine):
    drawn = host_matrix(PermutationMatrix(), leaf_spine, num_flows=6000)
    assert sorted(np.count_nonzero(drawn, axis=0)) == [1] * 6
    assert sorted(np.count_nonzero(drawn, axis=1)) == [1] * 6
    assert (np.diag(drawn) == 0).all()
    assert drawn[drawn > 0] == pytest.approx(1 / 6)
    check_shares(PermutationMatrix(), leaf_spine)


def test_permutation_depends_on_the_generator(leaf_spine):
    seen = {
        tuple(
            PermutationMatrix().place(leaf_spine, np.random.default_rng(seed)).shares().between.flat
        )
        for seed in range(20)
    }
    assert len(seen) > 3


def test_incast_rounds_have_every_sender_once(leaf_spine):
    generator = np.random.default_rng(5)
    src, dst = IncastMatrix(4, dst=1).place(leaf_spine, generator).draw(generator, 42)
    assert set(dst.tolist()) == {1}
    senders = set(src.tolist())
    assert len(senders) == 4
    assert 1 not in senders
    assert all(set(src[i : i + 4].tolist()) == senders for i in range(0, 40, 4))
    assert len({tuple(src[i : i + 4].tolist()) for i in range(0, 40, 4)}) > 1
    check_shares(IncastMatrix(5, dst=0), leaf_spine)
    check_shares(IncastMatrix(3), leaf_spine)


def test_incast_can_take_all_other_hosts(leaf_spine):
    for dst in range(6):
        pairs = IncastMatrix(5, dst=dst).place(leaf_spine, np.random.default_rng(0))
        src, _ = pairs.draw(np.random.default_rng(0), 5)
        assert sorted(src.tolist()) == [host for host in range(6) if host != dst]


def test_rack_matrix_weights(leaf_spine):
    weights = [[1, 2, 0], [0, 0, 5], [0, 0, 2]]
    drawn = host_matrix(RackMatrix(weights), leaf_spine)
    racks = drawn.reshape(3, 2, 3, 2).sum(axis=(1, 3))
    assert racks == pytest.approx(np.array(weights) / 10, abs=0.006)
    assert drawn[:2, 2:4] == pytest.approx(np.full((2, 2), 0.05), abs=0.004)
    assert drawn[:2, :2] == pytest.approx(np.array([[0, 0.05], [0.05, 0]]), abs=0.004)
    check_shares(RackMatrix(weights), leaf_spine)


def test_rack_matrix_on_racks_across_switches():
    network = topology.leaf_spine(2, 3, 1, 10, 10, 1000)
    for host, rack in enumerate([0, 1, 1, 1, 0, 0]):
        network.nodes[host]["rack"] = rack
    check_shares(RackMatrix([[3, 1], [2, 4]]), layout_of(network))


def test_rack_matrix_files(tmp_path, leaf_spine):
    weights = [[0, 1.5, 0], [0, 0, 5], [2, 0, 0]]
    rows = [",".join(map(str, row)) for row in weights]
    (tmp_path / "m.csv").write_text("\r\n".join(rows) + "\r\n")
    (tmp_path / "list.json").write_text(json.dumps(weights))
    (tmp_path / "m4.json").write_text(json.dumps({"nr_racks": 3, "matrix": {"inner": weights}}))
    for name in ("m.csv", "list.json", "m4.json"):
        assert RackMatrix(file=tmp_path / name).weight.tolist() == weights


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (lambda: RackMatrix(), r"expected either matrix or file \(got neither\)"),
        (lambda: RackMatrix([[1]], file="a"), r"expected either matrix or file \(got both\)"),
        (lambda: RackMatrix([[1, 2]]), r"as many rows as columns of numbers \(got 1 x 2\)"),
        (lambda: RackMatrix([[1, 2], [3]]), "as many rows as columns of numbers"),
        (lambda: RackMatrix([[0, -1], [0, 0]]), r"row 0, column 1: expected a weight .* \(got -1"),
        (lambda: RackMatrix([[0, 0], [0, 0]]), r"expected a sum above 0 \(got 0\)"),
        (lambda: RackMatrix(file="/no/m.csv"), "/no/m.csv: expected a file to read"),
        (lambda: IncastMatrix(0), r"fan_in: expected an integer of 1 or above \(got 0\)"),
        (lambda: IncastMatrix(2, dst=-1), r"dst: expected an integer of 0 or above \(got -1\)"),
    ],
)
def test_bad_parameters_are_named(matrix, message):
    with pytest.raises(InputError, match=message):
        matrix()


@pytest.mark.parametrize("content", ["1,x\n2,3\n", "[1", '{"rows": 1}'])
def test_bad_matrix_files_are_named(tmp_path, content):
    path = tmp_path / ("m.csv" if content.startswith("1") else "m.json")
    path.write_text(content)
    with pytest.raises(WorkloadError, match=str(path)):
        RackMatrix(file=path)


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (RackMatrix([[0, 1], [1, 0]]), r"expected 3 x 3 weights, .* \(got 2 x 2\)"),
        (RackMatrix(np.eye(3)), r"rack 0: expected weight 0 from the rack to itself"),
        (IncastMatrix(4), r"fan_in: expected an integer of at most 3"),
        (IncastMatrix(1, dst=4), r"dst: expected an integer of at most 3"),
    ],
)
def test_what_does_not_fit_the_network_is_refused(uneven, matrix, message):
    with pytest.raises(InputError, match=message):
        matrix.place(uneven, np.random.default_rng(0))


@pytest.mark.parametrize("matrix", [UniformMatrix(), PermutationMatrix(), IncastMatrix(1)])
def test_one_host_is_too_few(matrix):
    with pytest.raises(WorkloadError, match=r"expected two hosts or more \(got 1\)"):
        matrix.place(layout_of(topology.star(1, 10, 1000)), np.random.default_rng(0))
