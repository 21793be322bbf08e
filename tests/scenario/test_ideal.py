from __future__ import annotations

import csv
from pathlib import Path

import networkx as nx
import numpy as np
import pytest

from m4graph import Scenario, load_scenario
from m4graph.scenario.ideal import serialization_ticks
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
