"""The suite ``parsimon``: networks of 256 hosts, as decompositions by link are tried on."""

from __future__ import annotations

from typing import Any

from m4graph.core.rng import EVALUATION_SEEDS, generator
from m4graph.evaluation.suites.paper import configuration
from m4graph.scenario.suite import Case, Suite

SEEDS = EVALUATION_SEEDS[40_000:40_012]

_BESIDE: dict[str, dict[str, Any]] = {
    "parsimon": {"kind": "parsimon"},
    "parsimon as published": {"kind": "parsimon", "combine": "monte_carlo"},
}
_FAST_FABRIC = {"pods": 2, "racks": 16, "hosts": 8, "planes": 2, "fabric_gbps": 40}
_EQUAL_RATES = {"pods": 2, "racks": 8, "hosts": 16, "planes": 4, "fabric_gbps": 10}
_RATES = {"host_gbps": 10, "delay_ns": 1000}
_NUM_FLOWS = {"web_server": 16_000, "cache_follower": 4000, "hadoop": 4000}

# Sizes, load, spines in a plane, matrix. The order is that of the seeds.
_ON_FAST_FABRIC = (
    ("web_server", 0.3, 16, "A"),
    ("web_server", 0.5, 8, "C"),
    ("web_server", 0.7, 4, "B"),
    ("cache_follower", 0.3, 8, "B"),
    ("cache_follower", 0.5, 4, "A"),
    ("cache_follower", 0.7, 16, "C"),
    ("hadoop", 0.3, 4, "C"),
    ("hadoop", 0.5, 16, "B"),
    ("hadoop", 0.7, 8, "A"),
)
_ON_EQUAL_RATES = (
    ("web_server", 0.5, 8, "B"),
    ("cache_follower", 0.3, 4, "C"),
    ("hadoop", 0.7, 2, "A"),
)


def parsimon() -> Suite:
    """Twelve scenarios of DCTCP. Nine are of Parsimon's own kind: a fabric of 40 Gb/s, windows of
    18 KB, buffers that never fill. Three have 10 Gb/s everywhere, short windows, small buffers
    and PFC, as ``sensitivity``.

    Reference:
        Section 5 of Zhao et al., "Scalable Tail Latency Estimation for Data Center Networks", NSDI
        2023, for the networks, sizes and loads. The flows are others.
    """
    rows = [(_FAST_FABRIC, row) for row in _ON_FAST_FABRIC]
    rows += [(_EQUAL_RATES, row) for row in _ON_EQUAL_RATES]
    numbered = zip(range(1, len(rows) + 1), rows, SEEDS, strict=True)
    cases = tuple(_case(number, *row, seed) for number, row, seed in numbered)
    return Suite("parsimon", cases, beside=_BESIDE)


def _case(
    number: int, network: dict[str, int], row: tuple[str, float, int, str], seed: int
) -> Case:
    sizes, load, spines, cluster = row
    blocks: dict[str, Any] = {
        "topology": {"kind": "clos", **network, **_RATES, "spines": spines},
        "workload": {
            "kind": "generated",
            "sizes": sizes,
            "load": load,
            "num_flows": _NUM_FLOWS[sizes],
            "arrivals": {"kind": "log_normal", "sigma": 2.0 if number % 2 else 1.0},
            "matrix": {"kind": "cluster", "cluster": cluster},
        },
        "congestion_control": {
            "kind": "dctcp",
            "init_window_bytes": 18_000,
            "min_rate_mbps": 100.0,
        },
        "seed": seed,
    }
    if network is _EQUAL_RATES:
        draws = generator(seed, "suite", "configuration")
        blocks["network"], blocks["congestion_control"] = configuration("dctcp", draws)
    return Case(f"{number:02d}-{sizes}-{load}-{network['racks'] // spines}to1-{cluster}", blocks)
