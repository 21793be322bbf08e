from __future__ import annotations

import csv
from pathlib import Path
from types import SimpleNamespace

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from m4graph import Scenario, load_scenario
from m4graph.scenario.ideal import ideal_fct_ns, serialization_ticks
from m4graph.workload import Workload

SCENARIOS = Path(__file__).parents[1] / "data" / "scenarios"


@pytest.mark.parametrize("name", ["a01_idle_star_dctcp", "a02_idle_fattree_k4_dctcp"])
def test_equals_ns3(name):
    scenario = load_scenario(SCENARIOS / name)
    with (SCENARIOS / name / "expected.csv").open() as file:
        expected = {int(row["id"]): int(row["ideal_fct_ns"]) for row in csv.DictReader(file)}
    assert dict(zip(scenario.workload.id, scenario.ideal_fct_ns, strict=True)) == expected


@pytest.mark.parametrize(
    ("size_bytes", "expected_ns"),
    [
        # 49 bytes at 10, 40, 2.5 Gb/s: 39 + 9 + 156; delays 600
        (1, 39 + 9 + 156 + 600),
        (1000, 838 + 209 + 3353 + 600),
        # One byte more behind the slowest link: 3.2 ns, and its header 153.6 ns, each truncated.
        (1001, 838 + 209 + 3353 + 600 + 3 + 153),
        (3_000_000_001, 838 + 209 + 3353 + 600 + 9_599_996_803 + 3_000_000 * 153),
    ],
)
def test_by_hand_over_three_rates(size_bytes, expected_ns):
    network = nx.Graph()
    network.add_nodes_from([0, 1], kind="host")
    network.add_nodes_from([2, 3], kind="switch")
    network.add_edge(0, 2, rate_bps=10**10, delay_ns=100)
    network.add_edge(2, 3, rate_bps=4 * 10**10, delay_ns=200)
    network.add_edge(3, 1, rate_bps=2_500_000_000, delay_ns=300)
    workload = Workload.from_arrays(
        id=np.array([7]), src=np.array([0]), dst=np.array([1]),
        size_bytes=np.array([size_bytes]), start_ns=np.array([5]),
    )  # fmt: skip
    scenario = Scenario(network, workload, "dctcp")
    assert scenario.ideal_fct_ns.tolist() == [expected_ns]


def test_serialization_is_exact_beyond_64_bits():
    generator = np.random.default_rng(0)
    size = generator.integers(0, 2**40, 500)
    rate = generator.integers(1, 10**13, 500)
    exact = [int(s) * 8 * 10**9 // int(r) for s, r in zip(size, rate, strict=True)]
    keep = np.array([value < 2**63 for value in exact])
    assert keep.sum() > 100
    found = serialization_ticks(size[keep], rate[keep])
    assert found.tolist() == [value for value, kept in zip(exact, keep, strict=True) if kept]


rates = st.one_of(st.integers(10**3, 10**13), st.sampled_from([10**6, 10**9, 10**11, 10**13]))
links = st.lists(st.tuples(rates, st.integers(0, 10**10)), min_size=2, max_size=4)


@settings(max_examples=200, deadline=None)
@given(links, st.integers(1, 10**15), st.integers(1, 65_000), st.sampled_from([1, 1000]))
def test_no_size_rate_or_delay_wraps(links, size_bytes, payload_bytes, ticks_per_ns):
    """The formula in Python's whole numbers, up to flows of eleven days."""
    rate_bps, delay_ns = (np.array(column) for column in zip(*links, strict=True))
    slowest_bps = int(rate_bps.min())
    size_bytes = min(size_bytes, 10**15 * slowest_bps // (8 * 10**9))
    size_bytes = max(size_bytes, 1)

    def ticks(num_bytes, bps):
        return num_bytes * 8 * 10**9 * ticks_per_ns // int(bps)

    first_bytes = min(size_bytes, payload_bytes)
    total = sum(ticks(first_bytes + 48, bps) for bps in rate_bps)
    total += ticks(size_bytes - first_bytes, slowest_bps)
    total += (size_bytes - 1) // payload_bytes * ticks(48, slowest_bps)
    expected_ns = sum(map(int, delay_ns)) + (total + ticks_per_ns // 2) // ticks_per_ns
    expected_ns = max(expected_ns, 1)
    hops = np.arange(len(links), dtype=np.int32)
    ptr = np.array([0, len(links)])
    found = ideal_fct_ns(
        SimpleNamespace(link_rate_bps=rate_bps, link_delay_ns=delay_ns),
        SimpleNamespace(size_bytes=np.array([size_bytes])),
        SimpleNamespace(data_ptr=ptr, data_links=hops),
        payload_bytes,
        ticks_per_ns,
    )
    # Payloads of a byte have 48 bytes of header each: those of 11 days take 1.5 years.
    if expected_ns * ticks_per_ns < 2**63:
        assert found.tolist() == [expected_ns]
