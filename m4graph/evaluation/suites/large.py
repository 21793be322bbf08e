"""The suites ``large`` and ``closed_loop``: thousands of hosts, and racks that wait."""

from __future__ import annotations

from typing import Any

from m4graph.core.rng import EVALUATION_SEEDS, generator
from m4graph.evaluation.suites.paper import KIB, clos, configuration, traits
from m4graph.scenario.suite import Case, Suite

LARGE_NETWORK = {"pods": 8, "racks": 48, "hosts": 16, "planes": 4}
LARGE_SEEDS = EVALUATION_SEEDS[30_000:30_003]
LARGE_FLOWS = 50_000

CLOSED_LOOP_NETWORK = {"pods": 2, "racks": 8, "hosts": 16, "planes": 4}
CLOSED_LOOP_SEEDS = EVALUATION_SEEDS[31_000:31_015]
CLOSED_LOOP_FLOWS = 20_000
LIMITS = (1, 3, 5, 7, 9, 11, 13)


def large() -> Suite:
    """Three scenarios of 50 000 flows among 6144 hosts, a law of sizes each.

    Reference:
        Section 5.2 of Li et al., arXiv 2503.01770 (5.4 of the revised paper): matrix B, two racks
        to a spine, load 0.5, DCTCP with a threshold of 20 KB, windows of 10 KB, buffers of 100 KB.
        The flows are others.
    """
    cases = []
    for sizes, seed in zip(("cache_follower", "web_server", "hadoop"), LARGE_SEEDS, strict=True):
        blocks: dict[str, Any] = {
            "topology": clos(LARGE_NETWORK, spines=24),
            "workload": {
                "kind": "generated",
                "sizes": sizes,
                "load": 0.5,
                "num_flows": LARGE_FLOWS,
                "arrivals": {"kind": "log_normal", "sigma": 1.0},
                "matrix": {"kind": "cluster", "cluster": "B"},
            },
            "network": {
                "buffer_bytes": 100 * KIB,
                "headroom_cap": 0.8,
                "pfc": True,
                "ecn": {"kmin_bytes": 20_000, "kmax_bytes": 20_000, "pmax": 1.0},
            },
            "congestion_control": {
                "kind": "dctcp",
                "init_window_bytes": 10_000,
                "min_rate_mbps": 1000.0,
            },
            "seed": seed,
        }
        cases.append(Case(f"{sizes}-6144", blocks))
    return Suite("large", tuple(cases))


def closed_loop() -> Suite:
    """105 scenarios of 20 000 flows among 256 hosts: 15 configurations, each under 7 limits of
    flows that a rack may have under way.

    A configuration has the same flows under every limit. Any few scenarios in a row differ in both.

    Reference:
        Section 5.4 of Li et al., arXiv 2503.01770 (appendix 1 of the revised paper); the flows are
        others.
    """
    configurations = list(traits(len(CLOSED_LOOP_SEEDS)))
    cases = []
    # 15 and 7 have no common factor, so these pairs are all different.
    for index in range(len(configurations) * len(LIMITS)):
        number, limit = index % len(configurations), LIMITS[index % len(LIMITS)]
        each, seed = configurations[number], CLOSED_LOOP_SEEDS[number]
        network, control = configuration(each.algorithm, generator(seed, "suite", "configuration"))
        blocks = {
            "topology": clos(
                CLOSED_LOOP_NETWORK, CLOSED_LOOP_NETWORK["racks"] // each.oversubscription
            ),
            "workload": {
                "kind": "closed_loop",
                "flows": {
                    "kind": "generated",
                    "sizes": each.sizes,
                    "num_flows": CLOSED_LOOP_FLOWS,
                    "matrix": "client_storage",
                },
                "limit_per_rack": limit,
                "backlog": True,
            },
            "network": network | {"buffer_bytes": 160 * KIB},
            "congestion_control": control,
            "seed": seed,
        }
        over = f"{each.oversubscription}to1"
        cases.append(
            Case(f"{number:02d}-{each.sizes}-{each.algorithm}-{over}-limit{limit}", blocks)
        )
    return Suite("closed_loop", tuple(cases), balanced=True)
