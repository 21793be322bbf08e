"""Generated workloads: the load that was asked for, seeds, bad parameters."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from m4graph import topology
from m4graph.core.errors import ConfigError, InputError
from m4graph.routing import ecmp_routes
from m4graph.workload import FixedSizes, UniformMatrix, Workload, from_config, generate

FIELDS = ("id", "src", "dst", "size_bytes", "start_ns")
FIRST = {
    "src": [6, 0, 12, 12],
    "dst": [5, 8, 15, 4],
    "size_bytes": [11357900, 6412, 25369794, 23256],
    "start_ns": [0, 101668, 237076, 548691],
}


@pytest.fixture(scope="module")
def network() -> nx.Graph:
    return topology.leaf_spine(4, 4, 2, host_gbps=10, fabric_gbps=10, delay_ns=1000)


def link_loads(network: nx.Graph, workload: Workload) -> np.ndarray:
    """Payload bits over each link, per second and over its rate, as routed."""
    arrays = topology.validate(network)
    routes = ecmp_routes(arrays, workload.src, workload.dst)
    size = np.repeat(workload.size_bytes, np.diff(routes.data_ptr))
    bits = 8 * np.bincount(routes.data_links, size, minlength=arrays.num_links)
    return bits / arrays.link_rate_bps / (workload.start_ns.max() * 1e-9)


def same(a: Workload, b: Workload, *names: str) -> bool:
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in names or FIELDS)


def test_star_by_hand():
    """2 hosts, all flows of 1 MB: each uplink carries half of them, 4 Mbit of 10 Gb/s a flow."""
    workload = generate(
        topology.star(2, gbps=10, delay_ns=0), sizes=FixedSizes(10**6), load=0.8, num_flows=40_000
    )
    gaps = np.diff(workload.start_ns)
    assert gaps.mean() == pytest.approx(4e6 / 10 / 0.8, rel=0.02)
    assert workload.start_ns[0] == 0


@pytest.mark.parametrize("arrivals", ["poisson", {"kind": "log_normal", "sigma": 1.0}])
@pytest.mark.parametrize(
    "matrix",
    [
        "uniform",
        "permutation",
        {"kind": "incast", "fan_in": 6, "dst": 3},
        {"kind": "rack_matrix", "matrix": [[0, 9, 1, 1], [1, 0, 1, 1], [1, 1, 2, 1], [1, 1, 1, 0]]},
    ],
)
def test_the_most_loaded_link_has_the_load(network, matrix, arrivals):
    workload = generate(
        network, sizes={"kind": "exponential", "mean_bytes": 1e5}, load=0.6, num_flows=40_000,
        seed=4, matrix=matrix, arrivals=arrivals,
    )  # fmt: skip
    loads = link_loads(network, workload)
    # The largest of many nearly equal links lies a little above the expected one.
    assert loads.max() == pytest.approx(0.6, rel=0.06)


# The same seeds each time: of thousands, one draws arrivals that are off by more than the bound.
@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    load=st.floats(0.05, 1.0),
    host_gbps=st.sampled_from([1, 10, 25]),
    fabric_gbps=st.sampled_from([1, 10, 100]),
    seed=st.integers(0, 1000),
)
def test_load_holds_on_any_rates(load, host_gbps, fabric_gbps, seed):
    dumbbell = topology.dumbbell(3, 3, host_gbps, fabric_gbps, 1000)
    workload = generate(
        dumbbell, sizes={"kind": "fixed", "size_bytes": 20_000}, load=load, num_flows=20_000,
        seed=seed,
    )  # fmt: skip
    assert link_loads(dumbbell, workload).max() == pytest.approx(load, rel=0.06)


def test_same_seed_same_bits(network):
    a, b = (generate(network, num_flows=300, seed=7) for _ in range(2))
    assert same(a, b)


def test_bits_are_fixed(network):
    """A change here breaks the seeds of everyone's scenarios."""
    workload = generate(network, num_flows=4, seed=1)
    assert workload.src.tolist() == FIRST["src"]
    assert workload.dst.tolist() == FIRST["dst"]
    assert workload.size_bytes.tolist() == FIRST["size_bytes"]
    assert workload.start_ns.tolist() == FIRST["start_ns"]


def test_other_seed_other_flows(network):
    a, b = (generate(network, num_flows=300, seed=seed) for seed in (0, 1))
    for name in ("src", "dst", "size_bytes", "start_ns"):
        assert np.mean(getattr(a, name) == getattr(b, name)) < 0.2


def test_streams_are_independent(network):
    base = generate(network, num_flows=300, seed=3, load=0.3)
    faster = generate(network, num_flows=300, seed=3, load=0.6)
    assert same(base, faster, "src", "dst", "size_bytes")
    assert faster.start_ns == pytest.approx(base.start_ns / 2, abs=1)
    smaller = generate(network, num_flows=300, seed=3, load=0.3, sizes="web_server")
    assert same(base, smaller, "src", "dst")
    bursty = generate(network, num_flows=300, seed=3, load=0.3, arrivals="log_normal")
    assert same(base, bursty, "src", "dst", "size_bytes")
    incast = generate(network, num_flows=300, seed=3, matrix={"kind": "incast", "fan_in": 3})
    assert same(base, incast, "size_bytes")
    sizes, gaps = np.argsort(base.size_bytes), np.argsort(np.diff(base.start_ns))
    assert abs(np.corrcoef(sizes[:299], gaps)[0, 1]) < 0.2


