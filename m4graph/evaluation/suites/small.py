"""Suites on networks of 32 hosts: ``smoke``, ``ablation`` and ``generalisation``."""

from __future__ import annotations

from typing import Any

from m4graph.core.rng import EVALUATION_SEEDS, generator
from m4graph.evaluation.suites.paper import Traits, clos, configuration, describe, traits
from m4graph.scenario.suite import Case, Suite

NETWORK = {"pods": 2, "racks": 4, "hosts": 4, "planes": 1}
"""As in the training set of Li et al., arXiv 2503.01770."""

SMOKE_SEEDS = EVALUATION_SEEDS[20_000:20_006]
ABLATION_SEEDS = EVALUATION_SEEDS[21_000:21_012]
GENERALISATION_SEEDS = EVALUATION_SEEDS[22_000:22_009]


def smoke() -> Suite:
    """Six scenarios of 1000 flows: each law of sizes under two of the three algorithms."""
    return _from_traits("smoke", len(SMOKE_SEEDS), 1000, SMOKE_SEEDS)


def ablation() -> Suite:
    """Twelve scenarios of 2000 flows, with the ranges of ``sensitivity``: to compare models."""
    return _from_traits("ablation", len(ABLATION_SEEDS), 2000, ABLATION_SEEDS)


def generalisation() -> Suite:
    """Nine scenarios of 2000 flows, each with something that no recipe for training data has.

    Sizes: WebSearch, and all flows of one size. Networks: dumbbell and star. Loads: 0.1, and 0.85
    and more. The last one has three of these at once.
    """
    fabric = clos(NETWORK, spines=2)
    dumbbell = {"kind": "dumbbell", "num_left": 8, "num_right": 8, "bottleneck_gbps": 40}
    star = {"kind": "star", "num_hosts": 16, "gbps": 10, "delay_ns": 1000}
    uniform, cluster = "uniform", {"kind": "cluster", "cluster": "B"}
    rows: list[tuple[str, dict[str, Any], Any, float, Any, str]] = [
        ("sizes-web_search", fabric, "web_search", 0.5, cluster, "dctcp"),
        ("topology-dumbbell", dumbbell, "web_server", 0.5, uniform, "timely"),
        ("load-0.9", fabric, "hadoop", 0.9, cluster, "dcqcn"),
        ("topology-star", star, "cache_follower", 0.5, uniform, "dcqcn"),
        ("sizes-fixed", fabric, {"kind": "fixed", "size_bytes": 50_000}, 0.5, cluster, "timely"),
        ("load-0.1", fabric, "cache_follower", 0.1, cluster, "dctcp"),
        ("sizes-web_search-dcqcn", fabric, "web_search", 0.7, cluster, "dcqcn"),
        ("load-0.85", fabric, "web_server", 0.85, cluster, "dctcp"),
        ("star-web_search-load-0.85", star, "web_search", 0.85, uniform, "timely"),
    ]
    cases = []
    for (name, topology, sizes, load, matrix, algorithm), seed in zip(
        rows, GENERALISATION_SEEDS, strict=True
    ):
        network, control = configuration(algorithm, generator(seed, "suite", "configuration"))
        workload = {
            "kind": "generated",
            "sizes": sizes,
            "load": load,
            "num_flows": 2000,
            "arrivals": {"kind": "log_normal", "sigma": 1.0},
            "matrix": matrix,
        }
        blocks = {
            "topology": topology,
            "workload": workload,
            "network": network,
            "congestion_control": control,
            "seed": seed,
        }
        cases.append(Case(name, blocks))
    return Suite("generalisation", tuple(cases))


def _from_traits(name: str, count: int, num_flows: int, seeds: range) -> Suite:
    numbered = zip(range(count), traits(count), seeds, strict=True)
    cases = tuple(
        Case(_name(index, each), describe(each, NETWORK, num_flows, seed))
        for index, each, seed in numbered
    )
    return Suite(name, cases, balanced=True)


def _name(index: int, each: Traits) -> str:
    return f"{index:02d}-{each.name}"
