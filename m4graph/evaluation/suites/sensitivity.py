"""The suite ``sensitivity``: m4's empirical test scenarios."""

from __future__ import annotations

from m4graph.core.rng import EVALUATION_SEEDS
from m4graph.evaluation.suites.paper import describe, traits
from m4graph.scenario.suite import Case, Suite

NETWORK = {"pods": 4, "racks": 16, "hosts": 16, "planes": 4}
NUM_SCENARIOS = 100
NUM_FLOWS = 20_000
SEEDS = EVALUATION_SEEDS[10_000 : 10_000 + NUM_SCENARIOS]


def sensitivity() -> Suite:
    """100 scenarios of 20 000 flows among 1024 hosts, with the sizes of three data centres.

    Reference:
        Section 5.3 of Li et al., arXiv 2503.01770 (5.5 of the revised paper). The same ranges; the
        flows are others.
    """
    cases = [
        Case(f"{index:03d}-{each.name}", describe(each, NETWORK, NUM_FLOWS, seed))
        for index, (each, seed) in enumerate(zip(traits(NUM_SCENARIOS), SEEDS, strict=True))
    ]
    return Suite("sensitivity", tuple(cases), balanced=True)