def test_names_blocks_and_objects_are_the_same(network):
    named = generate(network, sizes="hadoop", matrix="uniform", num_flows=50)
    block = generate(network, sizes={"kind": "Hadoop"}, matrix=UniformMatrix(), num_flows=50)
    assert same(named, block)


def test_start_is_that_of_the_first_flow(network):
    base = generate(network, num_flows=50)
    later = generate(network, num_flows=50, start_ns=10**9)
    assert np.array_equal(later.start_ns, base.start_ns + 10**9)


def test_one_flow(network):
    assert generate(network, num_flows=1).num_flows == 1


def test_files_of_the_user(network, tmp_path):
    (tmp_path / "my.csv").write_text("bytes,cdf_percent\n500,100\n")
    (tmp_path / "m.csv").write_text("0,1,0,0\n0,0,0,0\n0,0,0,0\n0,0,0,0\n")
    workload = generate(
        network, sizes={"kind": "file", "file": tmp_path / "my.csv"}, num_flows=20,
        matrix={"kind": "rack_matrix", "file": str(tmp_path / "m.csv")},
    )  # fmt: skip
    assert set(workload.size_bytes.tolist()) == {500}
    assert set(workload.src // 4) == {0}
    assert set(workload.dst // 4) == {1}


def test_fifty_thousand_flows_on_thousands_of_hosts():
    network = topology.clos(pods=8, racks=48, hosts=16, planes=4, spines=24)
    workload = generate(network, sizes="web_server", num_flows=50_000)
    assert workload.num_flows == 50_000
    assert len(np.unique(workload.src)) > 6000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"load": 0}, r"load: expected a number above 0 \(got 0\)"),
        ({"load": 1.2}, r"load: expected a number in \(0, 1\] \(got 1.2\)"),
        ({"load": "0.5"}, r"load: .* \(got '0.5'\)"),
        ({"num_flows": 0}, r"num_flows: expected an integer of 1 or above \(got 0\)"),
        ({"num_flows": 2.5}, r"num_flows: .* \(got 2.5\)"),
        ({"start_ns": -1}, r"start_ns: expected an integer of 0 or above \(got -1\)"),
        ({"sizes": {"mean_bytes": 1}}, "sizes.kind: missing key: expected one of cache_f"),
        ({"sizes": {"kind": "pareto"}}, "sizes.mean_bytes: missing key"),
        (
            {"sizes": {"kind": "pareto", "mean_bytes": 9, "alpha": 2}},
            "sizes.alpha: unknown key: expected one of mean_bytes, shape",
        ),
        ({"sizes": 5}, r"sizes: expected a name or a block of keys \(got 5\)"),
        ({"sizes": {"kind": "file", "file": "no.csv"}}, "no.csv: expected a file to read"),
        (
            {"sizes": {"kind": "file", "file": 5}},
            r"sizes.file: expected the path .* \(got 5\)",
        ),
        (
            {"arrivals": {"kind": "poisson", "rate": 1}},
            "arrivals.rate: unknown key",
        ),
        ({"matrix": {"kind": "rack_matrix", "matrix": [[1]]}}, r"expected 4 x 4 weights"),
    ],
)
def test_bad_parameters_are_named(network, arguments, message):
    with pytest.raises(InputError, match=message):
        generate(network, **arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sizes": "web_serch"}, r"web_search.*did you mean 'web_search'"),
        ({"arrivals": "weibull"}, r"arrival law: expected one of .*poisson"),
        ({"matrix": "all_to_all"}, r"traffic matrix: expected one of .*incast"),
        ({"seed": -1}, r"seed: expected an integer of 0 or above \(got -1\)"),
    ],
)
def test_unknown_names_list_the_valid_ones(network, arguments, message):
    with pytest.raises(ConfigError, match=message) as caught:
        generate(network, **arguments)
    assert isinstance(caught.value, InputError)


def test_flows_until_a_time_are_those_of_their_number(network):
    """All that start before it, the same as their number gives; in one go, or after more draws."""
    many = generate(network, num_flows=3000, seed=4)
    for end in (1, 2, 100, 2000):
        until_ns = int(many.start_ns[end])
        some = generate(network, seed=4, until_ns=until_ns)
        np.testing.assert_array_equal(some.start_ns, many.start_ns[:end])
        again = generate(network, num_flows=end, seed=4)
        for name in ("src", "dst", "size_bytes"):
            np.testing.assert_array_equal(getattr(some, name), getattr(again, name))
    later = generate(network, seed=4, start_ns=500, until_ns=500 + int(many.start_ns[100]))
    np.testing.assert_array_equal(later.start_ns, 500 + many.start_ns[:100])


def test_until_us_of_a_block(network):
    block = {"kind": "generated", "until_us": 1500.5}
    made = from_config(block, network, seed=1)
    assert made.start_ns[-1] < 1_500_500
    assert made.num_flows == generate(network, seed=1, until_ns=1_500_500).num_flows
    tiny = {"until_us": 1e15, "sizes": {"kind": "fixed", "size_bytes": 1}}
    for change, message in (
        ({"num_flows": 5}, r"workload\.num_flows: expected it without until_us"),
        ({"start_ns": 2**61}, r"workload\.until_us: expected a time after start_ns, 2305"),
        (tiny, r"workload\.until_us: expected a time with at most 50000000 flows"),
    ):
        with pytest.raises(ConfigError, match=message):
            from_config(block | change, network)
